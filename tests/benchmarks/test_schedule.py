"""The load is the same for all, spread as asked, and tells every child when it is over."""

from __future__ import annotations

import statistics
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.schedule import Load, last_numbers, make_schedule

LOAD = Load(children=10, rate=1000.0, warm_s=0.5, measure_s=2.0)


def test_a_seed_gives_the_same_events_to_every_design() -> None:
    assert make_schedule(LOAD, seed=3, first=1) == make_schedule(LOAD, seed=3, first=1)
    assert make_schedule(LOAD, seed=3, first=1) != make_schedule(LOAD, seed=4, first=1)


def test_the_rate_is_the_one_asked_for() -> None:
    events = [event for event in make_schedule(LOAD, seed=1, first=1) if event.counts]

    assert 1800 < len(events) < 2200


def test_arrivals_are_a_poisson_process() -> None:
    """Its gaps scatter as widely as they are long; those of a metronome do not scatter."""
    due = [event.due_s for event in make_schedule(LOAD, seed=1, first=1) if event.counts]
    gaps = [later - earlier for earlier, later in pairwise(due)]

    assert 0.9 < statistics.stdev(gaps) / statistics.fmean(gaps) < 1.1


def test_the_warm_up_is_not_counted() -> None:
    events = make_schedule(LOAD, seed=1, first=1)

    assert {event.counts for event in events if event.due_s < 0.5} == {False}
    assert all(event.counts for event in events if 0.5 <= event.due_s < 2.5)


@given(children=st.integers(1, 60), rate=st.sampled_from([50.0, 400.0]), seed=st.integers(0, 99))
def test_every_child_is_told_of_a_last_event_that_is_not_counted(
    children: int, rate: float, seed: int
) -> None:
    load = Load(children=children, rate=rate, warm_s=0.1, measure_s=0.2)
    events = make_schedule(load, seed=seed, first=7)
    last = last_numbers(events)

    assert set(last) == set(range(children))
    assert [event.number for event in events] == list(range(7, 7 + len(events)))
    assert [event.due_s for event in events] == sorted(event.due_s for event in events)
    by_number = {event.number: event for event in events}
    assert not any(by_number[number].counts for number in last.values())
