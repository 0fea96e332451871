"""A busy machine is refused with both numbers, and the processors' time is the kernel's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness.cpu import run_ns
from benchmarks.harness.machine import BusyError, file_system, require_quiet

SPIN = """
import sys, time
while time.process_time() < 0.2:
    pass
print("done", flush=True)
sys.stdin.read()
"""


def test_a_busy_machine_is_refused() -> None:
    with pytest.raises(BusyError, match=r"40% .* limit is 15%"):
        require_quiet(0.4)


def test_a_quiet_machine_is_not() -> None:
    require_quiet(0.15)


def test_the_file_system_is_that_of_the_innermost_mount() -> None:
    assert file_system(Path("/proc/self")) == "proc"
    assert file_system(Path("/")) != "proc"


def test_the_time_of_a_process_is_what_it_used() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SPIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        used_s = run_ns([process.pid]) / 1e9
        process.communicate()

    assert 0.19 < used_s < 5


def test_a_process_that_has_ended_used_nothing_more() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert run_ns([process.pid]) == 0
