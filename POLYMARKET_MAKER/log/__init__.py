"""One line an event, for people and for grep.

``2026-11-20T15:11:03.123Z LEVEL [TAG] text key=value …``, in UTC. Values have no
spaces (``_`` stands for one), ids of 20 characters and more are shortened
(``7132…2563``), registered secrets are ``***``. An ERROR also goes to
``errors.jsonl``, one JSON object a line, with whole ids. What cannot be written
(disk full, closed pipe) is counted in :func:`dropped`: logging stops nobody.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import TextIO

from POLYMARKET_MAKER.log._sinks import (
    Counting,
    ErrorsFile,
    FileSink,
    Out,
    Pace,
    StreamName,
    StreamSink,
)
from POLYMARKET_MAKER.log._text import HIDDEN, Formatter, Secrets, plain, short, stamp

__all__ = [
    "HIDDEN",
    "Level",
    "add_secret",
    "catch_uncaught",
    "configure",
    "debug",
    "dropped",
    "error",
    "every",
    "info",
    "listen",
    "plain",
    "redact",
    "short",
    "stamp",
    "warning",
]

MAX_BYTES = 20_000_000
BACKUPS = 5


class Level(IntEnum):
    """How bad it is, with the numbers of the standard library."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


_secrets = Secrets()
_formatter = Formatter(_secrets)
_pace = Pace()
_out = Out([StreamSink("stderr")], Level.INFO, None)
_listeners: list[Callable[[str, str], object]] = []


def debug(tag: str, text: str = "", /, **fields: object) -> None:
    """Write a line that is off by default, and then costs next to nothing."""
    _emit(Level.DEBUG, tag, text, fields)


def info(tag: str, text: str = "", /, **fields: object) -> None:
    """Write a line: *tag* as ``"[PX]"`` or ``"[MAKER][BUY]"``, free *text*, then the fields."""
    _emit(Level.INFO, tag, text, fields)


def warning(
    tag: str, text: str = "", /, *, exc: BaseException | None = None, **fields: object
) -> None:
    """Write a line about something that heals by itself, or that somebody may want to know."""
    _emit(Level.WARNING, tag, text, fields, exc)


def error(
    tag: str, text: str = "", /, *, exc: BaseException | None = None, **fields: object
) -> None:
    """Write a line about something broken, and an entry in ``errors.jsonl``.

    Args:
        tag: As for :func:`info`.
        text: Free text.
        exc: Its traceback follows the line, indented.
        fields: ``event=`` names the kind of error; ``errors.jsonl`` is counted by it.
    """
    _emit(Level.ERROR, tag, text, fields, exc)


def every(interval_s: float, key: Hashable, state: object = None) -> bool:
    """Tell whether a repeated line is due: *state* changed, or *interval_s* has passed.

    ``if log.every(60, ("px", token_id), health): log.info("[PX]", …)`` says a change
    when it happens and a steady state once a minute. The first call is always due.
    """
    return _pace.is_due(interval_s, key, state)


def add_secret(*values: str | None) -> None:
    """Hide these strings from every later line, also within tracebacks.

    A hexadecimal key is hidden with and without its ``0x``, in either case. None and
    strings below six characters are ignored: they cannot be told from ordinary text.
    """
    _secrets.add(value for value in values if value)


def redact(text: str) -> str:
    """Replace every registered secret in *text*; for status files and bundles."""
    return _secrets.hide(text)


def configure(
    *,
    path: Path | None = None,
    level: Level | str = Level.INFO,
    stream: TextIO | StreamName | None = "stderr",
    errors_path: Path | None = None,
    max_bytes: int = MAX_BYTES,
    backups: int = BACKUPS,
) -> None:
    """Say where lines go; replaces what was said before. Until then they go to stderr.

    Args:
        path: Log file of this process alone, rotated. Its directory must exist.
        level: Lowest level written, also by name.
        stream: Flushed after each line; ``"stderr"`` means whatever that is at the time.
        errors_path: ``errors.jsonl``; any number of processes may share it.
        max_bytes: Size from which either file is rotated.
        backups: Old log files kept; of ``errors.jsonl`` one is.

    Raises:
        OSError: *path* cannot be opened.
    """
    global _out
    sinks: list[logging.Handler] = []
    if path is not None:
        sinks.append(FileSink(path, max_bytes, backups))
    if stream is not None:
        sinks.append(StreamSink(stream))
    chosen = Level[level.upper()] if isinstance(level, str) else level
    errors = None if errors_path is None else ErrorsFile(errors_path, max_bytes)
    old, _out = _out, Out(sinks, chosen, errors)
    old.close()


def listen(listener: Callable[[str, str], object] | None) -> None:
    """Hand tag and line of every warning and error to *listener* too; None ends that.

    It is called by whoever logs, secrets already hidden: it must neither wait nor raise.
    """
    _listeners[:] = [] if listener is None else [listener]


def catch_uncaught() -> None:
    """Send what ends a thread or the process, and warnings of libraries, through this log.

    The interpreter's own traceback on stderr knows nothing of our secrets.
    """
    sys.excepthook = _uncaught
    threading.excepthook = _thread_ended
    logging.getLogger().handlers[:] = [_Bridge(logging.WARNING)]


def dropped() -> int:
    """Return how many lines could not be written since the start, all sinks together."""
    return Counting.dropped


def _emit(
    level: Level,
    tag: str,
    text: str,
    fields: Mapping[str, object],
    exc: BaseException | None = None,
) -> None:
    out = _out
    if level < out.level:
        return
    now = time.time()
    line = _formatter.line(level.name, tag, text, fields, now)
    trace = _formatter.trace(exc)
    out.write(
        "\n    ".join([line, *trace.splitlines()]),
        (lambda: _formatter.entry(tag, text, fields, trace, now)) if level is Level.ERROR else None,
    )
    if level >= Level.WARNING:
        for listener in _listeners:
            listener(tag, line)


def _uncaught(_: type[BaseException], exc: BaseException, __: object) -> None:
    if not isinstance(exc, KeyboardInterrupt):
        error("[ERROR]", f"uncaught {type(exc).__name__}: {exc}", exc=exc, event="uncaught")


def _thread_ended(args: threading.ExceptHookArgs) -> None:
    exc = args.exc_value
    if exc is not None and not isinstance(exc, SystemExit):
        name = "?" if args.thread is None else args.thread.name
        text = f"thread ended by {type(exc).__name__}: {exc}"
        error("[ERROR]", text, exc=exc, event="thread_ended", thread=name)


class _Bridge(logging.Handler):
    """Warnings of libraries, in our words."""

    def emit(self, record: logging.LogRecord) -> None:
        exc = record.exc_info[1] if record.exc_info else None
        is_error = record.levelno >= logging.ERROR
        write, tag = (error, "[ERROR]") if is_error else (warning, "[WARN]")
        write(tag, record.getMessage(), exc=exc, logger=record.name)
