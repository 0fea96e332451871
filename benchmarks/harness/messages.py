"""What the harness and its processes say to each other, over a unix socket."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from benchmarks.harness.latency import Sight
from benchmarks.harness.schedule import Event


class Role(StrEnum):
    PUBLISHER = "publisher"
    FOLLOWER = "follower"


@dataclass(frozen=True, slots=True)
class Hello:
    """A process is ready."""

    role: Role
    number: int
    pid: int


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish these; *start_ns* is the round's zero. Answered by `Published`."""

    events: list[Event]
    start_ns: int


@dataclass(frozen=True, slots=True)
class Published:
    """When each publication began."""

    at_ns: list[int]


@dataclass(frozen=True, slots=True)
class Follow:
    """Follow until event *last* or until *give_up_ns*, then wait for `Report`."""

    last: int
    give_up_ns: int


@dataclass(frozen=True, slots=True)
class Report:
    """Tell what you saw. Answered by `Seen`."""


@dataclass(frozen=True, slots=True)
class Seen:
    sights: list[Sight]
