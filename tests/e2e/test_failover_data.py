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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from polyshared import SnapshotWriter
from tests.support import market_text
from tests.support.failover import (
    Family,
    family,
    is_quoting,
    starting_together,
    suspended,
)
from tests.support.program import eventually, supervised
from tests.support.simulator import Simulator, addresses, running_simulator

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


def book_text(token: str, bid: int, *, turned: bool = False, **more: Any) -> str:
    """Write a book around *bid* cents as the exchange does, or with its levels turned round."""
    steps = range(3) if turned else range(2, -1, -1)
    bids = [(f"0.{bid - step:02}", "100") for step in steps]
    asks = [(f"0.{bid + 2 + step:02}", "100") for step in steps]
    return market_text.text(market_text.book(token, bids=bids, asks=asks, **more))


def test_whatever_the_exchange_s_texts_look_like_every_change_reaches_the_strategy(
    tmp_path: Path,
) -> None:
    """One supervisor, a child for each kind of text.

    The ancestor compared stamps, and took equal ones for old news; it relied on the order
    of levels; and it did not know ``best_bid_ask``.
    """
    with (
        running_simulator(tokens=4, no_flow=True) as sim,
        supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path),
            directory=tmp_path,
            env=addresses(sim),
        ) as run,
    ):
        same, none, turned, stated = sim.tokens
        eventually(
            lambda: all(is_quoting(run.children()[token], "shared") for token in sim.tokens),
            within_s=4 * START_S,
            what="four children on the file",
        )
        first = {token: int(run.children()[token]["seq"]) for token in sim.tokens}

        for number in range(6):
            bid = 30 + number
            at_ms = round(time.time() * 1000) + number
            top = market_text.best_bid_ask(f"0.{bid}", f"0.{bid + 2}", token=stated, at_ms=at_ms)
            sim.control(do="raw", text=book_text(same, bid, at_ms=4_000_000_000_000))
            sim.control(do="raw", text=book_text(none, bid, timestamp=None))
            sim.control(do="raw", text=book_text(turned, bid, turned=number % 2 == 0, at_ms=at_ms))
            sim.control(do="raw", text=market_text.text(top))
            eventually(
                lambda bid=bid: (
                    {  # type: ignore[misc]
                        float(each["quote"]["best_bid"]) for each in run.children().values()
                    }
                    == {bid / 100}
                ),
                within_s=15,
                what=f"change {number} in each child's status",
            )

        for token in sim.tokens:
            eventually(
                lambda token=token: run.children()[token]["lag_ms"]["count"] == 6,  # type: ignore[misc]
                within_s=15,
                what="six quotes whose lag was measured",
            )
            status = run.children()[token]
            assert (status["seq"] - first[token], status["conflated"]) == (6, 0)
            assert (status["switches"], status["source"]) == (0, "shared")
        assert run.stop() == 0


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


def test_best_prices_alone_are_quotes_after_a_book_on_an_own_line_too(tmp_path: Path) -> None:
    with house(tmp_path) as (sim, children, token):
        children.start(token, shared=False)
        children.all_quote("direct", within_s=START_S)

        at_ms = round(time.time() * 1000)
        event = market_text.best_bid_ask("0.21", "0.23", token=token, at_ms=at_ms)
        sim.control(do="raw", text=market_text.text(event))

        eventually(lambda: bid_of(children, token) == 0.21, within_s=15, what="the new best bid")
        assert is_quoting(children.status(token), "direct")


def useless(kind: str) -> str:
    """Write a file without tokens, as the ancestor did or as this version does."""
    content: dict[str, Any] = {"updated_at": "2026-11-20T15:11:03Z", "tokens": {}}
    if kind == "this version":
        content |= {"schema": 1, "epoch": 1, "written_at": time.time() + 3600, "feed": {}}
    return json.dumps(content)


@contextmanager
def kept_fresh(*paths: Path) -> Iterator[None]:
    """Give files a new mtime five times a second."""
    done = threading.Event()

    def keep_fresh() -> None:
        while not done.wait(0.2):
            for path in paths:
                os.utime(path)

    thread = threading.Thread(target=keep_fresh)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_snapshot_that_is_of_no_use_is_left_and_the_child_says_why(tmp_path: Path) -> None:
    """Four kinds at once, because each takes its time.

    The report: the file was there and young, so every child waited for it. A writer may
    also live while its line is down, or have every token but this one.
    """
    kinds = ("ancestor", "this version", "line down", "token absent")
    homes = {kind: tmp_path / kind.replace(" ", "_") for kind in kinds}
    for home in homes.values():
        home.mkdir()
    with ExitStack() as stack:
        sim = stack.enter_context(running_simulator(tokens=1, no_flow=True))
        (token,) = sim.tokens
        of = {kind: stack.enter_context(family(home, sim)) for kind, home in homes.items()}
        stack.enter_context(
            kept_fresh(*[_useless_file(of[kind].cache, kind) for kind in kinds[:2]])
        )
        line_down = stack.enter_context(playing(of["line down"].cache))
        absent = stack.enter_context(playing(of["token absent"].cache))
        line_down.writer.put(token, entry_of(0.40))
        absent.writer.put("1", entry_of(0.40))
        of["line down"].start(token)
        of["line down"].all_quote("shared", within_s=START_S)
        for kind in ("token absent", "ancestor", "this version"):
            of[kind].start(token, params={"feed": SOON} if kind == "token absent" else None)
        eventually(
            lambda: (
                of["token absent"].status(token)["stages"]["source"]["reason"] == "token_absent"
            ),
            within_s=3 * START_S,
            what="the child says what it waits for",
        )
        line_down.state = "down"
        line_down.writer.put(token, entry_of(0.40, health="resync"))

        for kind in kinds:
            of[kind].all_quote("direct", within_s=60)
        switches = {kind: of[kind].status(token)["last_switch"] for kind in kinds}
        reasons = {kind: switch["reason"] for kind, switch in switches.items()}

        assert reasons == {
            "ancestor": "corrupt",
            "this version": "line_down",
            "line down": "line_down",
            "token absent": "token_absent",
        }
        assert {(each["from"], each["to"]) for each in switches.values()} == {("shared", "direct")}
        assert all(each["age_s"] >= each["limit_s"] for each in switches.values())
        assert all(10 <= switches[kind]["limit_s"] <= 15 for kind in kinds[:3])
        assert switches["token absent"]["limit_s"] == 30
        assert {of[kind].status(token)["switches"] for kind in kinds} == {1}
        log = of["line down"].log_of(token).read_text("utf-8")
        (line,) = [each for each in log.splitlines() if "[FALLBACK]" in each]
        assert "from=shared to=direct reason=line_down age_s=" in line


def _useless_file(path: Path, kind: str) -> Path:
    path.write_text(useless(kind), "utf-8")
    return path
