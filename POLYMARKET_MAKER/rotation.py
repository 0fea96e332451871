"""Make room for tokens that wait: an idle child that holds nothing goes to the queue's tail."""

from __future__ import annotations

from pathlib import Path

from POLYMARKET_MAKER.child_reports import read_report
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.lanes import Lane
from POLYMARKET_MAKER.fleet import Fleet

LOOK_EVERY_S = 2.0


class Rotation:
    """Looks now and then, and only while somebody waits.

    Args:
        data_dir: Where the children tell of themselves.
        fleet: The children.
        clock: The clock; idleness is a schedule's duration and is scaled.
    """

    def __init__(self, data_dir: Path, fleet: Fleet, clock: Clock) -> None:
        self._data_dir = data_dir
        self._fleet = fleet
        self._clock = clock
        self._looked_mono = float("-inf")

    def turn(self) -> None:
        """Tell the child that is idle longest to make room, if it is time."""
        mono = self._clock.mono()
        schedule = self._fleet.schedule
        if mono - self._looked_mono < LOOK_EVERY_S or schedule.free_slots(Lane.TRADE):
            return
        self._looked_mono = mono
        if not any(each.lane is Lane.TRADE and each.not_before <= mono for each in schedule.queue):
            return
        idle = {
            token_id: idle_s for token_id in schedule.running if (idle_s := self._idle(token_id))
        }
        token_id = schedule.to_rotate(idle, mono)
        if token_id is not None:
            self._fleet.rotate(token_id, idle_s=idle[token_id])

    def _idle(self, token_id: str) -> float | None:
        """Return how long a child did nothing; None while it may stay even when others wait."""
        report = read_report(self._data_dir, token_id)
        if report is None or not report.is_current(self._clock.boot()):
            return None
        idle_s = report.idle_s(self._clock.now())
        minutes = self._fleet.settings_of(token_id).strategy.signal_timeout_minutes
        longest_s = self._clock.real_s(minutes * 60)
        return idle_s if idle_s is not None and idle_s >= longest_s else None
