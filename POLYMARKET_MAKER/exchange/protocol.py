"""What worker and supervisor are handed to trade with, whichever library stands behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from POLYMARKET_MAKER.core.model import MarketInfo
from POLYMARKET_MAKER.core.order import (
    CancelResult,
    Fill,
    NewOrder,
    OpenOrder,
    Outcome,
    Rejected,
    SignedOrder,
)

REFUSES_US: Final = (
    "order_version_mismatch",
    "invalid order version",
    "owner of the api key",
    "address of the api key",
    "invalid signature",
    "maker address not allowed",
    "signer address has to be",
    "closed only mode",
    "banned",
)
"""Parts of refusals that every next order would meet too (exchange docs, 2026-09)."""
UNAUTHORISED: Final = (401, 403)


def refuses_us(rejected: Rejected) -> bool:
    """Whether a refusal says that no later order can succeed either."""
    text = rejected.reason.lower()
    return any(part in text for part in REFUSES_US)


def is_unauthorised(status_code: int | None, reason: str) -> bool:
    """Whether a refusal is of who asks; a single one may pass: ask once more."""
    return status_code in UNAUTHORISED or "api key" in reason.lower()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the exchange believes the wallet holds and lets it move.

    Attributes:
        balance: USD for collateral, shares for a token.
        allowances: Contract address to the amount it may move.
    """

    balance: Decimal
    allowances: Mapping[str, Decimal]


class MarketReader(Protocol):
    """What a market is, read without keys."""

    def market_info(self, token_id: str) -> MarketInfo:
        """Gather what must be known before an order for *token_id* can be written.

        Raises:
            VenueUnreachable: No usable answer; try again later.
            VenueRefused: The market is unknown, or cannot be traded from here.
        """
        ...


class AccountReader(Protocol):
    """Reads and cancels: all that is possible without the signing library.

    Every method is one request with a deadline and may be called from any thread.

    Raises:
        VenueUnreachable: No usable answer (time-out, 5xx, 425, 429); try again later.
        VenueRefused: The exchange understood and said no.
    """

    def open_orders(self) -> list[OpenOrder]:
        """List every open order of the account, ours and foreign, all pages."""
        ...

    def order(self, order_id: str) -> OpenOrder | None:
        """Read one order; None when the exchange does not know the id, which proves nothing."""
        ...

    def fills(self, *, after: float | None = None) -> list[Fill]:
        """List the account's fills since *after* (epoch seconds), one row per order of ours."""
        ...

    def balance(self) -> Decimal:
        """Return the free and locked collateral in USD."""
        ...

    def cancel(self, order_ids: Sequence[str]) -> CancelResult:
        """Cancel by id; an empty list is no request."""
        ...


class Exchange(AccountReader, Protocol):
    """An account that can place orders."""

    def sign(self, order: NewOrder, market: MarketInfo) -> SignedOrder:
        """Sign without sending. The same call twice gives two different orders.

        Raises:
            VenueRefused: Such an order cannot be signed for this market.
            ValueError: Price or size is not on the market's grid.
        """
        ...

    def post(self, signed: SignedOrder) -> Outcome:
        """Send a signed order once. Never raises for what the exchange or the network did."""
        ...


class LiveAccount(AccountReader, Protocol):
    """What a preflight and the dead-man switch need of a real account; raises as AccountReader."""

    def allowance(self, token_id: str | None = None) -> Allowance:
        """Read balance and allowances of the collateral, or of one outcome token."""
        ...

    def is_closed_only(self) -> bool:
        """Whether the exchange lets this account only close what it holds."""
        ...

    def heartbeat(self, heartbeat_id: str) -> str:
        """Beat the dead-man switch of this API key; return the id to send next time."""
        ...
