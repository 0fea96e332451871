"""The other traders: reproducible, lively where they should be, and quiet where not."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

import pytest

from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.flow import Flow
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.markets import make_markets
from POLYMARKET_MAKER.sim.model import BookBatch, Order, OrderEvent, Side, Status
from POLYMARKET_MAKER.sim.refusals import Refused
from POLYMARKET_MAKER.sim.tempers import DEMO_TEMPERS, TEMPERS
from POLYMARKET_MAKER.sim.venue import DEFAULT_SEED

CENT = Decimal("0.01")


def opened(seed: int, *tempers: str) -> tuple[Engine, list[tuple[float, int, Flow]]]:
    """Return an engine and its flows with the time of their next step, as a heap."""
    specs = make_markets(len(tempers), seed=seed, tempers=tempers, end_at=0)
    engine = Engine(specs, seed=seed)
    due = []
    for number, market in enumerate(engine.markets.values()):
        flow = Flow(market, TEMPERS[market.spec.temper], seed)
        due.append((flow.open(engine, 0), number, flow))
    heapq.heapify(due)
    return engine, due


def step(engine: Engine, due: list[tuple[float, int, Flow]]) -> float:
    """Let the next flow act; return the time it acted at, in seconds."""
    at_s, number, flow = due[0]
    heapq.heapreplace(due, (at_s + flow.step(engine, int(at_s * 1000)), number, flow))
    return at_s


def batches(seed: int, temper: str, seconds: float) -> list[BookBatch]:
    engine, due = opened(seed, temper)
    engine.take_events()
    while due[0][0] < seconds:
        step(engine, due)
    return [each for each in engine.take_events() if isinstance(each, BookBatch)]


def test_the_same_seed_is_the_same_market() -> None:
    assert batches(7, "busy", 20) == batches(7, "busy", 20)
    assert batches(7, "busy", 20) != batches(8, "busy", 20)


def test_a_quiet_market_says_nothing_for_minutes() -> None:
    for seed in range(10):
        assert batches(seed, "quiet", 89) == []
    assert batches(1, "quiet", 3600)


@pytest.mark.parametrize("temper", ["busy", "jumping", "one-sided"])
def test_a_lively_market_trades_on_both_sides_every_few_seconds(temper: str) -> None:
    for seed in range(5):
        trades = [trade for batch in batches(seed, temper, 30) for trade in batch.trades]
        buys = sum(trade.is_bid for trade in trades)

        assert len(trades) >= 20
        assert buys >= 5
        assert len(trades) - buys >= 5


def test_a_one_sided_market_loses_a_side_and_gets_it_back() -> None:
    engine, due = opened(3, "one-sided")
    (market,) = engine.markets.values()
    seen = set()
    while due[0][0] < 60:
        step(engine, due)
        bid, ask = market.book.top(0)
        seen.add((bid is None, ask is None))

    assert (False, False) in seen
    assert seen & {(True, False), (False, True)}


def test_a_jumping_market_jumps() -> None:
    engine, due = opened(3, "jumping")
    (market,) = engine.markets.values()
    mids = []
    while due[0][0] < 30:
        step(engine, due)
        bid, ask = market.book.top(0)
        if bid is not None and ask is not None:
            mids.append((bid + ask) / 2)

    moves = [abs(after - before) for before, after in pairwise(mids)]
    assert max(moves) >= 2 * CENT


def test_the_book_is_never_crossed_after_a_batch() -> None:
    engine, due = opened(11, *DEMO_TEMPERS)
    while due[0][0] < 30:
        step(engine, due)
        for market in engine.markets.values():
            bid, ask = market.book.top(0)
            assert bid is None or ask is None or bid < ask


def test_a_paused_flow_changes_nothing() -> None:
    engine, due = opened(5, "busy")
    engine.take_events()
    due[0][2].paused = True

    while due[0][0] < 10:
        step(engine, due)

    assert engine.take_events() == []


# -- what the demo needs ------------------------------------------------------


@dataclass(slots=True)
class Strategist:
    """A little of the volatility strategy: buy after a drop, sell with a profit, both resting."""

    market: Market
    drop: float
    profit: float
    high: float = 0.0
    order: Order | None = None
    entry: Decimal | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("cancel", "trip"), 0))
    placed: int = 0

    def act(self, engine: Engine, now_ms: int) -> None:
        self._note_fill()
        bid, ask = self.market.book.top(0)
        if bid is None or ask is None:
            return
        mid = float(bid + ask) / 2
        self.high = max(self.high, mid)
        if self.entry is not None:
            if self.order is None:
                floor = self.entry * Decimal(str(1 + self.profit))
                price = (floor / CENT).to_integral_value(ROUND_CEILING) * CENT
                self._place(engine, Side.SELL, max(price, bid + CENT), now_ms)
        elif self.order is not None:
            if self.order.price != bid and not self.order.matched:
                self.counts["cancel"] += engine.cancel(self.order.id, now_ms)
                self.order = None
        elif (self.high - mid) / self.high >= self.drop:
            self._place(engine, Side.BUY, bid, now_ms)
        engine.commit(self.market, now_ms)

    def _note_fill(self) -> None:
        if self.order is None or self.order.status is not Status.MATCHED:
            return
        if self.order.side is Side.BUY:
            self.entry = self.order.price
        else:
            self.entry, self.high = None, 0.0
            self.counts["trip"] += 1
        self.order = None

    def _place(self, engine: Engine, side: Side, price: Decimal, now_ms: int) -> None:
        self.placed += 1
        order = Order(
            id=f"ours-{self.market.spec.number}-{self.placed}",
            wallet="0xours",
            owner="key",
            condition_id=self.market.spec.condition_id,
            token=0,
            side=side,
            price=price,
            size=Decimal(10),
        )
        try:
            engine.place(order, now_ms, post_only=True)
        except Refused:
            return
        self.order = order


def rehearse(seed: int, *, drop: float, profit: float, seconds: float = 26.0) -> dict[str, int]:
    """Trade the demo's four markets by that strategy, twice a second."""
    engine, due = opened(seed, *DEMO_TEMPERS)
    traders = [Strategist(market, drop, profit) for market in engine.markets.values()]
    next_act_s = 2.0
    partial = 0
    while due[0][0] < seconds:
        at_s = step(engine, due)
        if at_s >= next_act_s:
            next_act_s += 0.5
            for trader in traders:
                trader.act(engine, int(at_s * 1000))
        partial += sum(
            isinstance(each, OrderEvent)
            and each.kind == "UPDATE"
            and 0 < each.matched < each.order.size
            for each in engine.take_events()
        )
    totals = {name: sum(t.counts[name] for t in traders) for name in ("cancel", "trip")}
    return {"partial": partial, **totals}


@pytest.mark.parametrize(("drop", "profit"), [(0.01, 0.01), (0.02, 0.01)])
def test_the_demo_sees_partial_fills_requotes_and_round_trips(drop: float, profit: float) -> None:
    assert all(rehearse(DEFAULT_SEED, drop=drop, profit=profit).values())


def test_most_seeds_make_a_good_demo() -> None:
    good = sum(all(rehearse(seed, drop=0.01, profit=0.01).values()) for seed in range(1, 21))

    assert good >= 18
