"""Quantiles are measured values, and ratios compare what ran side by side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.latency import Latencies
from benchmarks.harness.stats import Round, clean, of, quantile, ratio, spread, sum_up


def a_round(number: int, p50_us: float, *, hiccup_ms: float = 0.0) -> Round:
    latencies = Latencies([p50_us] * 3, [p50_us / 2] * 3, skipped=1)
    return sum_up(number, latencies, writer=2.0, children=3.0, hiccup_ms=hiccup_ms)


def test_the_99th_of_a_hundred_is_the_99th() -> None:
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile(range(1, 101), 0.5) == 50
    assert quantile([7.0], 0.99) == 7.0


@given(st.lists(st.integers(-50, 50), min_size=1), st.floats(0.01, 1.0))
def test_at_least_the_share_lies_at_or_below_and_it_was_measured(
    values: list[int], share: float
) -> None:
    found = quantile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_cpu_of_a_round_is_that_of_all_processes() -> None:
    done = a_round(0, 100.0)

    assert (done.cpu, done.cpu_children, done.events, done.skipped) == (5.0, 3.0, 3, 1)


def test_ratios_are_taken_within_rounds() -> None:
    """The machine was three times slower in round 1; a ratio of medians would not know."""
    ours = [a_round(0, 10), a_round(1, 60), a_round(2, 20)]
    theirs = [a_round(0, 20), a_round(1, 120), a_round(2, 40)]

    assert ratio(ours, theirs, "p50_us") == spread([0.5, 0.5, 0.5])


def test_rounds_that_the_other_missed_are_left_out() -> None:
    assert ratio([a_round(0, 10), a_round(1, 99)], [a_round(0, 40)], "p50_us").count == 1
    with pytest.raises(ValueError, match="no round in common"):
        ratio([a_round(0, 10)], [a_round(1, 40)], "p50_us")


def test_rounds_in_which_the_machine_stood_still_are_marked() -> None:
    rounds = [a_round(0, 10, hiccup_ms=5.0), a_round(1, 30, hiccup_ms=5.1)]

    assert of(clean(rounds), "p50_us").median == 10
    assert of(rounds, "p50_us").most == 30
