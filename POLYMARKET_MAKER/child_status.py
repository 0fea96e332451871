"""What a child tells of itself: ``data/children/<token>.json``, as docs/status.md describes it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import StageName
from POLYMARKET_MAKER.core.order import OpenOrder, Position
from POLYMARKET_MAKER.processes import started_s
from POLYMARKET_MAKER.stages import Stages, StageState
from polyshared import write_atomic

WRITE_EVERY_S = 1.0


@dataclass(slots=True)
class ChildStatus:
    """Collects what is told, and writes it: changes of state at once, the rest once a second.

    Attributes:
        counts: Orders, rejected, unknown, cancels, fills of this process.
        kill_proven_at: When the exchange showed that nothing of ours is open, since the
            kill switch is set; None before, and while it is not set.
        before_writing: Called before each writing: puts in what is not worth keeping up to date.
    """

    path: Path
    token_id: str
    mode: str
    clock: Clock
    stages: Stages = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    state: str = "starting"
    exit_code: int | None = None
    position: Position | None = None
    open_orders: tuple[OpenOrder, ...] = ()
    last_order: dict[str, Any] | None = None
    quotes: dict[str, Any] = field(default_factory=dict)
    kill_proven_at: float | None = None
    before_writing: Callable[[], object] = lambda: None
    _started_at: float = field(init=False)
    _pid_started_s: float | None = field(init=False)
    _written_mono: float = field(default=0.0, init=False)
    _dirty: bool = field(default=True, init=False)
    _failing: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._started_at = self.clock.now()
        self._pid_started_s = started_s()
        self.stages = Stages(self._started_at)

    def mark(self, stage: StageName, state: StageState, reason: str) -> None:
        """Note what became of the data at *stage*; a change is written at the next turn."""
        if not self.stages.shows(stage, state, reason):  # as nearly always: no need for a clock
            self._dirty |= self.stages.mark(stage, state, reason, self.clock.now())

    def enter(self, state: str, exit_code: int | None = None) -> None:
        """Change the state of the process: starting, running, stopping, ended."""
        if (self.state, self.exit_code) != (state, exit_code):
            self.state, self.exit_code = state, exit_code
            self._dirty = True

    def touch(self) -> None:
        """Ask for the next :meth:`write_if_due` to write at once."""
        self._dirty = True

    def write_if_due(self) -> None:
        """Write what changed, or the heartbeat of the second.

        A disk that is full is told once. The old file stands, and shows by its age that
        it is old; the next second tries again.
        """
        mono = self.clock.mono()
        if not self._dirty and mono - self._written_mono < WRITE_EVERY_S:
            return
        self._written_mono, self._dirty = mono, False
        self.before_writing()
        try:
            write_atomic(self.path, msgspec.json.encode(self.as_dict()))
        except OSError as error:
            if not self._failing:
                log.error("[RUN]", event="status_not_written", reason=str(error))
            self._failing = True
        else:
            self._failing = False

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "schema": 1,
            "token_id": self.token_id,
            "mode": self.mode,
            "state": self.state,
            "exit_code": self.exit_code,
            "pid": os.getpid(),
            "pid_started_s": self._pid_started_s,
            "boottime_s": self.clock.boot(),
            "written_at": self.clock.now(),
            "started_at": self._started_at,
            **self.quotes,
            "stages": self.stages.as_dict(),
            "position": _position(self.position),
            "open_orders": [_open_order(order) for order in self.open_orders],
            "last_order": self.last_order,
            "kill_proven_at": self.kill_proven_at,
            "counts": {
                name: self.counts[name]
                for name in ("orders", "rejected", "unknown", "cancels", "fills")
            },
        }


def _position(position: Position | None) -> dict[str, Any] | None:
    if position is None:
        return None
    return {
        "size": position.size,
        "entry_price": position.entry_price,
        "realised": position.realised,
    }


def _open_order(order: OpenOrder) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "side": order.side,
        "price": order.price,
        "size": order.size,
        "size_matched": order.size_matched,
    }
