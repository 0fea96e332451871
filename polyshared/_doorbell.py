"""Wait for the file to be replaced, where the lane's bell is not to be had.

On Linux inotify tells, without a thread and without cost while nothing
happens. It is asked about the directory, because a replaced file is another
file; temporary files live in a directory below, so that they wake nobody.
A user may have only 128 inotify instances, and other systems have none: then
the directory entry is looked at every 20 ms.
"""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

from polyshared._linux import DirectoryWatch

_RECHECK_S = 1.0  # should an event ever be lost
_Look = tuple[int, int, int] | None


class Doorbell:
    """Rings when a path leads to another file than at the last ring."""

    def __init__(self, path: Path, poll_s: float) -> None:
        self._path = path
        self._poll_s = poll_s
        self._seen: _Look = None
        self._watch: DirectoryWatch | None = None

    @property
    def is_polling(self) -> bool:
        """Whether `wait` had to look instead of being told, last time."""
        return self._watch is None

    def wait(self, timeout_s: float) -> None:
        """Return when the file was replaced since the last return, or after *timeout_s*."""
        deadline_s = time.monotonic() + timeout_s
        self._arm()  # before the first look: a change between the two is not lost
        while (look := self._look()) == self._seen:
            rest_s = deadline_s - time.monotonic()
            if rest_s <= 0:
                return
            self._sleep(rest_s)
        self._seen = look

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _arm(self) -> None:
        if self._watch is None:
            try:
                self._watch = DirectoryWatch(self._path.parent)
            except OSError:
                return  # no such directory yet, no instance left, no inotify here

    def _sleep(self, rest_s: float) -> None:
        if self._watch is None:
            time.sleep(min(self._poll_s, rest_s))
            return
        poll = select.poll()
        poll.register(self._watch.fd, select.POLLIN)
        poll.poll(min(_RECHECK_S, rest_s) * 1000)
        if "" in self._watch.names():  # the directory went away: watch the one that comes
            self.close()
            self._arm()

    def _look(self) -> _Look:
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
