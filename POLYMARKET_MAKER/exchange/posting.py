"""What both CLOB clients have in common: sending an order, and what the answer means.

The libraries sign; they do not send. Sending through our own client avoids what
py-clob-client-v2 1.2.1 does around a post: polling trades for up to 30 s after a
taker fill, losing ``Retry-After``, HTTP/2 through whatever proxy the environment
names with a 5 s time-out of its own, and (when asked) a second POST after 30 ms.
Its caches of tick size and version are not used either, they never expire; nor
is its rounding (amounts.py).
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import ClassVar, Final, Protocol

import msgspec

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion
from POLYMARKET_MAKER.core.order import NewOrder, Outcome, Placed, Rejected, SignedOrder, Unknown
from POLYMARKET_MAKER.errors import CannotStart, SettingsError, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.amounts import Amounts, amounts
from POLYMARKET_MAKER.exchange.auth import NO_SUCH_KEY, Credentials, SignatureType, Wallet
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.log import short

# Said with success=false although the order may still be matched (exchange docs, order errors).
UNDECIDED: Final = ("match delayed", "error delaying", "could not run the execution")


class _PostAnswer(msgspec.Struct):
    success: bool = False
    error: str | None = None
    errorMsg: str | None = None  # noqa: N815 - the exchange's names
    orderID: str | None = None  # noqa: N815
    status: str | None = None
    tradeIDs: list[str] | None = None  # noqa: N815


class OrderSigner(Protocol):
    """One library and one key. Made at the first signature: it loads the library.

    Attributes:
        address: The key's own address.
    """

    address: str

    def sign(self, sums: Amounts, market: MarketInfo, *, owner: str) -> SignedOrder:
        """Build, sign and serialise one order for the API key *owner*."""
        ...


class PostingAccount(Account):
    """An account that can place orders; its subclasses say which library signs them."""

    signs: ClassVar[tuple[OrderVersion, ...]]
    library: ClassVar[str]

    def __init__(
        self,
        http: Http,
        host: str,
        credentials: Credentials,
        wallet: Wallet,
        *,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            http,
            host,
            credentials,
            funder=wallet.funder,
            signature_type=wallet.signature_type,
            clock=clock,
        )
        self._wallet = wallet

    def sign(self, order: NewOrder, market: MarketInfo) -> SignedOrder:
        """Sign without sending. The same call twice gives two different orders.

        Raises:
            VenueRefused: The market wants a signature that this library does not make.
            SettingsError: Key, wallet kind, funder and API credentials do not fit together.
            CannotStart: The library is missing.
            ValueError: Price or size is off the market's grid.
        """
        if market.order_version not in self.signs:
            versions = " and ".join(self.signs)
            raise VenueRefused(
                f"market {short(market.condition_id)} wants order version "
                f"{market.order_version}, {self.library} signs version {versions} here"
            )
        sums = amounts(order, market)
        return self._signer.sign(sums, market, owner=self._credentials.api_key)

    def warm_up(self) -> None:
        """Load the library and check the key now, so that the first order does not wait for it.

        Raises:
            SettingsError: Key, wallet kind, funder and API credentials do not fit together.
            CannotStart: The library is missing.
        """
        _ = self._signer

    def _make_signer(self, wallet: Wallet) -> OrderSigner:
        raise NotImplementedError

    @cached_property
    def _signer(self) -> OrderSigner:
        try:
            signer = self._make_signer(self._wallet)
        except ImportError as error:
            raise CannotStart(
                f"{self.library} cannot be loaded: {error}; pip install -r requirements.txt"
            ) from error
        except ValueError:  # its text might repeat the key
            raise SettingsError(NO_SUCH_KEY) from None
        _check_wallet(self._wallet, self._credentials, signer.address)
        return signer

    def post(self, signed: SignedOrder) -> Outcome:
        """Send exactly these bytes, once. Never raises for what exchange or network did.

        The exchange takes the same signed bytes only once, so that to send them
        again is safe: "Duplicated" means the first sending was taken, and is
        ``Placed`` with status ``duplicate``.
        """
        try:
            answer = self._send("POST", "/order", _PostAnswer, body=signed.body)
        except VenueUnreachable as error:
            return Unknown(str(error), error.retry_after_s, error.code)
        except VenueRefused as error:
            return _refused(signed, str(error), error.status_code)
        return _outcome(signed, answer)


def _outcome(signed: SignedOrder, answer: _PostAnswer) -> Outcome:
    """Judge an answer with status 200, which is not always a yes."""
    text = answer.errorMsg or answer.error
    if answer.success and answer.orderID:
        return Placed(answer.orderID, answer.status or "", tuple(answer.tradeIDs or ()))
    if text:  # also with success=true and no id: seen for refused amounts
        return _refused(signed, text, 200)
    # Any JSON object decodes as an answer: without a word of refusal nothing is known.
    return Unknown("the answer had no order id" if answer.success else "the answer said nothing")


def _refused(signed: SignedOrder, text: str, status_code: int | None) -> Outcome:
    lowered = text.lower()
    if "duplicated" in lowered:
        return Placed(signed.order_id, "duplicate")
    if any(words in lowered for words in UNDECIDED):
        return Unknown(text)
    return Rejected(text, status_code)


def _check_wallet(wallet: Wallet, credentials: Credentials, address: str) -> None:
    """Find before the first order what the exchange would refuse in every order."""
    problems = []
    if credentials.address.lower() != address.lower():
        problems.append(
            f"POLY_KEY belongs to {short(address)}, the API credentials to "
            f"{short(credentials.address)}; derive them again"
        )
    if (wallet.signature_type is SignatureType.EOA) != (wallet.funder.lower() == address.lower()):
        kind = wallet.signature_type
        problems.append(
            f"POLY_SIGNATURE was {kind.value} ({kind.name}) and POLY_FUNDER {short(wallet.funder)}"
            f", the key's own address is {short(address)}; type 0 means both are the same"
        )
    if problems:
        raise SettingsError(*problems)


def body_bytes(payload: object) -> bytes:
    """Serialise a request body the way the exchange's own clients do: compact JSON."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
