"""One clock for every shell of the program, so that a rehearsal can pass a day in minutes."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

_BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"


def boot_id() -> str:
    """Return the system's name of this boot: readings of :meth:`Clock.boot` compare within one.

    Where the system has none, each process is a boot of its own: nothing that another one
    stamped is taken for fresh.
    """
    try:
        with open(_BOOT_ID_FILE, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Clock:
    """Tell the time and how long a scheduled duration lasts.

    A scale of 60 makes an hour of market or schedule time pass in a minute of
    real time. Only durations that :meth:`real_s` is asked for are scaled; stamps
    are always real, as are deadlines of requests, heartbeats of connections and
    whatever the exchange checks (authentication headers).

    Attributes:
        scale: How many times faster than real time schedules run, at least 1.
    """

    scale: float = 1.0

    def now(self) -> float:
        """Return the wall-clock time in epoch seconds; for stamps and display, never for ages."""
        return time.time()

    def mono(self) -> float:
        """Return a monotonic reading in seconds; it never leaves this process."""
        return time.monotonic()

    def boot(self) -> float:
        """Return seconds since boot, suspend included; comparable between processes."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def real_s(self, scheduled_s: float) -> float:
        """Return how many real seconds a scheduled duration lasts under this clock."""
        return scheduled_s / self.scale
