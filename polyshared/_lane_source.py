"""The lane as a reader uses it: opened where there is one, dropped when it is lost."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from polyshared._board import board_path
from polyshared._clock import Moment
from polyshared._lane import Lane, LaneLostError, Pulse

LOOK_S = 0.5


class Beat(NamedTuple):
    """The writer's last sign of life on the lane."""

    epoch: int
    written: Moment
    pulse: Pulse


class LaneSource:
    """Finds the board, and looks twice a second whether it is still the one.

    Attributes:
        lane: The open board; None while there is none.
        fresh_until_s: When, on the boot-time clock, it is time for another look.
    """

    def __init__(self, snapshot: Path) -> None:
        self.lane: Lane | None = None
        self._path = board_path(snapshot)
        self.fresh_until_s = float("-inf")
        self._beat: Beat | None = None

    def beat(self, at: Moment) -> Beat | None:
        """Return the last known sign of life, from the last LOOK_S; None without a board."""
        return self._beat if at.boot_s < self.fresh_until_s else self.look(at)

    def expire(self) -> None:
        """Let the next `beat` look, whenever the last look was."""
        self.fresh_until_s = float("-inf")

    def look(self, at: Moment) -> Beat | None:
        """Look now: is the board still the one at its path, and when did it last live?"""
        self.fresh_until_s = at.boot_s + LOOK_S
        if self.lane is not None and not self.lane.is_current():
            self.drop()
        try:
            if self.lane is None:
                self.lane = Lane(self._path)
            pulse, written = self.lane.pulse()
        except LaneLostError:
            self.drop()
        else:
            self._beat = Beat(self.lane.geometry.epoch, written, pulse)
        return self._beat

    def drop(self) -> None:
        """Forget the board; `beat` looks for another one when its time has come."""
        self._beat = None
        if self.lane is not None:
            self.lane.close()
            self.lane = None
