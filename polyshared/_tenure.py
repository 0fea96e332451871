"""A writer's right to write: taken at its start, asked for before every write, lost once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from weakref import WeakSet

from polyshared._clock import Moment
from polyshared._errors import WriterFenced
from polyshared._lock import Owner, WriterLock, new_owner
from polyshared._start import clean_up, next_epoch, silence_s

# How long one look at the lock file is good for, by the clock that counts suspension. A process
# that was stopped therefore looks again before it writes, and who takes over from one that was
# not stopped has waited for seconds of silence first. Who removed the lock file has a board of
# his own by then: what we write meanwhile goes to a file that nobody reads. A flush looks always.
# A look costs as much as a write, more where 100 puts a second find cold caches.
GOOD_FOR_S = 0.1
_NEVER = float("-inf")

_tenures: WeakSet[Tenure] = WeakSet()


def _look_again() -> None:
    """Let a fork find out that it is one, without asking for its id before every write."""
    for tenure in _tenures:
        tenure.expire()


os.register_at_fork(after_in_child=_look_again)


class Tenure:
    """Holds the lock, and says when it is lost.

    Args:
        snapshot: The snapshot file, already resolved.
        on_end: Called once, when the right to write is lost or given up.

    Attributes:
        ended: Why nothing may be written any more; None while it may.
    """

    def __init__(self, snapshot: Path, on_end: Callable[[], None]) -> None:
        self.ended: Exception | None = None
        self._snapshot = snapshot
        self._lock = WriterLock(snapshot)
        self._on_end = on_end
        self._pid = os.getpid()
        self._good_until_s = _NEVER
        _tenures.add(self)

    def begin(
        self, clock: Callable[[], Moment], *, version: str, silent_for_s: float | None
    ) -> Owner:
        """Take the lock, in an epoch later than any before, and say so in the owner file.

        Args:
            clock: The writer's.
            version: Shown as the writer's.
            silent_for_s: Also replace an owner that lives and was silent for longer; None: never.

        Raises:
            WriterBusy: Another process is the writer.
            OSError: The directory cannot be used.
        """

        def is_silent() -> bool:
            return silent_for_s is not None and silence_s(self._snapshot, clock()) > silent_for_s

        self._lock.acquire(may_replace=is_silent)
        try:
            clean_up(self._snapshot)
            at = clock()
            epoch = next_epoch(self._snapshot, at)
            self._owner = new_owner(epoch=epoch, version=version, at=at)
            self._lock.publish(self._owner)
        except BaseException:
            self._lock.release()
            raise
        return self._owner

    def check(self, boot_s: float) -> None:
        """Raise unless this process may write. For every write; costs next to nothing.

        Raises:
            WriterFenced: It may not, or it is a fork of the one that may.
            Exception: Whatever ended it before.
        """
        if boot_s >= self._good_until_s:
            self.look(boot_s)

    def expire(self) -> None:
        """Let the next `check` look, whenever the last look was."""
        self._good_until_s = _NEVER

    def look(self, boot_s: float) -> bool:
        """Do what `check` does, and look at the lock file in any case.

        Returns:
            Whether it is there, and ours. If not, a flush has to `regain` it.
        """
        if self.ended is not None:
            raise self.ended
        try:
            self._lock.check()
        except WriterFenced as error:
            self._lose(error)
            raise
        except OSError:
            # It is gone, or cannot be looked at. The next flush takes it again or fails.
            # Until then a lane of ours that lost its place is a file nobody reads.
            is_ours = False
        else:
            is_ours = True
        self._good_until_s = boot_s + GOOD_FOR_S
        return is_ours

    def regain(self) -> None:
        """Take the lock again if somebody removed its file, or the directory.

        Raises:
            WriterFenced: A later writer was or is there.
            OSError: The directory cannot be used.
        """
        try:
            self._lock.check()
        except FileNotFoundError:
            try:
                self._lock.reacquire(self._owner)
            except WriterFenced as error:
                self._lose(error)
                raise

    def _lose(self, error: WriterFenced) -> None:
        if os.getpid() == self._pid:  # a fork may not write; its parent still may
            self.end(error)

    def end(self, reason: Exception) -> None:
        """Give the lock up. *reason* is what every later `check` raises."""
        self.ended = reason
        self.expire()
        self._on_end()
        self._lock.release()
