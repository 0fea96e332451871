"""``--flatten`` begins only where no child trades, and always ends with its proof."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from POLYMARKET_MAKER import flatten
from POLYMARKET_MAKER.errors import CannotStart, LedgerError, SupervisorExit
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.processes import started_s
from tests.support.trading import TOKEN

HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a child of TOKEN, as far as its lock and its status file tell."""
    children = tmp_path / "children"
    children.mkdir()
    (children / "1.lock").touch()  # of one that is gone
    lock = children / f"{TOKEN}.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        said = {"token_id": TOKEN, "pid": process.pid, "pid_started_s": started_s(process.pid)}
        (children / f"{TOKEN}.json").write_bytes(msgspec.json.encode(said))
        yield process


def test_a_child_that_still_trades_is_named_and_nothing_is_done(
    tmp_path: Path, child: subprocess.Popen[str]
) -> None:
    with ExitStack() as locks, pytest.raises(CannotStart) as refused:
        flatten.hold_children(tmp_path, locks)

    assert f"pid {child.pid}" in str(refused.value)
    assert TOKEN[-4:] in str(refused.value)

    child.communicate("")
    with ExitStack() as locks, ExitStack() as others:
        flatten.hold_children(tmp_path, locks)
        with pytest.raises(CannotStart, match="unknown process"):
            flatten.hold_children(tmp_path, others)  # held to the end


@dataclass
class Desk:
    """An account whose last proof finds *left* open; *disturb* comes in the middle of it."""

    ledger: Ledger
    left: frozenset[str] = frozenset()
    disturb: Callable[[], None] = lambda: None
    proofs: int = 0

    def cancel_all(self) -> frozenset[str]:
        self.proofs += 1
        if self.proofs == 1:
            return frozenset()
        self.disturb()
        return self.left


@dataclass
class Selling:
    """A seller to whom something happens."""

    happens: Callable[[], None]

    def sell(self, _sales: object, *, for_s: float) -> None:  # noqa: ARG002
        self.happens()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", Identity("live", "h", 137, "0x")) as ledger:
        yield ledger


def carry_out(desk: Any, seller: Any) -> SupervisorExit:
    return flatten._carry_out(desk, seller, [], for_s=1.0)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def refuse() -> None:
    raise LedgerError("no disk")


def nothing() -> None:
    pass


@pytest.mark.parametrize("happens", [nothing, terminate, refuse])
def test_a_signal_does_not_disturb_the_proof(
    ledger: Ledger, happens: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    # Without its guard the signal would end the tests.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        desk = Desk(ledger, disturb=terminate)
        assert carry_out(desk, Selling(happens)) is SupervisorExit.DONE
    except KeyboardInterrupt:
        pytest.fail("the proof was cut short")
    finally:
        signal.signal(signal.SIGTERM, before)

    assert desk.proofs == 2
    assert "no order of ours is open" in capsys.readouterr().out


def test_a_fault_of_ours_does_not_skip_the_proof(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError("price was 0.505")

    with pytest.raises(ValueError, match=r"0\.505"):
        carry_out(Desk(ledger, frozenset({"0xa"})), Selling(fail))

    assert "may still be open: 0xa" in capsys.readouterr().out
