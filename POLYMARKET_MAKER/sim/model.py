"""The nouns of the exchange: markets, orders, trades, and what a batch reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from POLYMARKET_MAKER.sim.canonical import ONE, ZERO


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    GTC = "GTC"
    GTD = "GTD"
    FOK = "FOK"
    FAK = "FAK"

    @property
    def rests(self) -> bool:
        return self in (OrderType.GTC, OrderType.GTD)


class Status(StrEnum):
    """What an order of the user channel and of ``/data/order`` can be."""

    LIVE = "LIVE"
    MATCHED = "MATCHED"
    DELAYED = "DELAYED"
    CANCELED = "CANCELED"
    CANCELED_MARKET_RESOLVED = "CANCELED_MARKET_RESOLVED"
    CANCELED_EXPIRED_ORDER = "CANCELED_EXPIRED_ORDER"
    INVALID = "INVALID"


class TradeStatus(StrEnum):
    MATCHED = "MATCHED"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        return self in (TradeStatus.CONFIRMED, TradeStatus.FAILED)


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """What never changes about a binary market.

    Attributes:
        tokens: The two complementary outcome tokens, the primary one first.
        is_position: The ids are Protocol-V2 position ids, signed with domain "3".
        end_at: When trading is meant to end, in epoch seconds.
        temper: Name of the simulated flow.
        start_price: Where the flow begins, for the primary token.
    """

    number: int
    condition_id: str
    tokens: tuple[str, str]
    slug: str
    question: str
    tick_size: Decimal = Decimal("0.01")
    min_order_size: Decimal = Decimal(5)
    neg_risk: bool = False
    fee_rate: Decimal = ZERO
    fee_exponent: int = 1
    is_position: bool = False
    end_at: int = 0
    temper: str = "busy"
    start_price: float = 0.5
    outcomes: tuple[str, str] = ("Yes", "No")


@dataclass(slots=True)
class Order:
    """One order, in terms of its own token.

    Attributes:
        wallet: The address that holds the funds, ``maker`` of the signed order.
        owner: The API key under which it was posted.
        token: 0 for the primary token of the market, 1 for the secondary.
        budget: Collateral to spend; set for FOK and FAK buys, whose amount is
            collateral, not shares.
        expires_at: When the order leaves the book, in epoch seconds.
    """

    id: str
    wallet: str
    owner: str
    condition_id: str
    token: int
    side: Side
    price: Decimal
    size: Decimal
    type: OrderType = OrderType.GTC
    expiration: int = 0
    expires_at: float | None = None
    budget: Decimal | None = None
    created_at_ms: int = 0
    matched: Decimal = ZERO
    spent: Decimal = ZERO
    status: Status = Status.LIVE
    is_flow: bool = False
    trade_ids: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        return self.size - self.matched

    @property
    def is_bid(self) -> bool:
        """Tell the side of the one mirrored book: a bid for the primary token.

        Buying the secondary at p is the same as selling the primary at 1 - p.
        """
        return (self.side is Side.BUY) == (self.token == 0)

    @property
    def book_price(self) -> Decimal:
        return self.price if self.token == 0 else ONE - self.price


@dataclass(frozen=True, slots=True)
class MakerFill:
    """The part that one resting order has in a trade, in terms of its own token."""

    order_id: str
    wallet: str
    owner: str
    token: int
    side: Side
    price: Decimal
    size: Decimal
    is_flow: bool


@dataclass(slots=True)
class Trade:
    """One taker order against the resting orders of one price level.

    Attributes:
        price: In terms of the taker's token.
    """

    id: str
    condition_id: str
    taker_order_id: str
    wallet: str
    owner: str
    token: int
    side: Side
    price: Decimal
    size: Decimal
    fee: Decimal
    makers: tuple[MakerFill, ...]
    matched_at_ms: int
    updated_at_ms: int
    transaction_hash: str
    bucket_index: int
    taker_is_flow: bool
    status: TradeStatus = TradeStatus.MATCHED

    @property
    def is_bid(self) -> bool:
        return (self.side is Side.BUY) == (self.token == 0)

    @property
    def book_price(self) -> Decimal:
        return self.price if self.token == 0 else ONE - self.price

    @property
    def concerns_client(self) -> bool:
        return not self.taker_is_flow or any(not each.is_flow for each in self.makers)


@dataclass(frozen=True, slots=True)
class LevelChange:
    """The new total at one price of the primary token's book; 0 removes the level."""

    is_bid: bool
    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class BookBatch:
    """Everything that one step of the engine did to one market.

    Attributes:
        changes: Levels in the order in which frames report them.
        trades: Trades of the batch; each token's whole book follows them.
        top_changed: The best bid or ask is another than after the last batch.
    """

    condition_id: str
    at_ms: int
    changes: tuple[LevelChange, ...]
    trades: tuple[Trade, ...]
    top_changed: bool


@dataclass(frozen=True, slots=True)
class OrderEvent:
    order: Order
    kind: str  # PLACEMENT, UPDATE, CANCELLATION
    status: Status
    matched: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class TradeEvent:
    trade: Trade
    status: TradeStatus
    at_ms: int


@dataclass(frozen=True, slots=True)
class TickChanged:
    condition_id: str
    old: Decimal
    new: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """A market has ended.

    Attributes:
        announced: Whether the market channel says so. Production does not always.
    """

    condition_id: str
    winner: int
    announced: bool
    at_ms: int


Event = BookBatch | OrderEvent | TradeEvent | TickChanged | Resolved
