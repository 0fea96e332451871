"""The words of the program for what everybody sees: a market, its quote, what that is worth.

What is ours stands in ``core.order``. Prices are USD per share, 0 < price < 1; sizes are
shares; both are ``Decimal`` wherever they can reach an order. Stamps (``_at``) are wall-clock
epoch seconds. A side that is missing is ``None`` or empty, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
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
