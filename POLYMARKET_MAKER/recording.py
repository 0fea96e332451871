"""Raw market frames in a file: writing them while they arrive, and playing them back.

A recording is JSON lines. Three shapes are read, one is written::

    {"sequence": 1, "receivedAt": "2026-11-20T15:11:03.123Z", "data": "…"}    written and read
    {"receivedAt": "…", "payloadUtf8": "…"}                                   read
    {"t": "…", "dir": "recv", "data": "…"}                                    read

Of the last only incoming frames are fed.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.events import BookSnapshot, PriceChange
from POLYMARKET_MAKER.core.feed import LineState
from POLYMARKET_MAKER.core.health import LineFacts
from POLYMARKET_MAKER.errors import CannotStart, UsageError
from POLYMARKET_MAKER.line import Frame, Line, LineStats, OnFrame, OnState

INCOMING = ("recv", "in", "received")
MILLISECONDS_FROM = 1e11
"""A stamp that large counts milliseconds; as seconds it would be the year 5138."""
AFTERGLOW_S = 0.2
"""Recorded time after the last frame, so that the last batch comes to its end."""


class RecordingError(CannotStart):
    """A recording that cannot be read; says file and line."""


class Recorder:
    """Append frames to a file, one write a frame, so that a kill loses none that was taken.

    Args:
        path: The file; made when it does not exist, continued when it does.

    Raises:
        CannotStart: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise CannotStart(f"cannot record to {path}: {error.strerror}") from error
        self._path = path
        self._lock = threading.Lock()
        self._sequence = 0
        self.failure: OSError | None = None

    def write(self, text: str, at: float) -> None:
        """Append one frame, received at *at* (epoch seconds).

        The market matters more than its recording: when the disk fails, the recording
        ends with an ERROR and the program goes on.
        """
        with self._lock:
            if self.failure is not None or self._fd < 0:
                return
            self._sequence += 1
            row = {"sequence": self._sequence, "receivedAt": _stamp(at), "data": text}
            line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
            try:
                _write_all(self._fd, line)
            except OSError as error:
                self.failure = error
                log.error("[WS]", "recording ended", event="record_failed", exc=error)

    def close(self) -> None:
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One incoming frame of a recording; *at* in epoch seconds as recorded."""

    at: float
    text: str


def read_recording(path: Path) -> Iterator[RecordedFrame]:
    """Read the incoming frames of a recording, in order.

    Raises:
        RecordingError: The file cannot be read, or a line is of none of the three shapes.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    frame = _read_line(line, f"{path}:{number}")
                    if frame is not None:
                        yield frame
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error


def parse_replay(option: str) -> tuple[Path, float]:
    """Split ``FILE[@SPEED]``.

    Raises:
        UsageError: The speed is not a positive number.
    """
    name, mark, speed_text = option.rpartition("@")
    if not mark:
        return Path(option), 1.0
    try:
        speed = float(speed_text)
    except ValueError:
        return Path(option), 1.0  # an @ that belongs to the file's name
    if not 0 < speed < float("inf"):
        raise UsageError(f"--replay speed was {speed_text}, expected a positive number")
    return Path(name), speed


class Replay:
    """A recording as a line: frames come as they were recorded, *speed* times as fast.

    Its :meth:`mono` is the clock to judge batches and ages by: recorded time. A
    recording that plays is a living line, however long its pauses are.

    It plays once, to whoever opened it with :meth:`open_line`.

    Args:
        path: The recording. It is read through once here.
        speed: Recorded seconds in one real second.
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
        self._speed = speed
        self._clock = clock or Clock()
        self.tokens, self._first_at = _survey(path)
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
        if self._started_mono is None:
            return self._first_at
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


def _read_line(line: str, where: str) -> RecordedFrame | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise RecordingError(f"{where}: was {type(row).__name__}, expected an object")
    if "dir" in row and row["dir"] not in INCOMING:
        return None
    text = row.get("payloadUtf8", row.get("data"))
    if not isinstance(text, str):
        raise RecordingError(f"{where}: has neither payloadUtf8 nor data as text")
    return RecordedFrame(_seconds(row.get("receivedAt", row.get("t")), where), text)


def _seconds(stamp: object, where: str) -> float:
    """Read ISO 8601, epoch seconds or epoch milliseconds."""
    if isinstance(stamp, int | float) and not isinstance(stamp, bool) and math.isfinite(stamp):
        return stamp / 1000 if stamp >= MILLISECONDS_FROM else float(stamp)
    if isinstance(stamp, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(stamp)
            return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    raise RecordingError(f"{where}: receivedAt or t was {stamp!r}, expected a time")


def _stamp(at: float) -> str:
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def _write_all(fd: int, data: bytes, write: Callable[[int, bytes], int] = os.write) -> None:
    """Write every byte: a single write may take only a part of them."""
    while data:
        data = data[write(fd, data) :]
