"""What can be wrong with a run.

FaultError                 a figure would be a lie
├─ DidNotStartError       a process did not come up, or has ended
├─ NotDeliveredError      a child never saw its last event
└─ ClockError             something was seen before it was published
OutOfTimeError             the whole run took longer than it may; no FaultError, so that
nothing takes it for the fault of one design
"""

from __future__ import annotations


class FaultError(Exception):
    """This run of this design is worth nothing."""


class DidNotStartError(FaultError):
    """A process of a design is not there; a figure without it would be a lie."""


class NotDeliveredError(FaultError):
    """An event, or a later one of the same key, never reached its child."""


class ClockError(FaultError):
    """Something was seen before it was published: the processes' clocks differ."""


class OutOfTimeError(Exception):
    """The whole run took longer than it may."""


FAULTS = (FaultError, OSError, ImportError)
"""What may befall one design without being the others' business."""
