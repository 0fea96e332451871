"""A clock that the test moves."""

from __future__ import annotations

from POLYMARKET_MAKER.clock import Clock


class HandClock(Clock):
    """Its monotonic hand stands where the test puts it; stamps and boot time are real.

    Attributes:
        hand: What :meth:`mono` returns, in a list: a clock is frozen.
    """

    hand: list[float]

    def __init__(self, scale: float = 1.0, *, mono: float = 0.0) -> None:
        super().__init__(scale)
        object.__setattr__(self, "hand", [mono])

    def mono(self) -> float:
        return self.hand[0]

    def put(self, mono: float) -> None:
        """Put the hand to *mono*."""
        self.hand[0] = mono

    def advance(self, seconds: float) -> None:
        """Move the hand on."""
        self.hand[0] += seconds
