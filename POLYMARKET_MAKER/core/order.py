"""The words of the program for what is ours: an order on its way, its answer, fill and position.

Units are those of ``core.model``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from POLYMARKET_MAKER.core.model import SIZE_STEP, ZERO, Side


class TimeInForce(StrEnum):
    """How long an order may rest, in the exchange's own words."""

    GTC = "GTC"  # until cancelled
    GTD = "GTD"  # until its expiration
    FOK = "FOK"  # all at once or nothing
    FAK = "FAK"  # what matches at once, the rest is dropped


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as we want it, before it is signed.

    Attributes:
        expires_at: When a GTD order ends, in epoch seconds; None for every other.
    """

    token_id: str
    side: Side
    price: Decimal
    size: Decimal
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = True
    expires_at: float | None = None

    @property
    def notional(self) -> Decimal:
        return self.price * self.size


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order that can be sent, and sent again: the same bytes are the same order.

    Attributes:
        order: What was signed.
        order_id: The exchange's id of it, known before it is sent (EIP-712 hash).
        body: The exact request body; it carries a signature and an API key id, so it is a secret.
    """

    order: NewOrder
    order_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """The exchange took the order.

    Attributes:
        order_id: Its id.
        status: The exchange's word: live, matched, delayed, unmatched.
        trade_ids: Trades that it made at once.
    """

    order_id: str
    status: str
    trade_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The exchange refused the order; nothing of it exists there."""

    reason: str
    status_code: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No usable answer: the order may or may not exist. Resolve before signing a new one.

    Attributes:
        retry_after_s: What the exchange asked us to wait, if it did.
        code: Its machine-readable code, such as ``post_only_mode``.
    """

    reason: str
    retry_after_s: float | None = None
    code: str | None = None


Outcome = Placed | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class CancelResult:
    """What a cancel request did, id by id; ids in neither list are unknown.

    Attributes:
        canceled: Ids that are gone from the book by this request.
        not_canceled: Id to the exchange's reason.
    """

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """One of the account's orders, as the exchange describes it.

    Attributes:
        size: Original size in shares.
        size_matched: How much of it has traded.
        status: The exchange's word without its ``ORDER_STATUS_`` prefix: LIVE,
            MATCHED, DELAYED, UNMATCHED, CANCELED…, INVALID.
    """

    order_id: str
    token_id: str
    condition_id: str
    side: Side
    price: Decimal
    size: Decimal
    size_matched: Decimal
    status: str
    created_at: float

    @property
    def remaining(self) -> Decimal:
        return self.size - self.size_matched

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in ("LIVE", "DELAYED") and self.remaining > 0


class FillStatus(StrEnum):
    """Life of a trade: MATCHED, MINED, CONFIRMED; FAILED undoes it."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    RETRYING = "RETRYING"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade of ours. Its key is (trade_id, order_id): one trade may fill several orders.

    Attributes:
        fee: USD paid for it; makers pay none.
        is_maker: Whether our order was resting.
    """

    trade_id: str
    order_id: str
    token_id: str
    side: Side
    price: Decimal
    size: Decimal
    fee: Decimal
    is_maker: bool
    status: FillStatus
    at: float


@dataclass(frozen=True, slots=True)
class Position:
    """What the ledger's fills of one token add up to.

    Attributes:
        size: Shares held; never negative.
        entry_price: Average cost of a share held, taker fees included; None when none is.
        realised: USD won or lost by what was sold, fees included.
    """

    token_id: str
    size: Decimal = ZERO
    entry_price: Decimal | None = None
    realised: Decimal = ZERO

    @property
    def is_flat(self) -> bool:
        """Whether less is held than an order can carry; the remainder stays held."""
        return self.size < SIZE_STEP


@dataclass(frozen=True, slots=True)
class WantedOrder:
    """One order that the strategy wants to be resting, or to take at once.

    Attributes:
        reason: Why, as a short code for the log: ``drop``, ``take_profit``, ``exit`` …
    """

    side: Side
    price: Decimal
    size: Decimal
    reason: str
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = True


Wanted = tuple[WantedOrder, ...]
"""All that should be on the book for a token; empty means nothing should be."""
