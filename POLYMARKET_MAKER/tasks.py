"""One token on its way: waiting for a slot, traded by a child, resting between two children."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from POLYMARKET_MAKER.children import Child
from POLYMARKET_MAKER.core import restart

NOTES_KEPT = 20


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
        pids: Of all its children.
    """

    token_id: str
    status: TaskStatus = TaskStatus.PENDING
    child: Child | None = None
    exit_code: int | None = None
    history: restart.History = field(default_factory=restart.History)
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=NOTES_KEPT))
    pids: list[int] = field(default_factory=list)
    last_heartbeat: float | None = None
    _last: Child | None = None

    def started(self, child: Child) -> None:
        """Note its new child."""
        self.child = self._last = child
        self.status = TaskStatus.RUNNING
        self.pids.append(child.pid)
        self.notes.append(f"started pid {child.pid} {child.source_at_start}")

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
            "restarts": max(0, len(self.pids) - 1),
            "exit_code": self.exit_code,
            "source_at_start": last.source_at_start if last is not None else None,
        }
