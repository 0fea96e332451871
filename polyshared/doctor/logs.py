"""Errors of the last minutes, and the two texts that the report's checklist greps for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

ERRORS_FILE = "errors.jsonl"
TAIL_BYTES = 1 << 20
STARTED_TEXT = "聚合订阅启动"
NOT_STARTED_TEXT = "无法启动 WS 聚合器"


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One line of ``errors.jsonl``."""

    at: float
    event: str
    message: str


@dataclass(frozen=True, slots=True)
class Logs:
    """What the log folder says.

    Attributes:
        folder: It may be absent.
        errors: Entries of the tail of ``errors.jsonl``, oldest first.
        main_log: The newest log of a supervisor.
        started_lines: Its lines that say that the aggregator serves.
        not_started_lines: Its lines that say that it does not, since it last did.
        largest_bytes: Size of the largest file.
    """

    folder: Path
    errors: tuple[ErrorEntry, ...] = ()
    main_log: Path | None = None
    started_lines: tuple[str, ...] = ()
    not_started_lines: tuple[str, ...] = ()
    largest: Path | None = None
    largest_bytes: int = 0

    def recent(self, now: float, *, within_s: float) -> list[ErrorEntry]:
        return [error for error in self.errors if now - error.at <= within_s]


def digest(errors: list[ErrorEntry]) -> list[tuple[str, int]]:
    """Return events and how often each occurred, the most frequent first."""
    return Counter(error.event for error in errors).most_common()


def look(folder: Path) -> Logs:
    """Read the tail of the error log and of the newest supervisor's log."""
    if not folder.is_dir():
        return Logs(folder)
    errors = read_errors(folder)
    main_log = max(folder.glob("autorun_main_*.log"), key=_modified, default=None)
    text = [] if main_log is None else [line.decode("utf-8", "replace") for line in tail(main_log)]
    sizes = [(path.stat().st_size, path) for path in folder.iterdir() if path.is_file()]
    largest_bytes, largest = max(sizes, default=(0, None))
    return Logs(
        folder=folder,
        errors=tuple(errors),
        main_log=main_log,
        started_lines=tuple(line for line in text if STARTED_TEXT in line),
        not_started_lines=tuple(_since_it_served(text)),
        largest=largest,
        largest_bytes=largest_bytes,
    )


def _since_it_served(lines: list[str]) -> Iterator[str]:
    """Return the lines that say that it does not serve; what was before it did is over."""
    served = max((n for n, line in enumerate(lines) if STARTED_TEXT in line), default=-1)
    return (line for line in lines[served + 1 :] if NOT_STARTED_TEXT in line)


def read_errors(folder: Path) -> list[ErrorEntry]:
    """Return the entries of the error log's tail, oldest first."""
    found = (parse_error(line) for line in tail(folder / ERRORS_FILE))
    return [entry for entry in found if entry is not None]


def broken_lines(folder: Path) -> int:
    """Count the lines of the error log's tail that are no entry."""
    return sum(parse_error(line) is None for line in tail(folder / ERRORS_FILE))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # rotated away while we look
        return 0.0


def tail(path: Path, *, size: int = TAIL_BYTES) -> Iterator[bytes]:
    """Yield the last whole lines of a file; nothing when it is absent."""
    try:
        with open(path, "rb") as file:
            start = max(0, os.fstat(file.fileno()).st_size - size)
            file.seek(start)
            if start:
                file.readline()  # the rest of a line whose beginning is not here
            yield from file.read(size).splitlines()
    except FileNotFoundError:
        return


class _Line(msgspec.Struct, frozen=True):
    timestamp: datetime
    event: str
    message: str = ""
    fields: dict[str, Any] = {}

    def sentence(self) -> str:
        """Return the message and what stood beside it in the line."""
        beside = [f"{name}={value}" for name, value in self.fields.items() if name != "event"]
        return " ".join([self.message, *beside]).strip()


def parse_error(line: bytes) -> ErrorEntry | None:
    """Return one line of the error log, or None if it is none."""
    try:
        entry = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return ErrorEntry(entry.timestamp.timestamp(), entry.event, entry.sentence())
