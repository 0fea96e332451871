"""The words of the program: what a quote, an order, a fill and a position are.

Prices are USD per share, 0 < price < 1; sizes are shares; both are ``Decimal``
wherever they can reach an order. Stamps (``_at``) are wall-clock epoch seconds.
A side that is missing is ``None`` or empty, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec

ZERO = Decimal(0)
SIZE_STEP = Decimal("0.01")
"""What the sizes of orders are multiples of, in shares. Fills have more decimals than that."""


class Side(StrEnum):
    """Side of an order, in the exchange's own words."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class Source(StrEnum):
    """Where a child's quote came from."""

    SHARED = "shared"  # the aggregator's snapshot
    DIRECT = "direct"  # the child's own connection


class TokenHealth(StrEnum):
    """What the last quote of one token is worth."""

    PENDING = "pending"  # asked for, no book yet
    LIVE = "live"  # a quote arrived recently
    QUIET = "quiet"  # no recent quote, but its line held: the quote stands
    SUSPECT = "suspect"  # quiet for unusually long: a witness is being asked
    RESYNC = "resync"  # the line broke after the quote: wait for a new book
    STALE = "stale"  # the writer is silent, or there is no source at all
    CLOSED = "closed"  # the market is resolved

    @property
    def is_tradable(self) -> bool:
        """Whether a new order may be placed on such a quote."""
        return self in (TokenHealth.LIVE, TokenHealth.QUIET)


class Level(NamedTuple):
    """All resting orders at one price of one side."""

    price: Decimal
    size: Decimal


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Top of one token's book, as the exchange last described it.

    One is made for every event, so it is a struct: a frozen dataclass of this size takes
    ten times as long to make.

    Attributes:
        best_bid: Highest price somebody buys at; None when nobody does.
        best_ask: Lowest price somebody sells at; None when nobody does.
        bids: Best levels, best first; the first one is at *best_bid* when its
            size is known.
        asks: The same for the other side.
        last_trade_price: Price of the last trade the exchange told of.
        tick_size: Current price grid; None until the exchange said it.
        exchange_at: The exchange's time of the event; information, never an age.
        received_at: When the last book event of the token was applied here.
        seq: Version of this quote within one life of its source.
        event_type: The exchange's name of the event that made this quote.
    """

    token_id: str
    best_bid: Decimal | None
    best_ask: Decimal | None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last_trade_price: Decimal | None
    tick_size: Decimal | None
    exchange_at: float | None
    received_at: float
    seq: int
    event_type: str

    @property
    def mid(self) -> Decimal | None:
        """The middle of a two-sided quote; None when a side is missing."""
        if self.best_bid is None or self.best_ask is None:
            return None
        return (self.best_bid + self.best_ask) / 2

    @property
    def is_crossed(self) -> bool:
        """Whether both sides exist and the bid is at or above the ask."""
        return (
            self.best_bid is not None
            and self.best_ask is not None
            and self.best_bid >= self.best_ask
        )


@dataclass(frozen=True, slots=True)
class AgedQuote:
    """A quote together with what it is worth right now.

    Only this type reaches strategy and risk, so that an order on data of unknown
    age cannot be written down.

    Attributes:
        quote: The quote.
        age_s: Seconds since the quote's last book event was applied.
        health: Whether that age matters, judged together with the line's health.
        source: Whose connection brought it.
    """

    quote: Quote
    age_s: float
    health: TokenHealth
    source: Source


class TimeInForce(StrEnum):
    """How long an order may rest, in the exchange's own words."""

    GTC = "GTC"  # until cancelled
    GTD = "GTD"  # until its expiration
    FOK = "FOK"  # all at once or nothing
    FAK = "FAK"  # what matches at once, the rest is dropped


class OrderVersion(StrEnum):
    """The three order signatures the exchange has known."""

    V1 = "1"  # before 2026-04-28
    V2 = "2"  # ordinary markets since
    V3 = "3"  # markets with position ids ("Protocol V2")


@dataclass(frozen=True, slots=True)
class MarketInfo:
    """What must be known of a token's market before an order can be written.

    Attributes:
        token_id: The outcome token, or the position id of a Protocol-V2 market.
        condition_id: The market.
        sibling_id: The complementary token; None when it is not known.
        outcome: The exchange's name of this outcome, such as "Yes".
        title: The market's question, for people.
        tick_size: Price grid at the time of reading.
        min_order_size: Smallest size that may rest, in shares.
        neg_risk: Whether the neg-risk contract settles it.
        order_version: Which signature its orders need.
        end_at: Announced end of the market; None when there is none.
        closed: Whether it has ended.
        fee_rate: Taker fee factor: fee = shares x rate x (p(1-p))**exponent.
        fee_exponent: Exponent of the same formula.
        base_fee_bps: What a V1 order has to sign as its fee rate; 0 elsewhere.
    """

    token_id: str
    condition_id: str
    sibling_id: str | None
    outcome: str
    title: str
    tick_size: Decimal
    min_order_size: Decimal
    neg_risk: bool
    order_version: OrderVersion
    end_at: float | None = None
    closed: bool = False
    fee_rate: Decimal = ZERO
    fee_exponent: int = 1
    base_fee_bps: int = 0


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
