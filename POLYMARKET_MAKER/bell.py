"""A bell between two processes: a file whose time stamp says when it was rung.

The child looks at it every few milliseconds while something of it is open, which costs
a ``stat``. A missed ring costs a turn's length: the ledger, not the bell, says what is new.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path


def bell_path(data_dir: Path, token_id: str) -> Path:
    """Return the bell of the child that trades *token_id*."""
    return data_dir / "children" / f"{token_id}.bell"


def ring(path: Path) -> None:
    """Tell who listens that there is news. Nobody listens where there is no such file."""
    now_ns = time.time_ns()  # in full: the kernel's own stamp moves only every 4 ms
    with suppress(OSError):
        os.utime(path, ns=(now_ns, now_ns))


class Bell:
    """The listener's end."""

    def __init__(self, path: Path) -> None:
        """Hang it up.

        Raises:
            OSError: The file could not be made.
        """
        path.touch()
        self._path = path
        self._heard_ns = 0
        self.has_rung()

    def has_rung(self) -> bool:
        """Whether it was rung since the last time this was asked."""
        seen_ns = self._look()
        changed = seen_ns != self._heard_ns
        self._heard_ns = seen_ns
        return changed

    def _look(self) -> int:
        try:
            return os.stat(self._path).st_mtime_ns
        except OSError:
            return self._heard_ns  # somebody removed it: turns without news are longer
