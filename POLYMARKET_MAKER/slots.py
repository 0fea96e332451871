"""A few places that many processes share, and a wait that all of them keep.

A dead owner frees its place: the kernel drops its lock.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from polyshared import write_atomic

LONGEST_PAUSE_S = 120.0
"""A stamp further ahead is from another boot, whose clock had run for longer."""


class Slot:
    """One place that is held until :meth:`free` or the end of the process."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    def free(self) -> None:
        """Give the place to others; freeing twice is harmless."""
        self._lock.release(force=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


class Slots:
    """*count* places under one name."""

    def __init__(self, directory: Path, name: str, count: int) -> None:
        """Share ``<directory>/<name>-<i>.lock`` with every process that says the same."""
        self._paths = [directory / f"{name}-{index}.lock" for index in range(count)]
        self._directory = directory

    def prepare(self) -> None:
        """Make the files now, as far as possible: when a place is needed the disk may be full."""
        with suppress(OSError):  # take() tells what is wrong
            os.makedirs(self._directory, exist_ok=True)
            for path in self._paths:
                path.touch()

    def take(self) -> Slot | None:
        """Take a free place without waiting; None when there is none.

        Raises:
            OSError: The directory cannot be used.
        """
        os.makedirs(self._directory, exist_ok=True)
        for path in self._paths:
            lock = FileLock(path, timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                continue
            return Slot(lock)
        return None


class Pause:
    """A time before which none of the processes should dial, whoever was told so."""

    def __init__(self, path: Path) -> None:
        """Keep it in the file *path*, in seconds since boot."""
        self._path = path

    def left_s(self, boot_s: float) -> float:
        """Return how long to wait yet; 0 when dialling is allowed."""
        try:
            left_s = float(self._path.read_text(encoding="ascii")) - boot_s
        except (OSError, ValueError):
            return 0.0
        return left_s if 0 < left_s <= LONGEST_PAUSE_S else 0.0

    def extend(self, wait_s: float, boot_s: float) -> None:
        """Have everybody wait *wait_s* from now; a longer wait that stands is kept."""
        if wait_s > self.left_s(boot_s):
            until_s = boot_s + min(wait_s, LONGEST_PAUSE_S)
            with suppress(OSError):  # then only we wait
                write_atomic(self._path, str(until_s).encode())
