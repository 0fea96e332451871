"""Real processes share the ledger, and die in the middle of it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger import Identity, IntentState, Ledger
from tests.support.trading import T0, signed

ME = Identity("demo", "http://h", 137, "0x")
CAP = Decimal(100)
CHILDREN = 10
WRITER = "tests/support/ledger_writer.py"


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, root: Path) -> Iterator[Start]:
    """Start a process on this test's ledger; what still runs at the end is killed."""
    with ExitStack() as started:

        def run(*how: str) -> subprocess.Popen[str]:
            command = [sys.executable, str(root / WRITER), str(tmp_path / "ledger.db"), *how]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield run


def test_processes_may_make_it_together(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "ledger.db"
    makers = [start("make") for _ in range(6)]

    assert [maker.communicate()[0] for maker in makers] == [""] * 6
    assert [maker.returncode for maker in makers] == [0] * 6
    Ledger.open(path, ME).close()


def test_what_was_written_survives_kill_9_at_any_moment(tmp_path: Path, start: Start) -> None:
    """An intent that returned is there; a fill is there with its position, or not at all."""
    path = tmp_path / "ledger.db"
    luck = random.Random(4)  # noqa: S311 - the same luck each time
    told: list[list[str]] = []
    for life in range(6):
        writer = start("write", str(life))
        assert writer.stdout is not None
        told += [writer.stdout.readline().split() for _ in range(luck.randint(20, 60))]
        writer.send_signal(signal.SIGKILL)
        told += [line.split() for line in writer.communicate()[0].splitlines()]
    whole = [(line[0], line[1]) for line in told if line[-1:] == ["."]]
    assert len(whole) > 100

    with Ledger.open(path, ME) as ledger:
        with ledger._db.read() as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for kind, order_id in whole:
            intent = ledger.intent(order_id)
            assert intent is not None
            assert kind == "intent" or intent.seen == 5
        bought = {each.order_id: each.size for each in ledger.fills()}
        for position in ledger.positions():
            token = position.token_id
            assert position.size == bought[token] - bought.get(f"s{token}", 0)


def test_ten_children_never_exceed_the_total_cap_together(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "ledger.db"
    children = [start("trade", str(number)) for number in range(CHILDREN)]
    highest = Decimal(0)
    with Ledger.open(path, ME) as ledger:
        while highest <= CAP - 5:  # until they meet the cap, and a while longer
            highest = max(highest, ledger.total_exposure())
        highest = max(highest, *(ledger.total_exposure() for _ in range(2000)))
        for child in children:
            child.terminate()
        ends = [child.communicate() and child.returncode for child in children]

        assert highest <= CAP
        assert ends == [0] * CHILDREN
        assert ledger.total_exposure() <= CAP


def test_an_intent_of_a_killed_child_is_found_and_blocks_a_second_order(
    tmp_path: Path, start: Start
) -> None:
    """Between intent and answer: the next life knows it as unknown, and signs nothing new."""
    path = tmp_path / "ledger.db"
    for life in range(20):
        child = start("die", str(life))
        child.communicate()
        assert child.returncode == -signal.SIGKILL

        token = f"{life}-0"
        with Ledger.open(path, ME) as ledger:
            lost = ledger.record_lost(token)
            assert [(each.order_id, each.state) for each in lost] == [(token, IntentState.UNKNOWN)]
            with pytest.raises(IntentRefused, match="side_busy"):
                ledger.record_intent(signed("second", token=token), at=T0, reason="test")
            ledger.record_gone(token, reason="test")
