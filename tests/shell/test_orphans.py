"""Children of an earlier supervisor are ended before anybody trades their token."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.handover import SUPERVISOR_VARIABLE
from POLYMARKET_MAKER.orphans import Orphans
from POLYMARKET_MAKER.processes import started_s
from tests.support.program import eventually
from tests.support.waiting_fleet import waiting_fleet

ENDS = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); print(flush=True)"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)"
WAITS = "\nimport time\nwhile True: time.sleep(0.05)"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that trades a token, as its status file says."""
    (tmp_path / "children").mkdir()
    running: list[subprocess.Popen[bytes]] = []

    def started(token_id: str, program: str, *, by_hand: bool = False) -> subprocess.Popen[bytes]:
        env = dict(os.environ) if by_hand else {**os.environ, SUPERVISOR_VARIABLE: "1"}
        process = subprocess.Popen(
            [sys.executable, "-c", program + WAITS], env=env, stdout=subprocess.PIPE
        )
        running.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        said = {"token_id": token_id, "pid": process.pid, "pid_started_s": started_s(process.pid)}
        (tmp_path / "children" / f"{token_id}.json").write_text(json.dumps(said))
        return process

    yield started
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def gone(orphans: Orphans, process: subprocess.Popen[bytes]) -> list[str]:
    """Return what is told gone, once the process is; a real orphan is reaped by init."""
    process.wait(20)
    return orphans.take_gone()


def test_an_orphan_is_asked_to_end_and_its_token_is_free_when_it_is_gone(
    tmp_path: Path, start: Start
) -> None:
    process = start("1", ENDS)
    orphans = Orphans(tmp_path, Clock(), grace_s=100)
    assert orphans.tokens == {"1"}
    assert orphans.is_taken("1")
    assert not orphans.is_taken("2")

    assert gone(orphans, process) == ["1"]
    assert process.returncode == 0
    assert not orphans.is_taken("1")
    assert orphans.take_gone() == [], "each is told once"


def test_a_suspended_orphan_is_woken_to_end(tmp_path: Path, start: Start) -> None:
    process = start("1", ENDS)
    process.send_signal(signal.SIGSTOP)
    orphans = Orphans(tmp_path, Clock(), grace_s=100)

    assert gone(orphans, process) == ["1"]


def test_an_orphan_that_does_not_end_is_killed_after_its_grace(
    tmp_path: Path, start: Start
) -> None:
    process = start("1", IGNORES)
    orphans = Orphans(tmp_path, Clock(), grace_s=0)
    assert orphans.is_taken("1")
    told = orphans.take_gone()  # the kill; it may be gone already

    assert told + gone(orphans, process) == ["1"]
    assert process.returncode == -signal.SIGKILL


def test_an_orphan_has_ended_before_a_supervisor_that_stops_says_so(
    tmp_path: Path, start: Start
) -> None:
    """Also within its grace: as long as it lives it may still place and cancel."""
    process = start("1", IGNORES)
    with waiting_fleet(tmp_path) as made:
        orphans = Orphans(tmp_path, Clock(), grace_s=3600)
        fleet = Fleet(made._settings, made._desk, made._memory, Clock(), orphans)
        assert fleet.is_traded("1")
        assert not fleet.is_over()

        fleet.kill_all()

        assert fleet.is_over()
        assert not fleet.is_traded("1")
        assert process.wait(20) == -signal.SIGKILL


def test_a_child_by_hand_is_left_alone_and_its_token_is_not_traded_twice(
    tmp_path: Path, start: Start
) -> None:
    process = start("1", ENDS, by_hand=True)
    orphans = Orphans(tmp_path, Clock(), grace_s=0)
    orphans.take_gone()

    assert orphans.tokens == frozenset()
    assert orphans.is_taken("1")
    assert process.poll() is None
    process.terminate()
    process.wait()
    eventually(lambda: not orphans.is_taken("1"), within_s=60, what="the token free")


def test_a_pid_that_somebody_else_has_by_now_is_nobodys_orphan(tmp_path: Path) -> None:
    (tmp_path / "children").mkdir()
    said = {"token_id": "1", "pid": os.getpid(), "pid_started_s": 1.0}
    (tmp_path / "children" / "1.json").write_text(json.dumps(said))
    (tmp_path / "children" / "2.json").write_text("{")
    orphans = Orphans(tmp_path, Clock(), grace_s=0)

    assert orphans.tokens == frozenset()
    assert not orphans.is_taken("1")
