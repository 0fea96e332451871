"""A program that doctor asks is gone afterwards, and whatever it started with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from polyshared.doctor import running
from tests.doctor.house import House
from tests.support.program import eventually

pytestmark = pytest.mark.timeout(120)

PYTHON = sys.executable

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
kid = subprocess.Popen([sys.executable, "-c", child])
open("pids.tmp", "w").write(f"{__import__('os').getpid()} {kid.pid}")
__import__("os").replace("pids.tmp", "pids")
time.sleep(600)
"""


def alive(pids: list[int]) -> list[int]:
    """Return those that still run; one that is dead and not yet reaped by init does not."""
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


def pids_in(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def test_what_is_late_is_ended_with_all_that_it_started_and_reaped(tmp_path: Path) -> None:
    """Both are deaf to SIGTERM."""
    with pytest.raises(running.Late):
        running.run([PYTHON, "-c", STUBBORN], cwd=tmp_path, env=os.environ, deadline_s=5.0)

    asked, started = pids_in(tmp_path)
    assert not psutil.pid_exists(asked)
    eventually(lambda: alive([started]) == [], within_s=60, what="no process of its group")


def test_what_it_left_running_holds_nobody_up_and_is_ended(tmp_path: Path) -> None:
    """It has ended by itself; what it started keeps its output open."""
    script = (
        "import subprocess, sys\n"
        "kid = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pids', 'w').write(str(kid.pid))\n"
    )

    with pytest.raises(running.Late):
        running.run([PYTHON, "-c", script], cwd=tmp_path, env=os.environ, deadline_s=5.0)

    eventually(lambda: alive(pids_in(tmp_path)) == [], within_s=60, what="no process left")


@pytest.fixture(autouse=True)
def _begun() -> None:
    running.begin()


def test_what_still_runs_when_the_command_ends_is_ended_by_force(tmp_path: Path) -> None:
    raised: list[str] = []

    def ask() -> None:
        done = running.run([PYTHON, "-c", STUBBORN], cwd=tmp_path, env=os.environ, deadline_s=600)
        raised.append(signal.Signals(-done.returncode).name)

    thread = threading.Thread(target=ask)
    thread.start()
    eventually((tmp_path / "pids").exists, within_s=30, what="both processes")
    running.end_all()
    thread.join(30)

    assert raised == ["SIGKILL"]
    with pytest.raises(running.Late):  # and nothing starts any more
        running.run([PYTHON, "-c", ""], cwd=tmp_path, env=os.environ, deadline_s=600)
    eventually(lambda: alive(pids_in(tmp_path)) == [], within_s=60, what="no process left")


def hanging(house: House) -> list[int]:
    """Return the processes that run in the house's installation of the program."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        if process.info["cwd"] == str(house.root) and "POLYMARKET_MAKER.probe" in command:
            found.append(process.pid)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, None], ids=["interrupted", "out-of-time"])
def test_no_probe_outlives_a_doctor(tmp_path: Path, number: signal.Signals | None) -> None:
    """The trading program hangs; doctor runs out of time, or its user out of patience."""
    house = House(tmp_path)
    (house.root / "settings.json").write_text("hang", encoding="utf-8")
    limit = "600" if number else "6"
    command = [PYTHON, "-m", "polyshared", "doctor", "config.load", "--timeout", limit]
    with house:
        doctor = subprocess.Popen(
            [*command, "--data-dir", str(house.data_dir)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: bool(hanging(house)), within_s=60, what="a probe that hangs")
        if number:
            doctor.send_signal(number)
        code = doctor.wait(30)

        assert hanging(house) == []
    assert code != 0 if number else code == 5
