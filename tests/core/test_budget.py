"""The request budget fills with time, never beyond its burst, and cancels may overdraw it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.budget import Bucket, Kind, full


def test_the_numbers_are_those_of_the_standard_tier() -> None:
    assert full(Kind.ORDER, 5.0) == Bucket(40.0, 60.0, 60.0, 5.0)
    assert full(Kind.CANCEL, 5.0) == Bucket(80.0, 120.0, 120.0, 5.0)


def test_an_empty_bucket_says_how_long_to_wait() -> None:
    empty = full(Kind.ORDER, 0.0).taken(60, 0.0)

    assert empty.wait_s(1, 0.0) == 1 / 40
    assert empty.wait_s(20, 0.25) == 0.25
    assert empty.wait_s(20, 0.5) == 0.0


def test_a_request_larger_than_the_burst_waits_for_a_full_bucket_not_for_ever() -> None:
    assert full(Kind.ORDER, 0.0).wait_s(1000, 0.0) == 0.0


def test_overdrawn_by_cancels_it_fills_from_below_zero() -> None:
    assert full(Kind.CANCEL, 0.0).taken(200, 0.0).wait_s(1, 1.0) == 1 / 80


def test_the_exchanges_word_wins_when_it_is_lower() -> None:
    bucket = full(Kind.ORDER, 0.0).taken(50, 0.0)

    assert bucket.told(3, 0.0).level == 3
    assert bucket.told(40, 0.0).level == 10


def test_a_clock_that_goes_back_fills_nothing() -> None:
    assert full(Kind.ORDER, 100.0).taken(60, 100.0).filled(50.0).level == 0


@given(steps=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 30)), min_size=1, max_size=50))
def test_whoever_waits_never_takes_more_than_burst_and_rate(
    steps: list[tuple[float, int]],
) -> None:
    bucket, now, taken = full(Kind.ORDER, 0.0), 0.0, 0
    for gap_s, cost in steps:
        now += gap_s
        if bucket.wait_s(cost, now) == 0:
            bucket, taken = bucket.taken(cost, now), taken + cost

    assert taken <= 60 + 40 * now + 1e-6
