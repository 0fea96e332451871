"""How long nothing is placed on a side whose last order failed."""

from __future__ import annotations

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import Outcome, Placed

FIRST_S = 1.0
LONGEST_S = 30.0


class Holds:
    """The longer, the more often it failed in a row."""

    def __init__(self, clock: Clock) -> None:
        """Hold nothing."""
        self._clock = clock
        self._hold_s: dict[Side, float] = {}
        self._until_mono: dict[Side, float] = {}

    @property
    def held(self) -> frozenset[Side]:
        """The sides on which nothing may be placed now."""
        if not self._until_mono:
            return frozenset()
        mono = self._clock.mono()
        return frozenset(side for side, until in self._until_mono.items() if mono < until)

    def answered(self, side: Side, outcome: Outcome) -> None:
        """Take in the exchange's answer to an order."""
        if isinstance(outcome, Placed):
            self._hold_s.pop(side, None)
        else:
            self.failed(side)

    def failed(self, side: Side) -> None:
        """Take in that an order could not be placed."""
        hold_s = min(self._hold_s.get(side, FIRST_S / 2) * 2, LONGEST_S)
        self._hold_s[side] = hold_s
        self._until_mono[side] = self._clock.mono() + hold_s
