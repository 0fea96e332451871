"""The breaker opens on a run of failures and closes by itself."""

from __future__ import annotations

from POLYMARKET_MAKER.core.breaker import Answer, Breaker, open_until


def answers(*failed: bool, every_s: float = 1.0) -> list[Answer]:
    return [Answer(number * every_s, each) for number, each in enumerate(failed)]


def test_five_failures_in_a_minute_open_it_for_five_minutes() -> None:
    failures = answers(*[True] * 5)

    assert open_until(failures[:4], 4.0) is None
    assert open_until(failures, 4.0) == 304.0
    assert open_until(failures, 303.9) == 304.0
    assert open_until(failures, 304.0) is None


def test_failures_that_are_a_minority_do_not_open_it() -> None:
    assert open_until(answers(*[True, False, False] * 5), 20.0) is None
    assert open_until(answers(*[False, True] * 5), 20.0) == 309.0


def test_failures_that_are_far_apart_do_not_open_it() -> None:
    assert open_until(answers(*[True] * 9, every_s=15.0), 200.0) is None
    assert open_until(answers(*[True] * 9, every_s=14.9), 200.0) is not None


def test_a_success_after_it_opened_does_not_close_it() -> None:
    """An answer to a request that was under way says nothing about the next one."""
    assert open_until([*answers(*[True] * 5), Answer(4.5, failed=False)], 5.0) == 304.0


def test_no_answers_are_no_failures() -> None:
    assert open_until([], 0.0) is None


def test_its_limits_can_be_set() -> None:
    tight = Breaker(max_errors=1, open_s=10.0)

    assert open_until([Answer(0.0, failed=True)], 5.0, tight) == 10.0
    assert tight.memory_s == 70.0


def test_answers_of_a_future_that_the_clock_was_set_back_from_do_not_hold_anybody() -> None:
    """The same five failures hold for five minutes where they lie in the past."""
    failures = answers(*[True] * 5)

    assert open_until(failures, 3.9) is None
    assert open_until([*failures, Answer(3600.0, failed=True)], 4.0) == 304.0
