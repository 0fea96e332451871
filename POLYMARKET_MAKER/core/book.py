"""One token's book: events in, quotes out, and a verdict on the ladder after each batch.

Several frames form one batch of the exchange's engine: the same market, timestamp
and, per asset, the same hash. Inside a batch the ladder may be locked or crossed,
while each frame's own ``best_bid`` and ``best_ask`` already describe the end of it.
So a frame's best prices are published at once and the ladder is judged only when its
batch is over: the next frame has another key, or nothing came for a while (:mod:`.batch`).
(Recorded frames of 2026-09: up to eight frames a batch, 0 to 7 ms apart.)
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from POLYMARKET_MAKER.core.batch import Batch, Batches, Checks, judge
from POLYMARKET_MAKER.core.bookhash import HashProof, hash_prefix, three_decimals
from POLYMARKET_MAKER.core.events import (
    BestBidAsk,
    BookSnapshot,
    Event,
    LastTrade,
    MarketResolved,
    PriceChange,
    TickSizeChange,
)
from POLYMARKET_MAKER.core.ladder import Asks, Bids
from POLYMARKET_MAKER.core.model import ZERO, Quote
from POLYMARKET_MAKER.core.sanity import Top, fault_of

OLD_SNAPSHOT_S = 1.0
"""A snapshot this much older than applied changes was overtaken by them."""

ONE = Decimal(1)


class Book:
    """The ladder of one token and the quote that follows from it.

    Attributes:
        market: Condition id; "" until an event named it.
        quote: The last accepted quote; None before the first.
        quote_mono: When the last book event was applied, on the caller's monotonic clock.
        snapshot_mono: When the ladder was last made whole; None since the line broke.
        last_hash: The exchange's last hash of this book; "" if it sent none.
        rejected_since_mono: Start of an unbroken run of rejected quotes.
        closed: The exchange said that the market is resolved.
        hash_checks_due: How many of the next batch ends are to be proven by their hash;
            the owner sets it, because a proof costs about 0.1 ms. Infinite proves all.
        proof: What is known for that.
    """

    def __init__(self, token_id: str) -> None:
        self.token_id = token_id
        self.market = ""
        self.quote: Quote | None = None
        self.quote_mono: float | None = None
        self.snapshot_mono: float | None = None
        self.last_hash = ""
        self.rejected_since_mono: float | None = None
        self.closed = False
        self.hash_checks_due: float = 0
        self.proof = HashProof()
        self.checks = Checks()
        self._bids = Bids()
        self._asks = Asks()
        self._tick_size: Decimal | None = None
        self._last_trade_price: Decimal | None = None
        self._top: Top | None = None  # of the quote
        self._batches = Batches(self._judge)
        self._changed_at: float | None = None  # exchange time of the last applied change
        self._snapshot_at: float | None = None  # exchange time of the snapshot below it

    def apply(self, event: Event, *, now: float, at: float) -> Quote | None:
        """Take what *event* says about this token.

        Args:
            event: Any event; what concerns other tokens is passed over.
            now: Monotonic reading in seconds.
            at: Wall-clock time for the quote's stamp, in epoch seconds.

        Returns:
            The new quote, also when nothing in it changed; None when the event brought
            none. Before the first snapshot a quote has best prices and no levels.
        """
        if isinstance(event, PriceChange):
            return self._apply_changes(event, now, at)
        if self.token_id not in event.token_ids:
            return None
        if isinstance(event, BookSnapshot):
            return self._apply_snapshot(event, now, at)
        if isinstance(event, BestBidAsk):
            self.market = event.market
            top = _sides(event.best_bid, event.best_ask)
            return self._publish(event, top, event.exchange_at, now, at)
        return self._apply_fact(event)

    def apply_mirror(self, event: BookSnapshot, *, now: float, at: float) -> Quote | None:
        """Take the snapshot of the complementary token: its asks at p are our bids at 1 - p."""
        return self._apply_snapshot(event.mirrored(self.token_id), now, at)

    def settle(self, now: float) -> None:
        """End the batch when it has been quiet for long enough."""
        self._batches.settle(now)

    def lose_line(self) -> None:
        """Note that changes may have been missed: the quote stays, the ladder is not whole."""
        self.snapshot_mono = None
        self.rejected_since_mono = None
        self._batches.drop()
        self._changed_at = None
        self._snapshot_at = None
        self.checks.bad_in_a_row = 0

    @property
    def ladder_top(self) -> Top:
        """Best bid and ask of the ladder; they may be locked or crossed inside a batch."""
        return self._bids.best, self._asks.best

    @property
    def in_batch(self) -> bool:
        return self._batches.current is not None

    def hash_prefix(self, timestamp: str) -> bytes:
        """Write the ladder as the exchange hashes it."""
        return hash_prefix(
            self.market,
            self.token_id,
            timestamp,
            self._bids.ascending(),
            self._asks.descending(),
        )

    def _apply_changes(self, event: PriceChange, now: float, at: float) -> Quote | None:
        token_id = self.token_id
        mine = [change for change in event.changes if change.token_id == token_id]
        if not mine:
            return None
        exchange_at = event.exchange_at
        if self._is_contained(exchange_at):
            self.checks.old_changes += 1
            return None
        last = mine[-1]
        batch = self._batches.turn(event.timestamp, mine[0].hash or "", now)
        if self.snapshot_mono is not None:
            for change in mine:
                side = self._bids if change.side == "BUY" else self._asks
                side.set(change.price, change.size)
        self.market = event.market
        self.last_hash = last.hash or ""
        self._changed_at = exchange_at
        if last.best_bid is None or last.best_ask is None:
            return self._publish_ladder(event, exchange_at, now, at)
        top = self._top  # where most changes leave it: who asks whether it is the same sees it
        if top is None or top[0] != last.best_bid or top[1] != last.best_ask:
            top = _sides(last.best_bid, last.best_ask)
        batch.stated = top
        return self._publish(event, top, exchange_at, now, at)

    def _publish_ladder(
        self, event: PriceChange, exchange_at: float | None, now: float, at: float
    ) -> Quote | None:
        """Quote from the ladder: frames before 2025-09 stated no best prices."""
        bid, ask = self.ladder_top
        if self.snapshot_mono is None or (bid is not None and ask is not None and bid >= ask):
            return None
        return self._publish(event, (bid, ask), exchange_at, now, at)

    def _apply_snapshot(self, event: BookSnapshot, now: float, at: float) -> Quote | None:
        if self._is_overtaken(event):
            self.checks.old_snapshots += 1
            return None
        batch = self._batches.turn(event.timestamp, event.hash, now)
        self.market = event.market
        self._bids.replace(event.bids)
        self._asks.replace(event.asks)
        exchange_at = event.exchange_at
        self._changed_at = self._snapshot_at = exchange_at
        self.last_hash = event.hash
        if event.tick_size is not None:
            self._tick_size = event.tick_size
        self._learn_last_trade(event)
        batch.stated = top = self.ladder_top
        quote = self._publish(event, top, exchange_at, now, at)
        if quote is not None:
            self.snapshot_mono = now
        return quote

    def _is_contained(self, exchange_at: float | None) -> bool:
        """Whether a change is older than the snapshot: one from REST may overtake the feed."""
        return (
            exchange_at is not None
            and self._snapshot_at is not None
            and exchange_at < self._snapshot_at
        )

    def _is_overtaken(self, event: BookSnapshot) -> bool:
        at = event.exchange_at
        if self.snapshot_mono is None or at is None or self._changed_at is None:
            return False
        return at < self._changed_at - OLD_SNAPSHOT_S

    def _learn_last_trade(self, event: BookSnapshot) -> None:
        if event.version:
            self.proof.version = event.version
        if event.last_trade_price is None:
            return
        self.proof.last_trade_price = event.last_trade_price
        if event.last_trade_price:
            self._last_trade_price = Decimal(event.last_trade_price)

    def _apply_fact(self, event: Event) -> Quote | None:
        """Take a trade, a new grid or the end of the market: none of them refreshes a quote."""
        if isinstance(event, MarketResolved):
            self.closed = True
            return None
        if isinstance(event, LastTrade):
            self._last_trade_price = event.price
            self.proof.last_trade_price = three_decimals(event.price)
        elif isinstance(event, TickSizeChange):
            self._tick_size = event.tick_size
        if self.quote is None:
            return None
        self.quote = replace(
            self.quote,
            last_trade_price=self._last_trade_price,
            tick_size=self._tick_size,
            event_type=event.kind,
        )
        return self.quote

    def _publish(
        self,
        event: BookSnapshot | PriceChange | BestBidAsk,
        top: Top,
        exchange_at: float | None,
        now: float,
        at: float,
    ) -> Quote | None:
        if top is not self._top and not self._is_sane(event, top):
            self.checks.rejected += 1
            if self.rejected_since_mono is None:
                self.rejected_since_mono = now
            return None
        whole = self.snapshot_mono is not None or isinstance(event, BookSnapshot)
        self.rejected_since_mono = None
        self.quote_mono = now
        self._top = top
        bid, ask = top
        self.quote = Quote(
            self.token_id,
            bid,
            ask,
            self._bids.top(bid) if whole and bid is not None else (),
            self._asks.top(ask) if whole and ask is not None else (),
            self._last_trade_price,
            self._tick_size,
            exchange_at,
            at,
            0,
            event.kind,
        )
        return self.quote

    def _is_sane(self, event: Event, top: Top) -> bool:
        """Whether a new top may be published; a whole book bears itself out."""
        before = self._top
        if before is None or self.snapshot_mono is None or isinstance(event, BookSnapshot):
            return fault_of(top) is None
        return fault_of(top, before=before, borne_out=top == self.ladder_top) is None

    def _judge(self, batch: Batch) -> None:
        """Hold our ladder against what the exchange said of the end of a batch."""
        if self.snapshot_mono is None:
            return
        prove = self.hash_checks_due > 0 and bool(batch.hash) and self._tick_size is not None
        self.hash_checks_due -= prove
        top = self._bids.best, self._asks.best
        matches = self._hash_matches(batch) if prove else None
        judge(batch, self.checks, top, hash_matches=matches, proof=self.proof)

    def _hash_matches(self, batch: Batch) -> bool:
        assert self._tick_size is not None
        return self.proof.check(
            self.hash_prefix(batch.timestamp),
            self._tick_size,
            batch.hash,
            search=not self.proof.is_unsupported,
        )


def _sides(bid: Decimal | None, ask: Decimal | None) -> Top:
    """Turn the exchange's words for an empty side, best bid 0 and best ask 1, into None."""
    return (None if bid == ZERO else bid), (None if ask == ONE else ask)
