"""Children on a snapshot whose content is what went wrong: each acts on the newest, or leaves.

The feed is the real aggregator where the exchange is to blame. Where the feed itself is, its
part is played by a writer of the test's own.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polyshared import SnapshotWriter
from tests.support import market_text
from tests.support.failover import Family, family, feeding, is_quoting, suspended
from tests.support.program import eventually
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SOON = {"fallback_jitter_s": 0.0}
START_S = 25.0
"""Time for a child to start on a busy machine."""


def feed_of(state: str = "open", *, silent_s: float = 0.0) -> dict[str, Any]:
    heard = time.time() - silent_s
    line = {"id": 0, "state": state, "opened_at": heard, "last_frame_at": heard, "connects": 1}
    return {**line, "wanted": 1, "confirmed": 1, "connections": [line]}


def entry_of(bid: float, **more: Any) -> dict[str, Any]:
    now = time.time()
    return {
        "price": round(bid + 0.01, 2),
        "best_bid": bid,
        "best_ask": round(bid + 0.02, 2),
        "bid_size": 100.0,
        "ask_size": 100.0,
        "last_trade_price": None,
        "tick_size": 0.01,
        "ts": now,
        "updated_at": now,
        "bids": [[bid, 100.0]],
        "asks": [[round(bid + 0.02, 2), 100.0]],
        "event_type": "book",
        "health": "live",
        "conn": 0,
        **more,
    }


class Player:
    """Plays the aggregator: a real writer, and each half second a line that is alive."""

    def __init__(self, path: Path) -> None:
        self.writer = SnapshotWriter(path, min_interval_s=0.05).start()
        self.state = "open"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._done.is_set():
            self.writer.set_feed(feed_of(self.state))
            self._done.wait(0.5)

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self.writer.close()


@contextmanager
def playing(path: Path) -> Iterator[Player]:
    player = Player(path)
    try:
        yield player
    finally:
        player.close()


@contextmanager
def house(tmp_path: Path, **options: Any) -> Iterator[tuple[Simulator, Family, str]]:
    """Run a silent exchange with one token; the test starts the child."""
    with (
        running_simulator(**{"tokens": 1, "no_flow": True, **options}) as sim,
        family(tmp_path, sim) as children,
    ):
        yield sim, children, sim.tokens[0]


def bid_of(children: Family, token: str) -> float:
    return float(children.status(token)["quote"]["best_bid"])


def book_text(token: str, bid: int, **more: Any) -> str:
    """Write a book around *bid* cents as the exchange does."""
    bids = [(f"0.{bid - step:02}", "100") for step in range(3)]
    asks = [(f"0.{bid + 2 + step:02}", "100") for step in range(3)]
    return market_text.text(market_text.book(token, bids=bids, asks=asks, **more))


@pytest.mark.parametrize(
    "stamp",
    [{"at_ms": 4_000_000_000_000}, {"timestamp": None}],
    ids=["the same stamp", "no stamp"],
)
def test_every_change_reaches_the_strategy_although_the_stamps_say_nothing(
    tmp_path: Path, stamp: dict[str, Any]
) -> None:
    """The ancestor compared stamps, and took equal ones for old news."""
    with house(tmp_path) as (sim, children, token), feeding(children.cache, sim, [token]):
        children.start(token)
        children.all_quote("shared", within_s=START_S)
        first = int(children.status(token)["seq"])

        for number in range(6):
            bid = 30 + number
            sim.control(do="raw", text=book_text(token, bid, **stamp))
            eventually(
                lambda bid=bid: bid_of(children, token) == bid / 100,  # type: ignore[misc]
                within_s=5,
                what=f"change {number} in the child's status",
            )

        eventually(
            lambda: children.status(token)["lag_ms"]["count"] == 6,
            within_s=5,
            what="six quotes whose lag was measured",
        )
        status = children.status(token)
        assert (status["seq"] - first, status["conflated"]) == (6, 0)
        assert status["switches"] == 0


def test_a_first_quote_without_a_stamp_is_taken(tmp_path: Path) -> None:
    """The ancestor dropped it, and with it the only quote of a quiet market."""
    with house(tmp_path) as (_, children, token), playing(children.cache) as player:
        player.writer.put(token, entry_of(0.40, ts=None))
        children.start(token)

        children.all_quote("shared", within_s=START_S)
        assert bid_of(children, token) == 0.40


def test_of_a_hundred_changes_a_second_the_newest_counts_and_the_rest_is_counted(
    tmp_path: Path,
) -> None:
    with house(tmp_path) as (_, children, token), playing(children.cache) as player:
        player.writer.put(token, entry_of(0.10))
        children.start(token)
        children.all_quote("shared", within_s=START_S)
        seen: list[int] = []
        pace = threading.Event()
        first = int(children.status(token)["seq"])

        for number in range(500):
            seq = player.writer.put(token, entry_of(0.10 + (number % 50) / 100))
            if number == 250:
                with suspended(children.processes[token].pid):
                    for _ in range(50):
                        seq = player.writer.put(token, entry_of(0.61 + (seq % 2) / 100))
            seen.append(int(children.status(token)["seq"]))
            pace.wait(0.01)
        seq = player.writer.put(token, entry_of(0.77))

        eventually(lambda: children.status(token)["seq"] == seq, within_s=3, what="the last seq")
        eventually(
            lambda: (
                children.status(token)["lag_ms"]["count"] + children.status(token)["conflated"]
                == seq - first
            ),
            within_s=5,
            what="every change read or counted as conflated",
        )
        status = children.status(token)
        assert status["quote"]["best_bid"] == "0.77"
        assert seen == sorted(seen)
        assert status["conflated"] >= 45  # those of its suspension, at least
        assert status["lag_ms"]["p50"] < 1000


def test_books_in_any_order_are_quotes(tmp_path: Path) -> None:
    with (
        house(tmp_path, no_flow=False, tempers="busy") as (sim, children, token),
        feeding(children.cache, sim, [token]),
    ):
        sim.control(do="reorder")
        sim.control(do="drop", channel="market")
        sim.control(do="pause")
        children.start(token)
        children.all_quote("shared", within_s=START_S)

        book = sim.control(do="book", token=token)
        best = max(float(row["price"]) for row in book["bids"])
        eventually(lambda: bid_of(children, token) == best, within_s=5, what="the true best bid")


@pytest.mark.parametrize("source", ["shared", "direct"])
def test_best_prices_alone_are_quotes_after_a_book(tmp_path: Path, source: str) -> None:
    with house(tmp_path) as (sim, children, token), feeding(children.cache, sim, [token]):
        children.start(token, shared=source == "shared")
        children.all_quote(source, within_s=START_S)

        at_ms = round(time.time() * 1000)
        event = market_text.best_bid_ask("0.21", "0.23", token=token, at_ms=at_ms)
        sim.control(do="raw", text=market_text.text(event))

        eventually(lambda: bid_of(children, token) == 0.21, within_s=5, what="the new best bid")
        assert is_quoting(children.status(token), source)


@pytest.mark.parametrize("kind", ["ancestor", "this version"])
def test_a_fresh_file_without_tokens_is_recognised_as_useless(tmp_path: Path, kind: str) -> None:
    """The report: the file was there and young, so every child waited for it."""
    with house(tmp_path) as (_, children, token):
        done = threading.Event()

        def keep_fresh() -> None:
            while not done.wait(0.2):
                os.utime(children.cache)

        content: dict[str, Any] = {"updated_at": "2026-11-20T15:11:03Z", "tokens": {}}
        if kind == "this version":
            content |= {"schema": 1, "epoch": 1, "written_at": time.time() + 3600, "feed": {}}
        children.cache.write_text(json.dumps(content), "utf-8")
        thread = threading.Thread(target=keep_fresh)
        thread.start()
        try:
            children.start(token)
            children.all_quote("direct", within_s=START_S + 25)
        finally:
            done.set()
            thread.join()

        switch = children.status(token)["last_switch"]
        assert switch["reason"] == ("corrupt" if kind == "ancestor" else "line_down")
        assert 10 <= switch["limit_s"] <= 15
        assert switch["age_s"] >= switch["limit_s"]
        assert children.status(token)["switches"] == 1


def test_a_living_writer_whose_line_is_down_is_left(tmp_path: Path) -> None:
    with house(tmp_path) as (_, children, token), playing(children.cache) as player:
        player.writer.put(token, entry_of(0.40))
        children.start(token)
        children.all_quote("shared", within_s=START_S)
        player.state = "down"
        player.writer.put(token, entry_of(0.40, health="resync"))

        children.all_quote("direct", within_s=25)
        switch = children.status(token)["last_switch"]
        assert (switch["from"], switch["to"]) == ("shared", "direct")
        assert switch["reason"] == "line_down"
        log = children.log_of(token).read_text("utf-8")
        (line,) = [each for each in log.splitlines() if "[FALLBACK]" in each]
        assert "from=shared to=direct reason=line_down age_s=" in line


def test_a_feed_without_our_token_is_left_after_thirty_seconds(tmp_path: Path) -> None:
    with house(tmp_path) as (_, children, token), playing(children.cache) as player:
        player.writer.put("1", entry_of(0.40))
        children.start(token, params={"feed": SOON})
        eventually(
            lambda: children.status(token)["stages"]["source"]["reason"] == "token_absent",
            within_s=START_S,
            what="the child says what it waits for",
        )

        children.all_quote("direct", within_s=45)
        switch = children.status(token)["last_switch"]
        assert (switch["reason"], switch["limit_s"]) == ("token_absent", 30)
        assert switch["age_s"] >= 30
