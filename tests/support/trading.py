"""Short words for the trading tests: quotes, orders and markets with only what matters named."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from POLYMARKET_MAKER.core.model import (
    AgedQuote,
    Level,
    MarketInfo,
    OrderVersion,
    Quote,
    Side,
    Source,
    TokenHealth,
)
from POLYMARKET_MAKER.core.order import (
    Fill,
    FillStatus,
    NewOrder,
    OpenOrder,
    Position,
    SignedOrder,
    TimeInForce,
)

T0 = 1_795_187_463.0
TOKEN, SIBLING = "7132", "9999"
MARKET = MarketInfo(
    TOKEN,
    "0xc0",
    SIBLING,
    "Yes",
    "Will it?",
    Decimal("0.01"),
    Decimal(5),
    neg_risk=False,
    order_version=OrderVersion.V2,
)


def quote(
    bid: str | None, ask: str | None, *, size: str = "100", token: str = TOKEN, tick: str = "0.01"
) -> Quote:
    def side(price: str | None) -> tuple[Level, ...]:
        return () if price is None else (Level(Decimal(price), Decimal(size)),)

    return Quote(
        token,
        None if bid is None else Decimal(bid),
        None if ask is None else Decimal(ask),
        side(bid),
        side(ask),
        None,
        Decimal(tick),
        None,
        T0,
        1,
        "book",
    )


def aged(
    bid: str | None,
    ask: str | None,
    *,
    health: TokenHealth = TokenHealth.LIVE,
    tick: str = "0.01",
) -> AgedQuote:
    fresh = replace(quote(bid, ask), tick_size=Decimal(tick))
    return AgedQuote(fresh, 0.1, health, Source.SHARED)


def holding(size: str, entry: str = "0.50") -> Position:
    return Position(TOKEN, Decimal(size), Decimal(entry))


FLAT = Position(TOKEN)


def resting(
    order_id: str,
    side: Side,
    price: str,
    size: str,
    *,
    matched: str = "0",
    token: str = TOKEN,
    at: float = T0,
    status: str = "LIVE",
) -> OpenOrder:
    return OpenOrder(
        order_id,
        token,
        "0xc0",
        side,
        Decimal(price),
        Decimal(size),
        Decimal(matched),
        status,
        at,
    )


def signed(
    order_id: str,
    side: Side = Side.BUY,
    price: str = "0.50",
    size: str = "10",
    *,
    token: str = TOKEN,
    time_in_force: TimeInForce = TimeInForce.GTC,
) -> SignedOrder:
    order = NewOrder(token, side, Decimal(price), Decimal(size), time_in_force)
    return SignedOrder(order, order_id, b'{"order":"%s"}' % order_id.encode())


def fill(
    trade_id: str,
    order_id: str,
    side: Side = Side.BUY,
    price: str = "0.50",
    size: str = "10",
    *,
    token: str = TOKEN,
    fee: str = "0",
    status: FillStatus = FillStatus.MATCHED,
    at: float = T0,
) -> Fill:
    return Fill(
        trade_id,
        order_id,
        token,
        side,
        Decimal(price),
        Decimal(size),
        Decimal(fee),
        is_maker=fee == "0",
        status=status,
        at=at,
    )
