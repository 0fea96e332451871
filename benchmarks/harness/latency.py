"""From what was due and what was seen to latencies. Pure.

Latest state, not a queue: a child that is told of event 9 has event 8 too, and event 8
was as old as that. So every event has a latency, one that was skipped as well, and an event
that no child ever saw, nor a later one, is a fault of the run and not a missing sample.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.harness.errors import ClockError, NotDeliveredError
from benchmarks.harness.schedule import Event

NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Sight:
    """What a child saw.

    Attributes:
        number: Of the event that made what it read.
        at_ns: When it had it in hand, on the monotonic clock.
    """

    number: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of all events that count, in microseconds.

    Attributes:
        scheduled_us: From the instant an event was due.
        service_us: From the instant its publication began.
        skipped: How many of them were overtaken by a later one.
    """

    scheduled_us: list[float]
    service_us: list[float]
    skipped: int


def match(
    events: Sequence[Event],
    *,
    start_ns: int,
    published_ns: Sequence[int],
    sights: Mapping[int, Sequence[Sight]],
) -> Latencies:
    """Find for each event the first sight of it or of a later one.

    Args:
        events: The schedule.
        start_ns: When the round began.
        published_ns: When the publication of each event began, in the same order.
        sights: What each child saw, in order.

    Raises:
        NotDeliveredError: A child never saw its last event.
        ClockError: A sight lies before the publication.
    """
    own: dict[int, list[tuple[Event, int]]] = defaultdict(list)
    for event, published in zip(events, published_ns, strict=True):
        own[event.child].append((event, published))
    found = Latencies([], [], 0)
    skipped = 0
    for child, wanted in own.items():
        skipped += _match_child(child, wanted, sights.get(child, ()), start_ns, found)
    return Latencies(found.scheduled_us, found.service_us, skipped)


def _match_child(
    child: int,
    wanted: Sequence[tuple[Event, int]],
    sights: Sequence[Sight],
    start_ns: int,
    found: Latencies,
) -> int:
    skipped = 0
    rest = iter(sights)
    sight = next(rest, None)
    for event, published in wanted:
        while sight is not None and sight.number < event.number:
            sight = next(rest, None)
        if sight is None:
            raise NotDeliveredError(
                f"child {child} never saw event {event.number}; its last was {wanted[-1][0].number}"
            )
        if sight.at_ns < published:
            raise ClockError(
                f"child {child} saw event {event.number} {published - sight.at_ns} ns too early"
            )
        if event.counts:
            due_ns = start_ns + round(event.due_s * NS)
            found.scheduled_us.append((sight.at_ns - due_ns) / 1000)
            found.service_us.append((sight.at_ns - published) / 1000)
            skipped += sight.number != event.number
    return skipped
