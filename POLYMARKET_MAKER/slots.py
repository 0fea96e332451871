"""A few places that many processes share; a dead owner frees its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout


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
