"""Raw market frames in a file: writing them while they arrive, and reading them again.

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
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.errors import CannotStart

INCOMING = ("recv", "in", "received")
MILLISECONDS_FROM = 1e11
"""A stamp that large counts milliseconds; as seconds it would be the year 5138."""


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
