"""The error log, counted by event."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from polyshared.doctor import logs

WIDTH = 80


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of error.

    Attributes:
        first_at, last_at: Epoch seconds.
        message: Of the last one.
    """

    name: str
    count: int
    first_at: float
    last_at: float
    message: str


def digest(folder: Path, *, since: float) -> list[Event]:
    """Return the kinds of errors logged after *since*, the most frequent first."""
    entries = [entry for entry in logs.read_errors(folder) if entry.at >= since]
    names = dict.fromkeys(entry.event for entry in entries)
    events = [_event(name, [e for e in entries if e.event == name]) for name in names]
    return sorted(events, key=lambda event: event.count, reverse=True)


def _event(name: str, entries: list[logs.ErrorEntry]) -> Event:
    stamps = [entry.at for entry in entries]
    return Event(name, len(entries), min(stamps), max(stamps), entries[-1].message)


def lines(events: Iterable[Event]) -> list[str]:
    """Return one line an event: count, name, time of the last, its message."""
    return [
        f"{event.count:>6}  {event.name:<22}  {_stamp(event.last_at)}  {event.message}"[:WIDTH]
        for event in events
    ]


def _stamp(at: float) -> str:
    return time.strftime("%m-%d %H:%M:%SZ", time.gmtime(at))


def as_object(events: Iterable[Event]) -> dict[str, object]:
    return {
        "schema": 1,
        "events": [
            {
                "event": event.name,
                "count": event.count,
                "first_at": event.first_at,
                "last_at": event.last_at,
                "message": event.message,
            }
            for event in events
        ],
    }
