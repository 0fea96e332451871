"""A pid alone may be somebody else's by now."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from POLYMARKET_MAKER.processes import end_with_parent, started_s

PARENT = (
    "import os, signal, subprocess, sys;"
    "child = subprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid())]);"
    "print(child.pid, flush=True); signal.pause()"
)
CHILD = (
    "import signal, sys; from POLYMARKET_MAKER.processes import end_with_parent;"
    "end_with_parent(int(sys.argv[1])); signal.pause()"
)


def test_a_start_agrees_with_what_psutil_says() -> None:
    ours = started_s()

    assert ours is not None
    assert ours == pytest.approx(psutil.Process().create_time() - psutil.boot_time(), abs=2)
    assert started_s(os.getpid()) == ours


def test_a_process_that_is_gone_has_no_start() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert started_s(gone.pid) is None


def test_a_parent_that_is_gone_already_is_an_error() -> None:
    with pytest.raises(ProcessLookupError):
        end_with_parent(os.getppid() + 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells only on Linux")
def test_a_child_ends_when_its_parent_is_killed(root: object) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, cwd=str(root), text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + 15
    while not _is_armed(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    parent.stdout.close()

    while psutil.pid_exists(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(child)


def _is_armed(pid: int) -> bool:
    """Whether the child has come as far as waiting for a signal."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_SLEEPING
    except psutil.NoSuchProcess:
        return False
