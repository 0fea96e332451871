"""Medians of rounds, and ratios between designs within a round. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.harness.latency import Latencies

HICCUP_MS = 5.0
"""A machine that stood still for longer than this marks the round."""


def quantile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least *share* of all do not exceed.

    Raises:
        ValueError: There are no values.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values to take a quantile of")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    least: float
    most: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """Sum up *values*; there must be one."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Round:
    """One design in one round.

    Attributes:
        number: Which round; rounds of the same number were run side by side.
        p50_us: Median latency from the instant an event was due.
        p99_us: The same, 99th of a hundred.
        service_p50_us: Median latency from the start of its publication.
        service_p99_us: The same, 99th of a hundred.
        cpu: Of all its processes, in per cent of one core.
        cpu_children: The followers' part of it.
        events: Events that counted.
        skipped: Those of them that were overtaken by a later one.
        hiccup_ms: Longest time for which the machine stood still meanwhile.
    """

    number: int
    p50_us: float
    p99_us: float
    service_p50_us: float
    service_p99_us: float
    cpu: float
    cpu_children: float
    events: int
    skipped: int
    hiccup_ms: float

    @property
    def is_clean(self) -> bool:
        return self.hiccup_ms <= HICCUP_MS


def sum_up(
    number: int, latencies: Latencies, *, writer: float, children: float, hiccup_ms: float
) -> Round:
    """Make a round of its latencies."""
    scheduled, service = latencies.scheduled_us, latencies.service_us
    return Round(
        number=number,
        p50_us=quantile(scheduled, 0.5),
        p99_us=quantile(scheduled, 0.99),
        service_p50_us=quantile(service, 0.5),
        service_p99_us=quantile(service, 0.99),
        cpu=writer + children,
        cpu_children=children,
        events=len(scheduled),
        skipped=latencies.skipped,
        hiccup_ms=hiccup_ms,
    )


def of(rounds: Iterable[Round], field: str) -> Spread:
    """Sum up one field of several rounds."""
    return spread([getattr(each, field) for each in rounds])


def ratio(ours: Sequence[Round], theirs: Sequence[Round], field: str) -> Spread:
    """Return ours ÷ theirs, taken round by round.

    A ratio within a round compares what ran within seconds of each other.

    Raises:
        ValueError: They have no round in common.
    """
    other = {each.number: getattr(each, field) for each in theirs}
    ratios = [getattr(each, field) / other[each.number] for each in ours if each.number in other]
    if not ratios:
        raise ValueError("no round in common")
    return spread(ratios)


def clean(rounds: Iterable[Round]) -> list[Round]:
    """Return the rounds in which the machine did not stand still."""
    return [each for each in rounds if each.is_clean]
