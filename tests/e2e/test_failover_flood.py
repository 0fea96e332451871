"""A market that changes a hundred times a second: the newest counts, and the rest is counted."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from itertools import chain, cycle, islice
from pathlib import Path

import pytest

from polyshared import SnapshotReader
from tests.support import market_text
from tests.support.failover import buying_at_the_bid, is_quoting, starting_together, suspended
from tests.support.program import Supervised, eventually, supervised
from tests.support.simulator import addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

EVERY_S = 0.01
BIDS = list(
    chain(islice(cycle(range(40, 60)), 200), [70, 71] * 25, islice(cycle(range(40, 60)), 200), [77])
)
"""Best bids in cents, each another than the one before."""
ASLEEP = range(200, 250)
"""Those that come while the child is suspended."""


def book_text(token: str, bid: int) -> str:
    """Write a book with the best bid at *bid* cents, far below its ask."""
    levels = {"bids": [(f"0.{bid}", "100")], "asks": [("0.95", "100")]}
    event = market_text.book(token, **levels, at_ms=round(time.time() * 1000))
    return market_text.text(event)


def seq_in_the_file(run: Supervised, token: str) -> int:
    with SnapshotReader(run.data / "ws_cache.json") as reader:
        return reader.entry(token).seq


def intents(run: Supervised) -> list[tuple[int, str, str]]:
    """Return (seq, price, source) of every order that the child ever meant to place, in order."""
    with closing(sqlite3.connect(f"file:{run.data}/ledger.db?mode=ro", uri=True)) as db:
        return db.execute("SELECT seq, price, src FROM intents ORDER BY created_at").fetchall()


def test_of_a_hundred_changes_a_second_the_newest_is_acted_on_and_the_rest_is_counted(
    tmp_path: Path,
) -> None:
    """It buys at the best bid, wherever that is; the ledger says what each order was decided on."""
    with (
        running_simulator(tokens=1, no_flow=True) as sim,
        supervised(
            *("--paper", "--no-repl", "--tokens", sim.tokens[0]),
            *(*starting_together(tmp_path), *buying_at_the_bid(tmp_path)),
            directory=tmp_path,
            env=addresses(sim),
        ) as run,
    ):
        (token,) = sim.tokens
        eventually(
            lambda: (
                is_quoting(run.children()[token], "shared") and run.children()[token]["open_orders"]
            ),
            within_s=60,
            what="a child with an order on the file",
        )
        (pid,) = run.shown_pids(1)
        before = run.children()[token]
        seen: list[int] = []
        pace = threading.Event()

        for number, bid in enumerate(BIDS):
            if number not in ASLEEP:
                sim.control(do="raw", text=book_text(token, bid))
            elif number == ASLEEP[0]:
                with suspended(pid):
                    for each in ASLEEP:
                        sim.control(do="raw", text=book_text(token, BIDS[each]))
                    eventually(
                        lambda: seq_in_the_file(run, token) == before["seq"] + ASLEEP.stop,
                        within_s=10,
                        what="all of them in the file",
                    )
            seen.append(int(run.children()[token]["seq"]))
            pace.wait(EVERY_S)

        eventually(
            lambda: [each["price"] for each in run.children()[token]["open_orders"]] == ["0.77"],
            within_s=20,
            what="an order at the newest bid",
        )
        eventually(
            lambda: (
                run.children()[token]["lag_ms"]["count"] + run.children()[token]["conflated"]
                == len(BIDS)
            ),
            within_s=20,
            what="every change read, or counted as conflated",
        )
        status = run.children()[token]
        assert status["seq"] == before["seq"] + len(BIDS)
        assert status["conflated"] >= len(ASLEEP) - 1
        assert status["lag_ms"]["p50"] < 1000
        assert seen == sorted(seen)

        of_seq = {before["seq"] + number: bid for number, bid in enumerate(BIDS, start=1)}
        placed = intents(run)[1:]
        seqs = [seq for seq, _, _ in placed]
        cents = [round(float(price) * 100) for _, price, _ in placed]
        assert cents == [of_seq[seq] for seq in seqs]
        assert seqs == sorted(seqs)
        assert len(placed) > 20
        assert {source for _, _, source in placed} == {"shared"}
        assert run.stop() == 0
