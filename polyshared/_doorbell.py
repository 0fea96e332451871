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
from contextlib import suppress
from pathlib import Path

from polyshared._atomic import Identity, identity_of
from polyshared._linux import DirectoryWatch

_RECHECK_S = 1.0  # should an event ever be lost


class Doorbell:
    """Rings when a path leads to another file than at the last ring."""

    def __init__(self, path: Path, poll_s: float) -> None:
        self._path = os.fspath(path)
        self._directory = path.parent
        self._poll_s = poll_s
        self._seen: Identity | None = None
        self._looked_s = float("-inf")
        self._watch: DirectoryWatch | None = None
        self._watch_again_s = float("-inf")

    @property
    def is_polling(self) -> bool:
        """Whether `wait` had to look instead of being told, last time."""
        return self._watch is None

    def wait(self, timeout_s: float) -> Identity | None:
        """Return when the file was replaced since the last return, or after *timeout_s*.

        Returns:
            What the path leads to now; None when it leads nowhere, or nothing was replaced.
        """
        now_s = time.monotonic()
        deadline_s = now_s + timeout_s
        if self._watch is None and now_s >= self._watch_again_s:
            self._arm(now_s)  # before the first look: a change between the two is not lost
        if self._watch is None:
            time.sleep(max(0.0, min(deadline_s, self._looked_s + self._poll_s) - now_s))
        while (look := self._look()) == self._seen:
            rest_s = deadline_s - self._looked_s
            if rest_s <= 0:
                return None
            if self._watch is None:
                time.sleep(min(self._poll_s, rest_s))
            else:
                self._listen(self._watch, rest_s)
        self._seen = look
        return look

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _arm(self, now_s: float) -> None:
        self._watch_again_s = now_s + _RECHECK_S
        # No such directory yet, no instance left, no inotify here: look at the path instead.
        with suppress(OSError):
            self._watch = DirectoryWatch(self._directory)

    def _listen(self, watch: DirectoryWatch, rest_s: float) -> None:
        poll = select.poll()
        poll.register(watch.fd, select.POLLIN)
        poll.poll(min(_RECHECK_S, rest_s) * 1000)
        if "" in watch.names():  # the directory went away: watch the one that comes
            self.close()
            self._arm(time.monotonic())

    def _look(self) -> Identity | None:
        self._looked_s = time.monotonic()
        try:
            return identity_of(os.lstat(self._path))
        except OSError:
            return None
