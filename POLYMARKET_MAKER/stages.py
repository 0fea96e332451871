"""How far a token gets on its way from the feed to an order: the stages of docs/status.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from POLYMARKET_MAKER.core.decision import StageName


class StageState(StrEnum):
    """What became of the data at a stage."""

    OK = "ok"  # passed
    WAIT = "wait"  # nothing is wrong, nothing to do yet
    BLOCKED = "blocked"  # a rule holds it back; the reason is the rule's code
    FAIL = "fail"  # broken


@dataclass(frozen=True, slots=True)
class _Mark:
    state: StageState
    reason: str
    since: float


class Stages:
    """The state of every stage, and since when."""

    def __init__(self, now: float) -> None:
        """Begin every stage as waiting for its first news; *now* in epoch seconds."""
        self._marks = {stage: _Mark(StageState.WAIT, "starting", now) for stage in StageName}

    def shows(self, stage: StageName, state: StageState, reason: str) -> bool:
        """Whether *stage* is marked so already."""
        mark = self._marks[stage]
        return mark.state is state and mark.reason == reason

    def mark(self, stage: StageName, state: StageState, reason: str, now: float) -> bool:
        """Note what became of the data at *stage*.

        Returns:
            Whether that is new; an unchanged mark keeps its ``since``.
        """
        if self.shows(stage, state, reason):
            return False
        self._marks[stage] = _Mark(state, reason, now)
        return True

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Return the form that stands in the child's status file."""
        return {
            stage.value: {"state": mark.state.value, "reason": mark.reason, "since": mark.since}
            for stage, mark in self._marks.items()
        }
