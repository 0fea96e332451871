"""Turn a posted body into an order of the engine, or refuse it.

Everything is checked that does not depend on the book: shape, version, owner,
signer, signature, expiration, amounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from POLYMARKET_MAKER.sim import refusals
from POLYMARKET_MAKER.sim.auth import Credentials
from POLYMARKET_MAKER.sim.contracts import Domain, SignatureError, SignatureType, Version
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import Order, OrderType, Side

MICRO = Decimal(10) ** -6
# A FOK or FAK amount is rounded by the client to as few as four decimals.
MARKET_ROUNDING = Decimal("0.0001")
GTD_MARGIN_S = 60  # a GTD order leaves the book so long before its expiration
GTD_AHEAD_S = 180  # "must be about three minutes ahead"; the exact limit is not established


@dataclass(frozen=True, slots=True)
class Admitted:
    """A body that was found in order.

    Attributes:
        version: The exchange version it was signed for.
    """

    order: Order
    version: Version
    post_only: bool


class Wallets:
    """Which key may sign for which wallet: the first signer of a wallet owns it.

    Production derives proxy and Safe addresses from the signer; a simulator
    takes any wallet, but never two signers for one.
    """

    def __init__(self) -> None:
        self._signers: dict[str, str] = {}
        self._wallets: dict[tuple[str, int], str] = {}

    def bind(self, *, wallet: str, signer: str, kind: int) -> bool:
        """Note that *signer* signs for *wallet*; False when another one does."""
        owner = self._signers.setdefault(wallet.lower(), signer.lower())
        if owner == signer.lower():
            self._wallets.setdefault((owner, kind), wallet)
        return owner == signer.lower()

    def of(self, signer: str, kind: int) -> str | None:
        """Return the wallet that *signer* used with signature type *kind*."""
        if kind == SignatureType.EOA:
            return signer
        return self._wallets.get((signer.lower(), kind))

    def all_of(self, signer: str) -> set[str]:
        """Return every wallet that *signer* signs for, in lower case."""
        owned = {wallet for wallet, owner in self._signers.items() if owner == signer.lower()}
        return owned | {signer.lower()}


def posted_version(order: dict[str, Any]) -> Version:
    """Tell a V1 body from a V2 one: only the former signs a nonce and a fee."""
    return Version.V1 if "feeRateBps" in order else Version.V2


def admit(
    body: dict[str, Any],
    credentials: Credentials,
    market: Market,
    token: int,
    *,
    venue_version: int,
    chain_id: int,
    wallets: Wallets,
    now_s: float,
) -> Admitted:
    """Check a posted body and return the order it stands for.

    Raises:
        Refused: With the exchange's own text.
    """
    signed = body["order"]
    posted = posted_version(signed)
    if (posted is Version.V1) != (venue_version == 1):
        raise refusals.version_mismatch()
    version = Version.V3 if market.spec.is_position else posted
    if body.get("owner") != credentials.key:
        raise refusals.not_owner()
    domain = Domain(version, chain_id, market.spec.neg_risk)
    try:
        order_id = _proven_id(signed, domain, credentials, wallets)
    except SignatureError as error:
        raise refusals.bad_signature() from error
    kind = _order_type(body)
    expiration = _expiration(signed, kind, now_s)
    order = Order(
        id=order_id,
        wallet=signed["maker"],
        owner=credentials.key,
        condition_id=market.spec.condition_id,
        token=token,
        side=Side(signed["side"]),
        price=Decimal(0),
        size=Decimal(0),
        type=kind,
        expiration=expiration,
        expires_at=expiration - GTD_MARGIN_S if expiration else None,
    )
    _set_amounts(order, signed, market.tick_size)
    post_only = bool(body.get("postOnly", False))
    if post_only and not kind.rests:
        raise refusals.bad_payload()
    return Admitted(order, version, post_only)


def _proven_id(
    signed: dict[str, Any], domain: Domain, credentials: Credentials, wallets: Wallets
) -> str:
    """Hold that the account itself signed an order; return the order's id."""
    from POLYMARKET_MAKER.sim.signatures import order_hash, order_signer  # noqa: PLC0415 - 0.2 s

    number = _number(signed.get("signatureType"))
    if number not in list(SignatureType):
        raise refusals.bad_payload()
    kind = SignatureType(number)
    maker, signer = str(signed.get("maker")), str(signed.get("signer"))
    if kind is SignatureType.POLY_1271:
        if domain.version is Version.V1:
            raise refusals.bad_signature()
        if maker.lower() != signer.lower():
            raise refusals.maker_not_allowed()
    elif signer.lower() != credentials.address.lower():
        raise refusals.not_signer()
    if kind is SignatureType.EOA and maker.lower() != signer.lower():
        raise refusals.bad_signature()
    if order_signer(signed, domain).lower() != credentials.address.lower():
        raise refusals.bad_signature()
    if not wallets.bind(wallet=maker, signer=credentials.address, kind=kind):
        raise refusals.maker_not_allowed()
    return order_hash(signed, domain)


def _number(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError) as error:
        raise refusals.bad_payload() from error
    if not 0 <= number < 2**256:
        raise refusals.bad_payload()
    return number


def _order_type(body: dict[str, Any]) -> OrderType:
    try:
        return OrderType(str(body.get("orderType")))
    except ValueError as error:
        raise refusals.bad_payload() from error


def _expiration(signed: dict[str, Any], kind: OrderType, now_s: float) -> int:
    expiration = _number(signed.get("expiration", 0))
    if (kind is OrderType.GTD) != (expiration != 0):
        raise refusals.bad_expiration()
    if expiration and expiration < now_s + GTD_AHEAD_S:
        raise refusals.bad_expiration()
    return expiration


def _set_amounts(order: Order, signed: dict[str, Any], tick: Decimal) -> None:
    """Read price and size out of the two signed amounts, which are in millionths.

    A buyer makes collateral and takes shares, a seller the other way round. The
    price of a resting order must be their exact quotient; that of a FOK or FAK
    order is the nearest price of the grid, its amounts being rounded.
    """
    making = _number(signed.get("makerAmount")) * MICRO
    taking = _number(signed.get("takerAmount")) * MICRO
    usd, shares = (making, taking) if order.side is Side.BUY else (taking, making)
    if not usd or not shares:
        raise refusals.bad_payload()
    price = (usd / shares / tick).to_integral_value() * tick
    rounding = MICRO if order.type.rests else MARKET_ROUNDING
    if abs(price * shares - usd) > rounding:
        raise refusals.off_grid(order.id, (usd / shares).quantize(MICRO), tick)
    order.price, order.size = price, shares
    if order.side is Side.BUY and not order.type.rests:
        order.budget = usd
