"""What the exchange says on its market channel, as typed, frozen events.

Numbers are ``Decimal``, times are the exchange's own milliseconds as text. Spellings
of the wire are not known here: :mod:`POLYMARKET_MAKER.core.wire` makes these events.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import ClassVar

import msgspec

from POLYMARKET_MAKER.core.model import Level

ONE = Decimal(1)
MAX_DIGITS = 15  # of milliseconds: until the year 33658


class Event(msgspec.Struct, frozen=True):
    """One thing that the exchange said."""

    kind: ClassVar[str] = ""

    @property
    def token_ids(self) -> tuple[str, ...]:
        """Tokens whose book or market this is about; empty when it is about the connection."""
        return ()


class MarketEvent(Event, frozen=True):
    """What every event about a market carries.

    Attributes:
        market: Condition id.
        timestamp: Milliseconds since the epoch as sent; empty when the frame had none.
    """

    market: str
    timestamp: str

    @property
    def exchange_at(self) -> float | None:
        """The exchange's time of the event in epoch seconds; None when it gave none we can read."""
        return _seconds_of(self.timestamp)


@lru_cache(maxsize=64)
def _seconds_of(text: str) -> float | None:
    """Read milliseconds; the tokens of one frame, and the frames of one batch, share theirs."""
    return int(text) / 1000 if len(text) <= MAX_DIGITS and text.isdecimal() else None


class TokenEvent(MarketEvent, frozen=True):
    token_id: str

    @property
    def token_ids(self) -> tuple[str, ...]:
        return (self.token_id,)


class BookSnapshot(TokenEvent, frozen=True):
    """A whole ladder. Levels are in the exchange's order, which nobody should rely on.

    Attributes:
        hash: Of the book as the exchange has it; empty when not sent.
        tick_size: None in a book that follows a trade.
        last_trade_price: As sent, because the hash needs its digits; "" before the
            first trade; None when the frame did not say.
        version: "v2" for a position id of a Protocol-V2 market, else "".
    """

    kind: ClassVar[str] = "book"
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    hash: str
    tick_size: Decimal | None
    last_trade_price: str | None
    version: str

    def mirrored(self, token_id: str) -> BookSnapshot:
        """Return the complementary token's book: an ask at p here is a bid at 1 - p there.

        Its hash and last trade price are not known: they are of this token's form.
        """
        return BookSnapshot(
            market=self.market,
            timestamp=self.timestamp,
            token_id=token_id,
            bids=tuple(Level(ONE - price, size) for price, size in self.asks),
            asks=tuple(Level(ONE - price, size) for price, size in self.bids),
            hash="",
            tick_size=self.tick_size,
            last_trade_price=None,
            version=self.version,
        )


class Change(msgspec.Struct, frozen=True, gc=False):
    """New total size at one price of one token's book; 0 removes the level.

    Attributes:
        hash: Of this token's book at the end of the engine's batch.
        best_bid: Best bid at the end of the batch; 0 is an empty side; None in old frames.
        best_ask: The same; 1 is an empty side.
    """

    price: Decimal
    size: Decimal
    side: str
    token_id: str = ""
    hash: str | None = None
    best_bid: Decimal | None = None
    best_ask: Decimal | None = None


class PriceChange(MarketEvent, frozen=True):
    """Levels that changed, for both tokens of the market, mirrored."""

    kind: ClassVar[str] = "price_change"
    changes: tuple[Change, ...]

    @property
    def token_ids(self) -> tuple[str, ...]:
        changes = self.changes
        if len(changes) == 2 and changes[0].token_id != changes[1].token_id:  # noqa: PLR2004 - a pair
            return (changes[0].token_id, changes[1].token_id)  # as nearly all frames are
        return tuple(dict.fromkeys(change.token_id for change in changes))


class BestBidAsk(TokenEvent, frozen=True):
    """Top of the book; may overtake the price changes that it sums up. 0 and 1 are empty sides."""

    kind: ClassVar[str] = "best_bid_ask"
    best_bid: Decimal | None
    best_ask: Decimal | None


class LastTrade(TokenEvent, frozen=True):
    kind: ClassVar[str] = "last_trade_price"
    price: Decimal
    size: Decimal | None
    side: str


class TickSizeChange(TokenEvent, frozen=True):
    kind: ClassVar[str] = "tick_size_change"
    tick_size: Decimal


class NewMarket(Event, frozen=True):
    """A market was opened somewhere; nothing of it is read, a frame has about 10 KB."""

    kind: ClassVar[str] = "new_market"


class MarketResolved(MarketEvent, frozen=True):
    kind: ClassVar[str] = "market_resolved"
    tokens: tuple[str, ...]
    winner: str | None

    @property
    def token_ids(self) -> tuple[str, ...]:
        return self.tokens


class Pong(Event, frozen=True):
    kind: ClassVar[str] = "pong"


class Notice(Event, frozen=True):
    """A frame that is not JSON: ``INVALID OPERATION``, ``NO NEW ASSETS``, a number, nothing."""

    kind: ClassVar[str] = "notice"
    text: str


class Skipped(Event, frozen=True):
    """A book of a token nobody asked for, recognised and not parsed."""

    kind: ClassVar[str] = "skipped"
    token_id: str


class Unknown(Event, frozen=True):
    """Readable, but of a type we do not know."""

    kind: ClassVar[str] = "unknown"
    event_type: str
    sample: str


class Unreadable(Event, frozen=True):
    """Not what the exchange documents. The sample carries no secret."""

    kind: ClassVar[str] = "unreadable"
    reason: str
    sample: str
