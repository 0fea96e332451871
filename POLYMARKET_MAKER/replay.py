"""A recording played back as a line: the same frames, at the pace they were recorded or faster."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.events import BookSnapshot, PriceChange
from POLYMARKET_MAKER.core.health import LineFacts
from POLYMARKET_MAKER.line import Frame, Line, LineStats, OnFrame, OnState
from POLYMARKET_MAKER.recording import RecordingError, read_recording

AFTERGLOW_S = 0.2
"""Recorded time after the last frame, so that the last batch comes to its end."""


class Replay:
    """A recording as a line: frames come as they were recorded, *speed* times as fast.

    Its :meth:`mono` is the clock to judge batches and ages by: recorded time. A
    recording that plays is a living line, however long its pauses are.

    It plays once, to whoever opened it with :meth:`open_line`.

    Args:
        path: The recording. It is read through once here.
        speed: Recorded seconds in one real second; 0 plays as fast as it is taken.
        clock: Real time.

    Raises:
        RecordingError: It cannot be read, or has no frame.

    Attributes:
        tokens: Every token whose book is in it.
        finished: Set when the last frame was played and its batch is over, or it was stopped.
    """

    def __init__(self, path: Path, *, speed: float = 1.0, clock: Clock | None = None) -> None:
        self.finished = threading.Event()
        self._path = path
        self._on_frame: OnFrame = lambda _frame: None
        self._on_state: OnState = lambda _state, _reason: None
        self._speed = speed if math.isfinite(speed) else 0.0
        self._clock = clock or Clock()
        self.tokens, self._first_at = _survey(path)
        self._played_at = self._first_at
        self._stopping = threading.Event()
        self._started_mono: float | None = None
        self._wanted: tuple[str, ...] = ()
        self._state = LineState.IDLE
        self._frames = 0
        self._faults = 0
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)

    def open_line(
        self,
        _conn: int,
        on_frame: OnFrame,
        on_state: OnState,
        *,
        skip_book: Callable[[str], bool] | None = None,  # noqa: ARG002 - all frames are read
    ) -> Line:
        """Return itself as the line of all tokens, see ``line.OpenLine``.

        Args:
            on_frame: Called with each frame, in the line's thread.
            on_state: Called when playing starts and ends.
            skip_book: Not used.
        """
        self._on_frame, self._on_state = on_frame, on_state
        return self

    def mono(self) -> float:
        """Return the recorded time that it is now, in epoch seconds; it only goes forward."""
        if self._started_mono is None or not self._speed:
            return self._played_at
        return self._first_at + (self._clock.mono() - self._started_mono) * self._speed

    def start(self) -> None:
        """Start to play, whatever is wanted."""
        self._thread.start()

    def want(self, token_ids: Iterable[str]) -> None:
        """Note the wanted tokens, for the counts; a recording sends what it has."""
        self._wanted = tuple(token_ids)

    def renew(self, reason: str) -> None:
        """Do nothing: a recording cannot be asked again."""

    def stop(self, timeout_s: float = 1.0) -> None:
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def stats(self) -> LineStats:
        playing = self._state is LineState.OPEN
        now = self.mono()
        return LineStats(
            state=self._state,
            opened_at=self._clock.now() if playing else None,
            last_frame_at=self._clock.now() if playing else None,
            facts=LineFacts(self._first_at if playing else None, now if playing else None),
            connects=int(self._started_mono is not None),
            wanted=self._wanted,
            sent=frozenset(self._wanted),
            confirmed=frozenset(self._wanted) & frozenset(self.tokens),
            frames=self._frames,
            faults=self._faults,
            refusals=0,
            last_reason="" if playing else "the recording ended",
        )

    def _run(self) -> None:
        try:
            self._play()
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            self._faults += 1
            log.error("[WS]", event="replay_fault", exc=error)
        try:
            self._change(LineState.DOWN)
        finally:
            self.finished.set()

    def _play(self) -> None:
        self._started_mono = self._clock.mono()
        self._change(LineState.OPEN)
        last_at = self._first_at
        for frame in read_recording(self._path):
            last_at = max(last_at, frame.at)  # a recording's stamps may step back
            if self._sleep_until(last_at):
                return
            events = wire.parse(frame.text)
            self._frames += 1
            self._on_frame(Frame(frame.text, events, last_at, self._clock.now()))
        self._sleep_until(last_at + AFTERGLOW_S)

    def _sleep_until(self, at: float) -> bool:
        """Wait for a recorded time; return whether playing was stopped."""
        self._played_at = at
        if not self._speed:
            return self._stopping.is_set()
        return self._stopping.wait(max(0.0, (at - self.mono()) / self._speed))

    def _change(self, state: LineState) -> None:
        self._state = state
        self._on_state(state, "" if state is LineState.OPEN else "the recording ended")


def _survey(path: Path) -> tuple[tuple[str, ...], float]:
    """Read a recording through: its tokens in order of appearance, and when it begins."""
    tokens: dict[str, None] = {}
    first_at: float | None = None
    for frame in read_recording(path):
        first_at = frame.at if first_at is None else first_at
        for event in wire.parse(frame.text):
            if isinstance(event, BookSnapshot | PriceChange):
                tokens.update(dict.fromkeys(event.token_ids))
    if first_at is None:
        raise RecordingError(f"{path}: has no incoming frame")
    return tuple(tokens), first_at
