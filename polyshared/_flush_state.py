"""How the flushes of one writer fare: when the next is due, and failure as a state. Pure."""

from __future__ import annotations


class FlushState:
    """Counts flushes and failures.

    Args:
        min_interval_s: Least time between two tries.
        heartbeat_s: Longest time between two tries.

    Attributes:
        tried: Number of the last file that was tried.
        written: Number of the last file that was written.
        is_dirty: Something changed since the last try.
        failing_since: Epoch seconds since when flushing fails; None while it works.
        failures: How many flushes have failed in all.
        last_error: The last failure; stays after recovery.
    """

    def __init__(self, *, min_interval_s: float, heartbeat_s: float) -> None:
        self.tried = 0
        self.written = 0
        self.is_dirty = True
        self.failing_since: float | None = None
        self.failures = 0
        self.last_error: OSError | None = None
        self._min_interval_s = min_interval_s
        self._heartbeat_s = heartbeat_s
        self._last_try_s = float("-inf")

    def due_in_s(self, boot_s: float) -> float:
        """Return the seconds until the next flush is due; zero or less when it is."""
        # A disk that is full is asked again once a heartbeat, however much changes.
        is_soon = self.is_dirty and self.failing_since is None
        interval_s = self._min_interval_s if is_soon else self._heartbeat_s
        return self._last_try_s + interval_s - boot_s

    def begin(self, boot_s: float) -> None:
        """Note that a flush is tried now, before anything of it can fail."""
        self._last_try_s = boot_s

    def take(self) -> int:
        """Return the number of the file that is being made; later changes are not in it."""
        self.tried += 1
        self.is_dirty = False
        return self.tried

    def end(self, error: OSError | None, wall_s: float) -> bool:
        """Note how the last try ended; None: well. Returns whether that is a change."""
        was_failing = self.failing_since is not None
        if error is None:
            self.failing_since = None
            self.written = self.tried
        else:
            self.failures += 1
            self.last_error = error
            self.is_dirty = True
            if not was_failing:
                self.failing_since = wall_s
        return was_failing is (error is None)
