"""A process that somebody else started: its end is read, its silence judged, the disk forgiven."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.adopted import UNKNOWN_END, AdoptedProcess, StatusPulse
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.orphans import Stranger
from POLYMARKET_MAKER.processes import started_s
from POLYMARKET_MAKER.pulse import HUNG_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.json"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def adopted(process: subprocess.Popen[bytes], path: Path) -> AdoptedProcess:
    began = started_s(process.pid)
    assert began is not None
    return AdoptedProcess(Stranger("1", process.pid, began, supervisor=1), path)


def tell(path: Path, pid: int, *, age_s: float = 0.0, exit_code: int | None = None) -> None:
    said = {"pid": pid, "boottime_s": Clock().boot() - age_s, "exit_code": exit_code}
    path.write_text(json.dumps(said))


def test_its_exit_code_is_the_one_it_told(process: subprocess.Popen[bytes], path: Path) -> None:
    child = adopted(process, path)
    tell(path, process.pid)
    assert child.poll() is None

    tell(path, process.pid, exit_code=10)
    assert child.poll() is None, "it still runs, whatever it says"
    process.kill()
    assert child.wait() == 10, "also while nobody has reaped it"


@pytest.mark.parametrize("who", ["nobody", "another"])
def test_an_end_that_nobody_told_is_a_crash(
    process: subprocess.Popen[bytes], path: Path, who: str
) -> None:
    child = adopted(process, path)
    if who == "another":
        tell(path, process.pid + 1, exit_code=0)
    child.send_signal(signal.SIGKILL)

    assert child.wait() == UNKNOWN_END


def test_its_status_file_is_its_pulse(path: Path) -> None:
    pulse = StatusPulse(path, Clock())
    tell(path, 1)
    assert not pulse.is_hung(0.0)

    tell(path, 1, age_s=HUNG_S + 1)
    assert pulse.is_hung(0.0)


def test_a_disk_that_refuses_writes_makes_nobody_hung(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(path, 1, age_s=HUNG_S + 1)
    pulse = StatusPulse(path, Clock())
    assert pulse.is_hung(0.0)

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert not pulse.is_hung(0.0)
