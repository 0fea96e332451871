"""What the feed shows of itself: counters by type, the snapshot's feed block, status rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.events import Event, Notice, Unknown, Unreadable
from POLYMARKET_MAKER.core.model import TokenHealth
from POLYMARKET_MAKER.line import LineStats
from POLYMARKET_MAKER.seats import Seat
from POLYMARKET_MAKER.switchboard import Switchboard

_WORST_FIRST = (LineState.DOWN, LineState.CONNECTING, LineState.OPEN, LineState.IDLE)
_NEEDS_NO_BOOK = frozenset({"pong", "notice"})
MAX_UNKNOWN_TYPES = 32
"""Further new types are counted together: a garbling line must not fill the memory."""


@dataclass(slots=True)
class FeedCounters:
    """Events by type: what arrived, what was used, and the first of each kind that was not.

    Attributes:
        received: Type to number of events.
        used: The same of events that reached a book, or prove life.
        unknown: Types that are not known, with their number.
        first_unknown: Sample of the first event of each of them.
        unreadable: Frames or parts of frames that could not be read.
        first_unreadable: Reason and sample of the first.
        dropped_siblings: Events, or parts of one, about tokens nobody asked for.
        notices: Text frames with their number.
    """

    received: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    first_unknown: dict[str, str] = field(default_factory=dict)
    unreadable: int = 0
    first_unreadable: dict[str, str] | None = None
    dropped_siblings: int = 0
    notices: Counter[str] = field(default_factory=Counter)

    def count(self, event: Event, *, used: bool) -> None:
        """Count one event."""
        kind = event.kind
        self.received[kind] += 1
        if used:
            self.used[kind] += 1
            return
        if kind in _NEEDS_NO_BOOK:
            self.used[kind] += 1
        elif isinstance(event, Unknown):
            name = event.event_type if len(self.unknown) < MAX_UNKNOWN_TYPES else "other"
            self.unknown[name] += 1
            self.first_unknown.setdefault(name, event.sample)
        elif isinstance(event, Unreadable):
            self.unreadable += 1
            if self.first_unreadable is None:
                self.first_unreadable = {"reason": event.reason, "sample": event.sample}
        if isinstance(event, Notice):
            self.notices[event.text if len(self.notices) < MAX_UNKNOWN_TYPES else "other"] += 1

    def as_status(self) -> dict[str, object]:
        """Describe the counters for the status file."""
        return {
            "received": dict(self.received),
            "used": dict(self.used),
            "unknown": dict(self.unknown),
            "first_unknown": dict(self.first_unknown),
            "unreadable": self.unreadable,
            "first_unreadable": self.first_unreadable,
            "dropped_siblings": self.dropped_siblings,
            "notices": dict(self.notices),
        }


def feed_block(stats: Sequence[LineStats]) -> dict[str, object]:
    """Write the snapshot's ``feed``: the lines, and their worst state over all."""
    opened = [each.opened_at for each in stats if each.opened_at is not None]
    heard = [each.last_frame_at for each in stats if each.last_frame_at is not None]
    return {
        "state": worst_state(stats).value,
        "opened_at": min(opened, default=None),
        "last_frame_at": max(heard, default=None),
        "connects": sum(each.connects for each in stats),
        "wanted": sum(len(each.wanted) for each in stats),
        "confirmed": sum(len(each.confirmed) for each in stats),
        "connections": [_connection(conn, each) for conn, each in enumerate(stats)],
    }


def worst_state(stats: Sequence[LineStats]) -> LineState:
    """Return the worst state of all lines; idle when none wants a token, which is healthy."""
    states = {each.state for each in stats}
    return next((state for state in _WORST_FIRST if state in states), LineState.IDLE)


def line_row(conn: int, stats: LineStats) -> dict[str, object]:
    """Describe one line for the status file."""
    return {
        **_connection(conn, stats),
        "sent": len(stats.sent),
        "frames": stats.frames,
        "faults": stats.faults,
        "refusals": stats.refusals,
        "last_reason": stats.last_reason,
    }


def board_status(board: Switchboard, stats: Sequence[LineStats]) -> dict[str, object]:
    """Describe tokens and lines for the status file; *stats* are those of the board's lines."""
    seats = board.seats.values()
    return {
        "tokens": len(board.wanted),
        "unconfirmed": sorted(
            token for each in stats for token in each.wanted if token not in each.confirmed
        ),
        "health": count_health(seats),
        "checks": sum_checks(seats),
        "lines": [line_row(conn, each) for conn, each in enumerate(stats)],
        "moves": board.moves,
        "renewals": board.renewals,
        "replaced": board.replaced,
    }


def _connection(conn: int, stats: LineStats) -> dict[str, object]:
    return {
        "id": conn,
        "state": stats.state.value,
        "opened_at": _rounded(stats.opened_at),
        "last_frame_at": _rounded(stats.last_frame_at),
        "connects": stats.connects,
        "wanted": len(stats.wanted),
        "confirmed": len(stats.confirmed),
    }


def _rounded(at: float | None) -> float | None:
    """Keep milliseconds: two clocks that drift apart must not make each heartbeat a change."""
    return None if at is None else round(at, 3)


def count_health(seats: Iterable[Seat]) -> dict[str, int]:
    """Count tokens by health; every health is named."""
    counts = dict.fromkeys((health.value for health in TokenHealth), 0)
    for seat in seats:
        counts[seat.health.value] += 1
    return counts


def sum_checks(seats: Iterable[Seat]) -> dict[str, int]:
    """Add up what the ends of batches have shown of all tokens."""
    sums: dict[str, int] = {}
    for seat in seats:
        for name, count in seat.check_counts().items():
            sums[name] = sums.get(name, 0) + count
    return sums
