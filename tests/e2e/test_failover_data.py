"""Children on a snapshot whose content is what went wrong: each acts on the newest, or leaves.

The feed is the real aggregator where the exchange is to blame. Where the feed itself is, a
writer of the test's own takes its place.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import market_text
from tests.support.failover import is_quoting, starting_together, taking_the_place
from tests.support.program import Supervised, eventually, supervised
from tests.support.simulator import addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

START_S = 25.0
"""Time for a child to start on a busy machine."""


def feed_of() -> dict[str, Any]:
    heard = time.time()
    line = {"id": 0, "state": "open", "opened_at": heard, "last_frame_at": heard, "connects": 1}
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


def best_bids(run: Supervised, *tokens: str) -> set[float]:
    """Return what children tell of their best bids: of these tokens, or of all."""
    children = run.children()
    return {float(children[each]["quote"]["best_bid"]) for each in tokens or children}


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
                lambda bid=bid: best_bids(run) == {bid / 100},  # type: ignore[misc]
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
    """The ancestor dropped it, and with it the only quote of a quiet market.

    One market's first event has no stamp. The other is silent until another program takes
    the feed's place in the file, and writes no stamp at all.
    """
    with running_simulator(tokens=2, no_flow=True) as sim:
        spoken, silent = sim.tokens
        sim.control(do="deaf", tokens=sim.tokens)
        sim.control(do="fault", path="/book", kind="503", count=None)
        with supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path),
            directory=tmp_path,
            env=addresses(sim),
        ) as run:
            eventually(lambda: len(run.pids()) == 2, within_s=START_S, what="two children")
            sim.control(do="deaf", tokens=[silent])
            sim.control(do="raw", text=book_text(spoken, 30, timestamp=None))
            eventually(
                lambda: is_quoting(run.children()[spoken], "shared"),
                within_s=2 * START_S,
                what="a quote from an event without a stamp",
            )
            eventually(
                lambda: run.children()[silent]["reads"]["absent"] > 0,
                within_s=2 * START_S,
                what="a child without a quote",
            )
            assert best_bids(run, spoken) == {0.30}
            assert run.children()[silent]["quote"] is None

            with taking_the_place(run).start() as writer:
                writer.set_feed(feed_of())
                writer.put(spoken, entry_of(0.31, ts=None))
                writer.put(silent, entry_of(0.40, ts=None))
                eventually(
                    lambda: is_quoting(run.children()[silent], "shared"),
                    within_s=15,
                    what="a quote from an entry without a stamp",
                )
                eventually(
                    lambda: best_bids(run, spoken) == {0.31}, within_s=15, what="the other's"
                )
                status = run.children()[silent]

                assert best_bids(run, silent) == {0.40}
                assert (status["epoch"], status["seq"]) == (writer.epoch, 1)
                assert {each["switches"] for each in run.children().values()} == {0}
                assert run.stop() == 0


def test_on_own_lines_too_the_order_of_levels_is_nothing_and_best_prices_are_quotes(
    tmp_path: Path,
) -> None:
    """``--no-shared-ws``: one child gets nothing but books, the other best prices after a book."""
    with (
        running_simulator(tokens=2, no_flow=True) as sim,
        supervised(
            *("--paper", "--no-repl", "--no-shared-ws", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path),
            directory=tmp_path,
            env=addresses(sim),
        ) as run,
    ):
        turned, stated = sim.tokens
        eventually(
            lambda: all(is_quoting(run.children()[token], "direct") for token in sim.tokens),
            within_s=2 * START_S,
            what="two children on their own lines",
        )

        for number in range(4):
            bid, at_ms = 30 + number, round(time.time() * 1000) + number
            top = market_text.best_bid_ask(f"0.{bid}", f"0.{bid + 2}", token=stated, at_ms=at_ms)
            sim.control(do="raw", text=book_text(turned, bid, turned=number % 2 == 0, at_ms=at_ms))
            sim.control(do="raw", text=market_text.text(top))
            eventually(
                lambda bid=bid: best_bids(run) == {bid / 100},  # type: ignore[misc]
                within_s=15,
                what=f"change {number} in each child's status",
            )

        assert all(is_quoting(run.children()[token], "direct") for token in sim.tokens)
        assert run.stop() == 0
