"""One reading of the clocks, and the age of a stamp.

Ages come from the boot-time clock: it counts suspend, never jumps, and is the
same for all processes of one boot. Wall-clock time is for people. It decides
an age only where the file's author gave nothing better.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from typing import NamedTuple

_BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"


class Moment(NamedTuple):
    """An instant on this machine.

    Attributes:
        boot_id: Names one boot of one machine; empty where the system has no such name.
        boot_s: Seconds on the boot-time clock.
        wall_s: Epoch seconds.
    """

    boot_id: str
    boot_s: float
    wall_s: float


make_moment = tuple.__new__
"""Makes a Moment of its parts in a third of the time that its own constructor takes."""


def _read_boot_id(path: str = _BOOT_ID_FILE) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


BOOT_ID = _read_boot_id()
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


boot_s: Callable[[], float] = functools.partial(time.clock_gettime, _CLOCK)


def now() -> Moment:
    return make_moment(Moment, (BOOT_ID, boot_s(), time.time()))


def boot_s_of(clock: Callable[[], Moment]) -> Callable[[], float]:
    """Return *clock*'s boot-time part, without the cost of the rest where that can be had."""
    return boot_s if clock is now else lambda: clock().boot_s


def age_s(then: Moment, at: Moment) -> float:
    """Return the seconds from *then* to *at*, never negative.

    Infinite when the two lie in different boots. Where either side does not
    name its boot, wall-clock time decides.
    """
    if not then.boot_id or not at.boot_id:
        age = at.wall_s - then.wall_s
    elif then.boot_id == at.boot_id:
        age = at.boot_s - then.boot_s
    else:
        return math.inf
    return age if age > 0.0 else 0.0  # noqa: FURB136 - max() takes twice as long
