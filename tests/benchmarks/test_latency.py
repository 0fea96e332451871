"""Every event has a latency, one that was overtaken too, and none is lost silently."""

from __future__ import annotations

import pytest

from benchmarks.harness.errors import ClockError, NotDeliveredError
from benchmarks.harness.latency import Sight, match
from benchmarks.harness.schedule import Event

START_NS = 5_000_000_000


def ms(value: float) -> int:
    """Return an instant of the round in nanoseconds."""
    return START_NS + round(value * 1_000_000)


def event(number: int, at_ms: float, *, child: int = 0, counts: bool = True) -> Event:
    return Event(number, child, at_ms / 1000, counts)


def test_latency_runs_from_due_and_service_from_the_publication() -> None:
    found = match(
        [event(1, 10)], start_ns=START_NS, published_ns=[ms(12)], sights={0: [Sight(1, ms(15))]}
    )

    assert found.scheduled_us == [5000]
    assert found.service_us == [3000]
    assert found.skipped == 0


def test_an_event_that_was_overtaken_counts_until_the_later_one_is_seen() -> None:
    found = match(
        [event(1, 10), event(2, 20), event(3, 30)],
        start_ns=START_NS,
        published_ns=[ms(10), ms(20), ms(30)],
        sights={0: [Sight(1, ms(11)), Sight(3, ms(32))]},
    )

    assert found.scheduled_us == [1000, 12000, 2000]
    assert found.skipped == 1


def test_each_child_is_matched_with_its_own_events() -> None:
    found = match(
        [event(1, 10, child=0), event(2, 20, child=1)],
        start_ns=START_NS,
        published_ns=[ms(10), ms(20)],
        sights={0: [Sight(1, ms(13))], 1: [Sight(2, ms(21))]},
    )

    assert sorted(found.scheduled_us) == [1000, 3000]


def test_events_that_do_not_count_have_no_latency() -> None:
    found = match(
        [event(1, 10, counts=False), event(2, 20)],
        start_ns=START_NS,
        published_ns=[ms(10), ms(20)],
        sights={0: [Sight(2, ms(21))]},
    )

    assert found.scheduled_us == [1000]
    assert found.skipped == 0


@pytest.mark.parametrize("sights", [{}, {0: []}, {0: [Sight(1, ms(11))]}])
def test_a_last_event_that_never_arrives_ends_the_run(sights: dict[int, list[Sight]]) -> None:
    with pytest.raises(NotDeliveredError, match=r"child 0 never saw event [12]; its last was 2"):
        match(
            [event(1, 10), event(2, 20, counts=False)],
            start_ns=START_NS,
            published_ns=[ms(10), ms(20)],
            sights=sights,
        )


def test_a_sight_before_the_publication_ends_the_run() -> None:
    with pytest.raises(ClockError, match="1000000 ns too early"):
        match(
            [event(1, 10)], start_ns=START_NS, published_ns=[ms(12)], sights={0: [Sight(1, ms(11))]}
        )
