"""Wait for the file to be replaced, where the lane's bell is not to be had.

On Linux inotify tells, without a thread and without cost while nothing
happens. It is asked about the directory, because a replaced file is another
file; temporary files live in a directory below, so that they wake nobody.
A user may have only 128 inotify instances, and other systems have none: then
the file is looked at every 20 ms, by all processes at the same instants. What
one of them has brought into the processor's caches, the next finds there, and
the processor sleeps in between.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from polyshared._atomic import Identity, identity_of
from polyshared._linux import DirectoryWatch

_RECHECK_S = 1.0  # should an event ever be lost
_LEAST_POLL_S = 0.001


class Doorbell:
    """Rings when a path leads to another file than at the last ring.

    Args:
        path: The file's.
        poll_s: Time between two looks where nothing tells us; a millisecond at least.
    """

    def __init__(self, path: Path, poll_s: float) -> None:
        self._path = os.fspath(path)
        self._directory = path.parent
        self._poll_s = max(_LEAST_POLL_S, poll_s)
        self._seen: Identity | None = None
        self._watch: DirectoryWatch | None = None
        self._watch_again_s = float("-inf")

    @property
    def is_polling(self) -> bool:
        """Whether `wait` had to look instead of being told, last time."""
        return self._watch is None

    def wait(self, timeout_s: float, has_news: Callable[[], bool] | None = None) -> bool:
        """Return when the file was replaced since the last ring, or after *timeout_s*.

        Args:
            timeout_s: Longest wait.
            has_news: Asked in place of that: now, where we are told of replacements, and
                whenever the file may have been replaced.

        Returns:
            Whether it rang.
        """
        now_s = time.monotonic()
        deadline_s = now_s + timeout_s
        if self._watch is None and now_s >= self._watch_again_s:
            self._arm(now_s)  # before the first look: a change between the two is not lost
        has_news = has_news or self._is_replaced
        if self._watch is None:
            self._rest(now_s, deadline_s)
        while not has_news():
            now_s = time.monotonic()
            if now_s >= deadline_s:
                return False
            self._rest(now_s, deadline_s)
        return True

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _arm(self, now_s: float) -> None:
        self._watch_again_s = now_s + _RECHECK_S
        # No such directory yet, no instance left, no inotify here: look at the path instead.
        with suppress(OSError):
            self._watch = DirectoryWatch(self._directory)

    def _rest(self, now_s: float, deadline_s: float) -> None:
        """Wait until it is worth while to ask again, *deadline_s* at the latest."""
        if self._watch is not None:
            self._listen(self._watch, deadline_s - now_s)
        else:
            next_look_s = now_s + self._poll_s - now_s % self._poll_s
            time.sleep(max(0.0, min(next_look_s, deadline_s) - now_s))

    def _listen(self, watch: DirectoryWatch, rest_s: float) -> None:
        poll = select.poll()
        poll.register(watch.fd, select.POLLIN)
        poll.poll(min(_RECHECK_S, rest_s) * 1000)
        if "" in watch.names():  # the directory went away: watch the one that comes
            self.close()
            self._arm(time.monotonic())

    def _is_replaced(self) -> bool:
        seen = None
        with suppress(OSError):
            seen = identity_of(os.lstat(self._path))
        before, self._seen = self._seen, seen
        return seen != before
