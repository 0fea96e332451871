"""What a line is: a source of market frames, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.events import Event
from POLYMARKET_MAKER.core.health import LineFacts


class Frame(NamedTuple):
    """One received text frame, read.

    Attributes:
        text: As received.
        events: What it says.
        now: Monotonic reading at its arrival.
        at: Wall-clock epoch seconds at its arrival.
    """

    text: str
    events: Sequence[Event]
    now: float
    at: float


@dataclass(frozen=True, slots=True)
class LineStats:
    """State of one connection, for health, status and the snapshot's feed block.

    Attributes:
        opened_at: Wall-clock stamp; None while it is not open.
        last_frame_at: The same of the last frame; None before the first.
        facts: The same on the monotonic clock.
        frames: Received since the start.
        faults: Exceptions in the line's thread.
        last_reason: Why it last closed.
        retry_after_s: What the exchange asked us to wait when it last closed (HTTP 429);
            None when it asked nothing.
    """

    state: LineState
    opened_at: float | None
    last_frame_at: float | None
    facts: LineFacts
    connects: int
    wanted: tuple[str, ...]
    sent: frozenset[str]
    confirmed: frozenset[str]
    frames: int
    faults: int
    refusals: int
    last_reason: str
    retry_after_s: float | None = None


OnFrame = Callable[[Frame], None]
OnState = Callable[[LineState, str], None]


class Line(Protocol):
    """A source of frames: a connection, or a recording that is played back."""

    def start(self) -> None: ...
    def want(self, token_ids: Iterable[str]) -> None: ...
    def renew(self, reason: str) -> None: ...
    def stats(self) -> LineStats: ...
    def stop(self, timeout_s: float = 1.0) -> None: ...


class OpenLine(Protocol):
    """How a line is made; whoever asked for it starts it."""

    def __call__(
        self,
        conn: int,
        on_frame: OnFrame,
        on_state: OnState,
        /,
        *,
        skip_book: Callable[[str], bool],
    ) -> Line: ...
