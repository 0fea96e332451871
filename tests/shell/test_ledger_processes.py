"""Real processes share the ledger, and die in the middle of it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from decimal import Decimal
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.model import Placed, Side
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger import Identity, IntentState, Ledger
from tests.support.trading import T0, fill, resting, signed

ME = Identity("demo", "http://h", 137, "0x")
CAP = Decimal(100)
LIMITS = Limits(Decimal(25), CAP, None)
CHILDREN = 10
WRITER = Path("tests/support/ledger_writer.py")


def test_what_was_written_survives_kill_9_at_any_moment(tmp_path: Path, root: Path) -> None:
    """An intent that returned is there; a fill is there with its position, or not at all."""
    path = tmp_path / "ledger.db"
    luck = random.Random(4)  # noqa: S311 - the same luck each time
    told: list[list[str]] = []
    for life in range(8):
        writer = subprocess.Popen(
            [sys.executable, root / WRITER, path, str(life)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        told += [writer.stdout.readline().split() for _ in range(luck.randint(20, 60))]
        writer.send_signal(signal.SIGKILL)
        told += [line.split() for line in writer.stdout.read().splitlines()]
        writer.wait()
        writer.stdout.close()
    # The last line of a life may be torn; a whole one ends with a dot.
    whole = [(line[0], line[1]) for line in told if line[-1:] == ["."]]
    assert len(whole) > 100

    with Ledger.open(path, ME) as ledger:
        with ledger._db.read() as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        held = {position.token_id: position.size for position in ledger.positions()}
        for kind, order_id in whole:
            intent = ledger.intent(order_id)
            assert intent is not None
            assert kind == "intent" or (intent.seen == 4 and held[order_id] == 4)
        filled = {each.order_id for each in ledger.fills()}
        assert filled == set(held)


def _child(path: str, name: int, stop: Event) -> None:
    """Buy, get filled in part, cancel; sell out when refused. As fast as the ledger lets it.

    A child that never placed or never met a cap would prove nothing: it goes on.
    """
    luck = random.Random(name)  # noqa: S311 - the same luck each time
    token = str(name)
    ledger = Ledger.open(Path(path), ME, busy_s=15.0)
    refused = placed = 0
    while not stop.is_set() or not (refused and placed):
        order_id = f"{name}-{refused + placed}"
        size = str(luck.randint(5, 60))
        try:
            ledger.record_intent(
                signed(order_id, size=size, token=token), at=T0, reason="test", limits=LIMITS
            )
        except IntentRefused:
            refused += 1
            _sell(ledger, token, order_id)
            continue
        placed += 1
        ledger.record_outcome(order_id, Placed(order_id, "live"), at=T0)
        matched = str(luck.randint(1, int(size)))
        ledger.record_fill(fill(order_id, order_id, size=matched, token=token))
        over = resting(
            order_id, Side.BUY, "0.50", size, matched=matched, token=token, status="CANCELED"
        )
        ledger.record_order(over)
    ledger.close()
    os._exit(0)


def _sell(ledger: Ledger, token: str, name: str) -> None:
    size = str(ledger.position(token).size)
    with suppress(IntentRefused):
        ledger.record_intent(
            signed(f"s{name}", Side.SELL, "0.60", size, token=token), at=T0, reason="test"
        )
        ledger.record_fill(fill(f"s{name}", f"s{name}", Side.SELL, "0.60", size, token=token))


def test_ten_children_never_exceed_the_total_cap_together(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    children = [context.Process(target=_child, args=(path, number, stop))
                for number in range(CHILDREN)]  # fmt: skip
    with Ledger.open(Path(path), ME) as ledger:
        for child in children:
            child.start()
        highest = Decimal(0)
        while highest <= CAP - 5:  # until they meet the cap, and a while longer
            highest = max(highest, ledger.total_exposure())
        highest = max(highest, *(ledger.total_exposure() for _ in range(2000)))
        stop.set()
        for child in children:
            child.join()

        assert highest <= CAP
        assert [child.exitcode for child in children] == [0] * CHILDREN
        assert ledger.total_exposure() <= CAP


@pytest.mark.slow
def test_an_intent_of_a_killed_child_is_found_and_blocks_a_second_order(
    tmp_path: Path, root: Path
) -> None:
    """Between intent and answer: the next life knows it as unknown, and signs nothing new."""
    path = tmp_path / "ledger.db"
    for life in range(20):
        code = subprocess.run(
            [sys.executable, root / WRITER, path, str(life), "die"], check=False
        ).returncode
        assert code == -signal.SIGKILL

        token = f"{life}-0"
        with Ledger.open(path, ME) as ledger:
            lost = ledger.record_lost(token)
            assert [(each.order_id, each.state) for each in lost] == [(token, IntentState.UNKNOWN)]
            with pytest.raises(IntentRefused, match="side_busy"):
                ledger.record_intent(signed("second", token=token), at=T0, reason="test")
