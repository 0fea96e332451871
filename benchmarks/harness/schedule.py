"""When which event is due. Pure: a seed and a load give the same events to every design."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a design in one round.

    Attributes:
        children: Followers; every event is for one of them, drawn at random.
        rate: Events a second, in all. Arrivals are a Poisson process.
        warm_s: Time at the start whose events are not counted.
        measure_s: Time whose events all are.
    """

    children: int
    rate: float
    warm_s: float
    measure_s: float


@dataclass(frozen=True, slots=True)
class Event:
    """One change that is due.

    Attributes:
        number: Grows by one with each event, from round to round too.
        child: Whom it concerns.
        due_s: When, from the start of the round.
        counts: Whether its latency is taken.
    """

    number: int
    child: int
    due_s: float
    counts: bool


def make_schedule(load: Load, *, seed: int, first: int) -> list[Event]:
    """Return the events of one round in the order of their time.

    At the end every child gets one more that is not counted: whoever has seen that one has
    missed nothing that was still on its way.

    Args:
        load: The load.
        seed: Same seed, same events.
        first: Number of the first event.
    """
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    end_s = load.warm_s + load.measure_s
    events: list[Event] = []
    due_s = chance.expovariate(load.rate)
    while due_s < end_s:
        child = chance.randrange(load.children)
        events.append(Event(first + len(events), child, due_s, due_s >= load.warm_s))
        due_s += chance.expovariate(load.rate)
    for child in chance.sample(range(load.children), load.children):
        events.append(Event(first + len(events), child, max(due_s, end_s), counts=False))
        due_s = max(due_s, end_s) + 1 / load.rate
    return events


def last_numbers(events: list[Event]) -> dict[int, int]:
    """Return the number of each child's last event."""
    return {event.child: event.number for event in events}
