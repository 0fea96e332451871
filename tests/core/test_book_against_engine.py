"""Whatever the matching engine does, our ladder is its ladder at the end of every batch."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.batch import BATCH_QUIET_S
from POLYMARKET_MAKER.core.book import Book
from POLYMARKET_MAKER.sim import frames
from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.markets import make_markets
from POLYMARKET_MAKER.sim.model import BookBatch, Order, OrderType, Side
from POLYMARKET_MAKER.sim.refusals import Refused

AT_MS = 1_795_000_000_000
MARKETS = 2


@dataclass(frozen=True)
class Deed:
    """What somebody does to a market: place an order, or cancel the n-th."""

    token: int
    side: Side
    cents: int
    size: int
    kind: OrderType
    cancels: int | None


@dataclass(frozen=True)
class Batch:
    """One commit of the engine, and how the network carries it."""

    market: int
    deeds: list[Deed]
    best_first: bool
    repeated: bool
    swapped: bool


@dataclass
class Sent:
    """The frames of a batch, and what is true after it."""

    texts: list[str]
    tops: list[tuple[Decimal | None, Decimal | None]]
    hashes: list[str]
    late: list[str] = field(default_factory=list)


DEEDS = st.builds(
    Deed,
    token=st.integers(0, 1),
    side=st.sampled_from(Side),
    cents=st.integers(1, 99),
    size=st.integers(5, 40),
    kind=st.sampled_from([OrderType.GTC, OrderType.GTC, OrderType.FAK]),
    cancels=st.none() | st.integers(0, 30),
)
BATCHES = st.lists(
    st.builds(
        Batch,
        market=st.integers(0, MARKETS - 1),
        deeds=st.lists(DEEDS, min_size=1, max_size=6),
        best_first=st.booleans(),
        repeated=st.booleans(),
        swapped=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


class Venue:
    """The simulator's engine, driven by hand, and the frames that its channel would send."""

    def __init__(self) -> None:
        specs = make_markets(MARKETS, seed=7, tempers=["busy"], end_at=0, positions=1, neg_risk=1)
        self.engine = Engine(specs, seed=1)
        self.markets = list(self.engine.markets.values())
        self._placed: list[str] = []
        self._now_ms = AT_MS

    def snapshot(self, market: Market) -> str:
        return frames.snapshot([(market, 0), (market, 1)])

    def carry_out(self, batch: Batch) -> Sent | None:
        market = self.markets[batch.market]
        self._now_ms += 1
        for deed in batch.deeds:
            self._do(market, deed)
        self.engine.commit(market, self._now_ms)
        done = [each for each in self.engine.take_events() if isinstance(each, BookBatch)]
        return self._frames(market, done[-1], batch) if done else None

    def _do(self, market: Market, deed: Deed) -> None:
        if deed.cancels is not None and self._placed:
            self.engine.cancel(self._placed[deed.cancels % len(self._placed)], self._now_ms)
            return
        order = Order(
            id=f"0x{len(self._placed)}",
            wallet="0xflow",
            owner="flow",
            condition_id=market.spec.condition_id,
            token=deed.token,
            side=deed.side,
            price=Decimal(deed.cents) / 100,
            size=Decimal(deed.size),
            type=deed.kind,
            is_flow=True,
        )
        with suppress(Refused):
            self.engine.place(order, self._now_ms)
            self._placed.append(order.id)

    def _frames(self, market: Market, done: BookBatch, batch: Batch) -> Sent:
        changes = frames.price_changes(market, done.changes, done.at_ms, swapped=batch.swapped)
        if batch.repeated:
            changes = [text for text in changes for _ in range(2)]
            changes += frames.price_changes(
                market, done.changes, done.at_ms, swapped=not batch.swapped
            )
        books = [frames.traded_book(market, token) for token in (0, 1)] if done.trades else []
        best = [frames.best_bid_ask(market, token, done.at_ms + 1) for token in (0, 1)]
        texts = [*best, *changes, *books] if batch.best_first else [*changes, *books, *best]
        return Sent(
            texts,
            tops=[market.book.top(token) for token in (0, 1)],
            hashes=[market.hash(token) for token in (0, 1)],
            late=[frames.last_trade_price(market, each, done.at_ms + 36) for each in done.trades],
        )


class Listener:
    """Both books of one market, and the clock of the frames that reach them."""

    def __init__(self, market: Market) -> None:
        self.books = [Book(token) for token in market.spec.tokens]
        for book in self.books:
            book.hash_checks_due = math.inf
        self._now = 0.0

    def hear(self, text: str) -> None:
        self._now += 0.001
        for event in wire.parse(text):
            for book in self.books:
                quote = book.apply(event, now=self._now, at=self._now)
                assert quote is None or not quote.is_crossed

    def end_batch(self) -> None:
        self._now += BATCH_QUIET_S
        for book in self.books:
            book.settle(self._now)


def interleave(queues: list[list[Sent]], choose: st.DataObject) -> list[tuple[int, Sent]]:
    """Mix the markets' batches, each market's own in their order."""
    mixed = []
    places = [0] * len(queues)
    while any(place < len(queue) for place, queue in zip(places, queues, strict=True)):
        open_ones = [n for n, queue in enumerate(queues) if places[n] < len(queue)]
        market = choose.draw(st.sampled_from(open_ones))
        mixed.append((market, queues[market][places[market]]))
        places[market] += 1
    return mixed


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BATCHES, st.data())
def test_ladder_and_hash_are_the_engine_s_after_every_batch(
    batches: list[Batch], data: st.DataObject
) -> None:
    """Neg-risk markets and position ids too: no field of the hash is told beforehand."""
    venue = Venue()
    listeners = [Listener(market) for market in venue.markets]
    for market, listener in zip(venue.markets, listeners, strict=True):
        listener.hear(venue.snapshot(market))
        listener.end_batch()
    queues: list[list[Sent]] = [[] for _ in venue.markets]
    for batch in batches:
        sent = venue.carry_out(batch)
        if sent is not None:
            queues[batch.market].append(sent)

    for number, sent in interleave(queues, data):
        listener = listeners[number]
        for text in sent.texts:
            listener.hear(text)
        listener.end_batch()
        for token, book in enumerate(listener.books):
            assert book.ladder_top == sent.tops[token]
            assert book.quote is not None
            assert (book.quote.best_bid, book.quote.best_ask) == sent.tops[token]
            assert book.last_hash in (sent.hashes[token], "")
        for text in sent.late:
            listener.hear(text)

    for listener in listeners:
        for book in listener.books:
            assert book.checks.hash_bad == 0
            assert book.checks.top_bad == 0
            assert book.rejected_since_mono is None
