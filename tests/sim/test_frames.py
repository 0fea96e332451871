"""A reader that knows nothing but the documents ends every batch with the exchange's own book."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from POLYMARKET_MAKER.sim import frames
from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.flow import Flow
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.markets import make_markets
from POLYMARKET_MAKER.sim.model import BookBatch
from POLYMARKET_MAKER.sim.tempers import TEMPERS

Ladder = dict[tuple[str, Decimal], str]


def made_frames() -> list[str]:
    """Return one frame of each kind that a recording may hold."""
    specs = make_markets(2, seed=1, tempers=("busy",), end_at=0, positions=1)
    engine = Engine(specs, seed=1)
    texts = []
    for market in engine.markets.values():
        flow = Flow(market, TEMPERS["busy"], 1)
        flow.open(engine, 0)
        engine.take_events()
        texts.append(frames.snapshot([(market, 0)]))
        for number in range(60):
            flow.step(engine, number)
        batches = [each for each in engine.take_events() if isinstance(each, BookBatch)]
        trade = next(trade for batch in batches for trade in batch.trades)
        changed = next(batch for batch in batches if batch.changes)
        texts.append(frames.last_trade_price(market, trade, 1))
        texts.append(frames.traded_book(market, 0))
        texts += frames.price_changes(market, changed.changes, 1)
    return [*texts, frames.new_market(1, 1)]


def shapes(texts: list[str]) -> set[tuple[str, ...]]:
    """Return what frames look like: kind, wrapping, blanks, and the keys in their order."""
    found = set()
    for text in texts:
        value = json.loads(text)
        wrapping = "array" if isinstance(value, list) else "object"
        blanks = "spaced" if '", "' in text else "compact"
        for event in value if isinstance(value, list) else [value]:
            inner = [key for change in event.get("price_changes", ())[:1] for key in change]
            levels = {
                key for side in ("bids", "asks") for each in event.get(side, ()) for key in each
            }
            found.add((event["event_type"], wrapping, blanks, *event, *inner, *sorted(levels)))
    return found


@pytest.fixture
def recorded_texts(frames_path: Path) -> list[str]:
    """Return what the exchange sent in every recording."""
    texts = []
    for recording in frames_path.glob("*.jsonl"):
        for line in recording.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            text = record.get("payloadUtf8", record.get("data"))
            if record.get("dir", "recv") == "recv" and isinstance(text, str) and text[:1] in "[{":
                texts.append(text)
    return texts


def test_every_recorded_shape_is_made_just_so(recorded_texts: list[str]) -> None:
    recorded = shapes(recorded_texts)

    assert {shape[0] for shape in recorded} >= {"book", "price_change", "last_trade_price"}
    assert without_empty_books(recorded) <= without_empty_books(shapes(made_frames()))


def without_empty_books(found: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Forget the keys of levels: a recorded book may have none."""
    return {tuple(key for key in shape if key not in {"price", "size"}) for shape in found}


class Reader:
    """The book of one token as somebody builds it from frames."""

    def __init__(self, token_id: str) -> None:
        self.token_id = token_id
        self.levels: Ladder = {}
        self.hash = ""
        self.best = ("", "")

    def read(self, text: str) -> None:
        value = json.loads(text)
        for event in value if isinstance(value, list) else [value]:
            if event["event_type"] == "book" and event["asset_id"] == self.token_id:
                self._book(event)
            for change in event.get("price_changes", ()):
                if change["asset_id"] == self.token_id:
                    self._change(change)

    def _book(self, event: dict[str, Any]) -> None:
        self.hash = event["hash"]
        self.levels = {
            (side, Decimal(level["price"])): level["size"]
            for side, name in (("BUY", "bids"), ("SELL", "asks"))
            for level in event[name]
        }

    def _change(self, change: dict[str, Any]) -> None:
        self.hash = change["hash"]
        self.best = (change["best_bid"], change["best_ask"])
        key = (change["side"], Decimal(change["price"]))
        if change["size"] == "0":
            self.levels.pop(key, None)
        else:
            self.levels[key] = change["size"]

    def top(self) -> tuple[Decimal, Decimal]:
        bids = [price for side, price in self.levels if side == "BUY"]
        asks = [price for side, price in self.levels if side == "SELL"]
        return max(bids, default=Decimal(0)), min(asks, default=Decimal(1))


def true_levels(market: Market, token: int) -> Ladder:
    book = frames.rest_book(market, token)
    return {
        (side, Decimal(level["price"])): level["size"]
        for side, name in (("BUY", "bids"), ("SELL", "asks"))
        for level in book[name]
    }


def texts(market: Market, batch: BookBatch, *, swapped: bool) -> list[str]:
    sent = frames.price_changes(market, batch.changes, batch.at_ms)
    if swapped:
        sent += frames.price_changes(market, batch.changes, batch.at_ms, swapped=True)
    if batch.trades:
        sent += [frames.traded_book(market, token) for token in (0, 1)]
    return sent


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    temper=st.sampled_from(["busy", "jumping", "one-sided", "steady"]),
    swapped=st.booleans(),
)
def test_every_batch_ends_in_the_true_book_top_and_hash(
    seed: int, temper: str, *, swapped: bool
) -> None:
    engine = Engine(make_markets(1, seed=seed, tempers=(temper,), end_at=0), seed=seed)
    (market,) = engine.markets.values()
    flow = Flow(market, TEMPERS[temper], seed)
    flow.open(engine, 0)
    engine.take_events()
    readers = [Reader(token_id) for token_id in market.spec.tokens]
    for reader in readers:
        reader.read(frames.snapshot([(market, 0), (market, 1)]))

    for number in range(60):
        flow.step(engine, 1000 + number)
        for batch in engine.take_events():
            assert isinstance(batch, BookBatch)
            for text in texts(market, batch, swapped=swapped):
                for reader in readers:
                    reader.read(text)
            for token, reader in enumerate(readers):
                assert reader.levels == true_levels(market, token)
                assert reader.hash == market.hash(token)
                if batch.changes:
                    assert tuple(map(Decimal, reader.best)) == reader.top()
