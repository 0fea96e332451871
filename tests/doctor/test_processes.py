"""The same process is the same id and the same start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from polyshared.doctor.processes import (
    Life,
    look_up,
    running_scripts,
    shared_cache_of,
    started_s,
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "POLY_WS_SHARED_CACHE": "/x/ws_cache.json", "POLY_KEY": "not read"}
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"],
        env=env,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_start_is_counted_from_boot() -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)

    assert 0 < started_s(os.getpid()) <= now


def test_a_running_process_is_recognised(sleeper: subprocess.Popen[bytes]) -> None:
    found = look_up(sleeper.pid, started_s(sleeper.pid))

    assert found.life is Life.RUNNING
    assert found.parent == os.getpid()


def test_another_start_is_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    """Process ids are used again, after a crash sooner than one likes."""
    assert look_up(sleeper.pid, started_s(sleeper.pid) - 60).life is Life.REUSED


def test_a_stopped_process_is_alive_and_stopped(sleeper: subprocess.Popen[bytes]) -> None:
    os.kill(sleeper.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED | os.WNOWAIT)

    life = look_up(sleeper.pid, None).life

    assert life is Life.STOPPED
    assert life.is_alive


def test_an_ended_process_whose_parent_did_not_ask_is_not_alive(
    sleeper: subprocess.Popen[bytes],
) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert look_up(sleeper.pid, None).life is Life.ZOMBIE


def test_a_gone_process_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    sleeper.wait()

    assert look_up(sleeper.pid, None).life is Life.GONE
    with pytest.raises(psutil.NoSuchProcess):
        started_s(sleeper.pid)


def test_of_the_environment_only_the_cache_is_told(sleeper: subprocess.Popen[bytes]) -> None:
    assert shared_cache_of(sleeper.pid) == "/x/ws_cache.json"


def test_a_script_is_found_by_its_name_with_what_follows_it(tmp_path: os.PathLike[str]) -> None:
    script = os.path.join(tmp_path, "Volatility_arbitrage_run.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write("print(flush=True)\nimport time\ntime.sleep(60)\n")
    command = [sys.executable, "-u", script, "data/run_params_7.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = [s for s in running_scripts("Volatility_arbitrage_run.py") if s.pid == process.pid]
        process.kill()

    assert [script.arguments for script in found] == [("data/run_params_7.json",)]
