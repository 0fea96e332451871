"""A child's pulse: a byte on a pipe to the supervisor, so that a hung child is found.

A pipe needs no disk: a disk that is full or slow cannot make a child look hung. The
child beats from its loop, not from a thread, because the loop is what must not hang.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress

VARIABLE = "POLY_PULSE_FD"
"""Environment: number of the pipe's end that the child writes to."""
DUMP_SIGNAL = signal.SIGUSR1
"""A child answers with the stacks of its threads, on standard error, whatever it does."""
BEAT_EVERY_S = 1.0
HUNG_S = 30.0
START_S = 120.0
"""Until its loop turns a child imports libraries and asks the exchange, for longer at a time."""
STARTING, TURNING = b"s", b"t"


class Heart:
    """The child's end.

    Args:
        env: The child's environment. Without the pipe in it nobody listens, as by hand.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        """Take over the pipe, and dump stacks when asked."""
        said = env.get(VARIABLE, "")
        self._pipe = int(said) if said.isdecimal() else None
        self._beat_mono = float("-inf")
        self._kind = b""
        if self._pipe is not None:
            with suppress(OSError):
                os.set_blocking(self._pipe, False)
                os.set_inheritable(self._pipe, False)  # noqa: FBT003
            faulthandler.register(DUMP_SIGNAL, all_threads=True)

    def beat(self, kind: bytes = TURNING) -> bool:
        """Say that the loop turns; costs next to nothing between two beats.

        Returns:
            Whether it was time for a beat: once a second.
        """
        mono = time.monotonic()
        if kind == self._kind and mono - self._beat_mono < BEAT_EVERY_S:
            return False
        self._beat_mono, self._kind = mono, kind
        if self._pipe is not None:
            with suppress(OSError):  # full: it was not read for long; closed: nobody is there
                os.write(self._pipe, kind)
        return True


class Pulse:
    """The supervisor's end, for one child.

    Attributes:
        child_end: To hand to the child with ``pass_fds``, and to close afterwards.
    """

    def __init__(self, now_mono: float) -> None:
        """Make the pipe.

        Raises:
            OSError: No more descriptors.
        """
        self._pipe, self.child_end = os.pipe()
        os.set_blocking(self._pipe, False)
        self._heard_mono = now_mono
        self._limit_s = START_S

    def handed_over(self) -> None:
        """Close our copy of the child's end, after the child was started or failed to."""
        os.close(self.child_end)

    def silent_s(self, now_mono: float) -> float:
        """Return how long nothing was heard; first takes in what was said meanwhile.

        A supervisor that itself did not turn for a while so does not blame the child.
        """
        with suppress(BlockingIOError):
            while said := os.read(self._pipe, 4096):
                self._heard_mono = now_mono
                self._limit_s = HUNG_S if TURNING in said else START_S
        return now_mono - self._heard_mono

    def is_hung(self, now_mono: float) -> bool:
        """Whether it is silent for longer than its state allows."""
        return self.silent_s(now_mono) > self._limit_s

    def close(self) -> None:
        """Stop listening."""
        os.close(self._pipe)
