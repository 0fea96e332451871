"""Where lines go, and how often: files and streams that never raise, and the pace of repeats."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal, TextIO

StreamName = Literal["stdout", "stderr"]


class Counting(logging.Handler):
    """Count what cannot be written; the standard library would print a traceback each time."""

    dropped = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        Counting.dropped += 1


class FileSink(Counting, RotatingFileHandler):
    """The log file of one process; one that was moved or removed is begun anew."""

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        super().__init__(
            path,
            maxBytes=max_bytes,
            backupCount=backups,
            encoding="utf-8",
            errors="backslashreplace",
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write to the file that has the name: lines in a nameless one are read by nobody."""
        try:
            if self.stream is not None and not self._is_at_its_name(self.stream):
                self.close()
            if self.stream is None:  # the next line opens it
                Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def _is_at_its_name(self, stream: TextIO) -> bool:
        try:
            named = os.stat(self.baseFilename)
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(stream.fileno()), named)


class StreamSink(Counting):
    """A stream, flushed after each line; a name is looked up at each line."""

    def __init__(self, stream: TextIO | StreamName) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        stream = getattr(sys, self._stream) if isinstance(self._stream, str) else self._stream
        try:
            encoding = getattr(stream, "encoding", None) or "utf-8"
            # LANG=C cannot write "…" nor the Chinese texts; an escape is better than no line.
            text = record.getMessage().encode(encoding, "backslashreplace").decode(encoding)
            stream.write(text + "\n")
            stream.flush()
        except (OSError, ValueError, AttributeError):  # full, closed, or no stream at all
            self.handleError(record)


class ErrorsFile:
    """``errors.jsonl``: each entry is one appending write, so processes never mix lines."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes

    def write(self, entry: Mapping[str, object]) -> None:
        text = json.dumps(entry, ensure_ascii=False, default=str)
        data = text.encode("utf-8", "backslashreplace") + b"\n"  # a stray surrogate: \udc80
        try:
            with open(self._path, "ab", buffering=0) as file:
                file.write(data)
                self._rotate(file.fileno())
        except OSError:
            Counting.dropped += 1

    def _rotate(self, descriptor: int) -> None:
        """Rename a full file; of several processes that want to, one does."""
        ours = os.fstat(descriptor)
        if ours.st_size < self._max_bytes:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(ours, os.stat(self._path)):
                os.replace(self._path, self._path.with_name(f"{self._path.name}.1"))
        except (BlockingIOError, FileNotFoundError):
            return  # another process is at it, or was


class Out:
    """All sinks of one configuration."""

    def __init__(self, sinks: list[logging.Handler], level: int, errors: ErrorsFile | None) -> None:
        self.level = level
        self._sinks = sinks
        self._errors = errors

    def write(self, line: str, entry: Callable[[], Mapping[str, object]] | None) -> None:
        record = logging.makeLogRecord({"msg": line})
        for sink in self._sinks:
            sink.handle(record)
        if entry is not None and self._errors is not None:
            self._errors.write(entry())

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()


class Pace:
    """When each key was last said, and in which state."""

    MAX_KEYS = 10_000  # keys carry token ids, and tokens come and go for weeks

    def __init__(self, mono: Callable[[], float] = time.monotonic) -> None:
        self._mono = mono
        self._said: dict[Hashable, tuple[float, object]] = {}
        self._lock = threading.Lock()

    def is_due(self, interval_s: float, key: Hashable, state: object = None) -> bool:
        now = self._mono()
        with self._lock:
            said = self._said.get(key)
            if said is not None and said[1] == state and now - said[0] < interval_s:
                return False
            self._said.pop(key, None)  # the newest go to the end: the oldest are dropped first
            self._said[key] = (now, state)
            if len(self._said) > self.MAX_KEYS:
                del self._said[next(iter(self._said))]
            return True
