"""Processor time of other processes, in nanoseconds: ticks are too coarse for a 5 % job."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def run_ns(pids: Iterable[int]) -> int:
    """Return the time for which the threads of *pids* have run so far.

    From ``/proc/<pid>/task/*/schedstat``, whose first number the kernel keeps exactly.
    What a thread that has ended used is not in it.
    """
    return sum(_run_ns_of(pid) for pid in pids)


def _run_ns_of(pid: int) -> int:
    total = 0
    with suppress(FileNotFoundError):  # it has ended, or one of its threads has
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(FileNotFoundError):
                text = Path(f"/proc/{pid}/task/{task}/schedstat").read_bytes()
                total += int(text.split(maxsplit=1)[0])
    return total


def pin(pid: int, cores: set[int]) -> None:
    """Let all threads of *pid* run on *cores* only."""
    with suppress(FileNotFoundError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task), cores)
