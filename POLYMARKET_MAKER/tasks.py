"""One token on its way: waiting for a slot, traded by a child, resting between two children."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from POLYMARKET_MAKER.children import Child
from POLYMARKET_MAKER.core import restart

USER_STOPPED = "USER_STOPPED"
"""Why a token is finished that somebody stopped; it stands in ``exit_tokens.json``."""
NOTES_KEPT = 20
OVER_KEPT = 100
"""Tokens come and go for weeks: of those that are over, so many are still told of."""
CRASHED = 1


class TaskStatus(StrEnum):
    """The words of ``autorun_status.json``."""

    PENDING = "pending"
    RUNNING = "running"
    RESTARTING = "restarting"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"  # told to
    EXITED = "exited"  # by itself, with nothing wrong
    ERROR = "error"
    ENDED = "ended"  # its market is closed


_STATUS_OF_STOP = {
    "asked": TaskStatus.STOPPED,
    "rotated": TaskStatus.PENDING,
    "done": TaskStatus.EXITED,
    "market_closed": TaskStatus.ENDED,
}


@dataclass(slots=True)
class Task:
    """One token.

    Attributes:
        child: Its process; None while it has none.
        exit_code: Of its last child; None before the first one ended.
        notes: What happened to it, newest last, bounded.
        starts: Of children so far.
        pids: Of the newest of them.
    """

    token_id: str
    status: TaskStatus = TaskStatus.PENDING
    child: Child | None = None
    exit_code: int | None = None
    history: restart.History = field(default_factory=restart.History)
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=NOTES_KEPT))
    starts: int = 0
    pids: deque[int] = field(default_factory=lambda: deque(maxlen=NOTES_KEPT))
    last_heartbeat: float | None = None
    _last: Child | None = None

    def started(self, child: Child) -> None:
        """Note its new child."""
        self.child = self._last = child
        self.status = TaskStatus.RUNNING
        self.starts += 1
        self.pids.append(child.pid)
        self.notes.append(f"started pid {child.pid} {child.source_at_start}")

    def judge(self, code: int, mono: float, *, scale: float, is_rotating: bool) -> restart.Verdict:
        """Decide what follows the end of its child, and remember it for the next one.

        Args:
            code: Its exit code.
            mono: Monotonic seconds.
            scale: How much faster than real a schedule's durations pass.
            is_rotating: It was told to make room.
        """
        child = self.child
        assert child is not None, "it has ended just now"
        if child.restarting and code <= 0:
            self.history = restart.History()
            return restart.Restart(0.0, "asked")
        if child.hung_mono is not None and code in (restart.Code.DONE, restart.Code.ORDERS_OPEN):
            code = CRASHED  # it ended because it was made to
        self.history, verdict = restart.judge(
            code,
            (mono - child.started_mono) * scale,
            self.history,
            mono * scale,
            asked=child.stopping and not child.restarting,
            jitter=random.random(),  # noqa: S311 - spreads restarts, guards nothing
        )
        if verdict == restart.Stop("asked") and is_rotating:
            is_closed = code == restart.Code.MARKET_CLOSED
            return restart.Stop("market_closed" if is_closed else "rotated")
        return verdict

    def ended(self, code: int, verdict: restart.Verdict) -> None:
        """Note that its child ended and what follows."""
        self.child, self.exit_code = None, code
        self.notes.append(f"exit code {code}: {verdict.reason}")
        match verdict:
            case restart.Restart():
                self.status = TaskStatus.RESTARTING
            case restart.Quarantine():
                self.status = TaskStatus.QUARANTINED
            case restart.Stop(reason):
                self.status = _STATUS_OF_STOP.get(reason, TaskStatus.ERROR)

    def stopped(self) -> None:
        """Note that it was told to stop before it had a child."""
        self.status = TaskStatus.STOPPED
        self.notes.append("stopped")

    def as_dict(self) -> dict[str, Any]:
        """Return its entry in the status file."""
        last = self._last
        return {
            "status": self.status.value,
            "pid": self.child.pid if self.child is not None else None,
            "last_heartbeat": self.last_heartbeat,
            "notes": list(self.notes),
            "log_path": str(last.log_path) if last is not None else None,
            "config_path": str(last.config_path) if last is not None else None,
            "restarts": max(0, self.starts - 1),
            "exit_code": self.exit_code,
            "source_at_start": last.source_at_start if last is not None else None,
        }


def stopped_tasks(finished: Mapping[str, str]) -> dict[str, Task]:
    """Return the tasks of tokens that somebody stopped before this start: he may resume them."""
    return {
        token_id: Task(token_id, TaskStatus.STOPPED)
        for token_id, reason in finished.items()
        if reason == USER_STOPPED
    }


def forget_old_tasks(tasks: dict[str, Task], *, wanted: Iterable[str]) -> None:
    """Drop the oldest of many tasks whose tokens are sold or closed."""
    if len(tasks) <= OVER_KEPT:
        return
    kept = set(wanted)
    over = [
        token_id
        for token_id, task in tasks.items()
        if task.status in (TaskStatus.ENDED, TaskStatus.EXITED) and token_id not in kept
    ]
    for token_id in over[:-OVER_KEPT]:
        del tasks[token_id]
