"""Decide whose connection a child's quotes come from.

A child begins where it is told and moves between two sources::

    SHARED ──(fault outlasts its limit plus jitter)──► SHARED, with a line of its own
       ▲                                                   │ own quote tradable
       └──(shared healthy for return_after_s)── DIRECT ◄───┘

A fault must last: one bad read never moves anybody. The jitter differs from child
to child, so that a dead aggregator does not make all of them dial at once. A child
whose own line has nothing to trade on does not wait for ``return_after_s``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from POLYMARKET_MAKER.core.model import Source


class Fault(StrEnum):
    """Why the shared snapshot is of no use to this child right now."""

    MISSING = "missing"
    CORRUPT = "corrupt"
    TOO_NEW = "too_new"
    WRITER_SILENT = "writer_silent"
    LINE_DOWN = "line_down"
    TOKEN_ABSENT = "token_absent"
    TOKEN_PENDING = "token_pending"
    TOKEN_RESYNC = "token_resync"
    TOKEN_SUSPECT = "token_suspect"

    @property
    def is_of_the_token(self) -> bool:
        """Whether the snapshot as a whole is well and only this token is not."""
        return self.value.startswith("token_")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a fault may last, in seconds.

    Attributes:
        after_s: Of the snapshot or its line.
        writer_s: Silence after which a writer is first called silent. Such a fault
            has lasted for that long when it is first seen and gets only the jitter.
        token_after_s: Of this token alone.
        jitter_s: Added to all; each child draws its own.
        return_after_s: How long the snapshot must be well before we go back.
        rescue_after_s: The same while our own line has no tradable quote.
    """

    after_s: float = 10.0
    writer_s: float = 10.0
    token_after_s: float = 30.0
    jitter_s: float = 0.0
    return_after_s: float = 30.0
    rescue_after_s: float = 3.0

    @property
    def longest_s(self) -> float:
        """How long a child bears faults of whatever kinds, one after the other."""
        return max(self.after_s, self.token_after_s) + self.jitter_s

    def of(self, fault: Fault) -> float:
        """Return how long *fault* is borne before the child leaves."""
        if fault is Fault.WRITER_SILENT:
            return self.jitter_s
        return (self.token_after_s if fault.is_of_the_token else self.after_s) + self.jitter_s


@dataclass(frozen=True, slots=True)
class State:
    """Where the child is.

    Attributes:
        source: Whose quotes it acts on.
        wants_line: Whether it should have a connection of its own.
        fault: What is wrong with the snapshot; None when it is well.
        since: When *fault* began, or when the snapshot became well (monotonic).
        ill_since: When the unbroken row of faults began, of whatever kinds; while the
            snapshot is well the same as *since*.
    """

    source: Source
    wants_line: bool
    fault: Fault | None
    since: float
    ill_since: float


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of source, to be logged once.

    Attributes:
        reason: The fault that was left; on the way back ``shared_healthy``, or
            ``own_line_down`` when our own line had nothing to trade on.
        lasted_s: For how long it had been so; on the way back, the snapshot well.
        limit_s: For how long it had to be so.
    """

    to: Source
    reason: str
    lasted_s: float
    limit_s: float


def start(source: Source, now: float) -> State:
    """Begin with *source*; nothing is known of the snapshot yet."""
    return State(
        source=source,
        wants_line=source is Source.DIRECT,
        fault=None if source is Source.SHARED else Fault.MISSING,
        since=now,
        ill_since=now,
    )


def step(
    state: State, fault: Fault | None, *, direct_ready: bool, now: float, limits: Limits
) -> tuple[State, Switch | None]:
    """Take what was seen of both sources and decide.

    Args:
        state: Where the child is.
        fault: What is wrong with the snapshot, None when it serves this token.
        direct_ready: Whether the child's own line has a tradable quote.
        now: Monotonic seconds.
        limits: How long each fault may last.
    """
    state = _observe(state, fault, now)
    lasted_s = now - state.since
    if state.source is Source.SHARED:
        return _from_shared(state, now, direct_ready=direct_ready, limits=limits)
    limit_s = limits.return_after_s
    if not direct_ready:
        limit_s = min(limit_s, limits.rescue_after_s)
    if state.fault is not None or lasted_s < limit_s:
        return state, None
    reason = "shared_healthy" if direct_ready else "own_line_down"
    back = replace(state, source=Source.SHARED, wants_line=False)
    return back, Switch(Source.SHARED, reason, lasted_s, limit_s)


def _observe(state: State, fault: Fault | None, now: float) -> State:
    """Note the fault. Its age is that of the first of an unbroken row of faults.

    One fault that follows another (the line breaks, then the writer falls silent) is
    one outage, but a fault of the token alone does not shorten the wait for a fault
    of the snapshot, nor the other way round. When they take turns, as on a line that
    breaks again and again before the token's book has come, the row as a whole counts.
    """
    if fault is state.fault:
        return state
    was, is_ = state.fault, fault
    is_same_row = (was is None) == (is_ is None)
    unbroken = is_same_row and (
        was is None or is_ is None or was.is_of_the_token == is_.is_of_the_token
    )
    return replace(
        state,
        fault=fault,
        since=state.since if unbroken else now,
        ill_since=state.ill_since if is_same_row else now,
    )


def _from_shared(
    state: State, now: float, *, direct_ready: bool, limits: Limits
) -> tuple[State, Switch | None]:
    if state.fault is None:
        return (replace(state, wants_line=False) if state.wants_line else state), None
    lasted_s, limit_s = now - state.since, limits.of(state.fault)
    if lasted_s < limit_s and now - state.ill_since >= limits.longest_s:
        lasted_s, limit_s = now - state.ill_since, limits.longest_s
    if not state.wants_line and lasted_s < limit_s:
        return state, None
    if direct_ready:
        before_s = limits.writer_s if state.fault is Fault.WRITER_SILENT else 0.0
        moved = replace(state, source=Source.DIRECT, wants_line=True)
        switch = Switch(Source.DIRECT, state.fault.value, lasted_s + before_s, limit_s + before_s)
        return moved, switch
    return replace(state, wants_line=True), None
