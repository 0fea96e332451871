"""Crashes are answered with patience, refusals with an end."""

from __future__ import annotations

import pytest

from POLYMARKET_MAKER.core.restart import Code, History, Policy, Quarantine, Restart, Stop, judge
from POLYMARKET_MAKER.errors import ChildExit


def test_the_codes_are_those_of_the_child() -> None:
    """Core may not import the program's errors, so the table stands twice."""
    assert {code.name: code.value for code in Code} == {code.name: code.value for code in ChildExit}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, "done"),
        (2, "settings"),
        (4, "refused"),
        (10, "market_closed"),
    ],
)
def test_codes_with_a_meaning_end_the_child(code: int, reason: str) -> None:
    assert judge(code, 5.0, History(), 0.0) == (History(), Stop(reason))


@pytest.mark.parametrize("code", [1, 5, 75, -9, -15])
def test_a_child_that_was_told_to_end_is_not_restarted(code: int) -> None:
    assert judge(code, 5.0, History(), 0.0, asked=True)[1] == Stop("asked")


def test_waits_double_up_to_the_longest() -> None:
    history, waits = History(), []
    for step in range(9):
        history, verdict = judge(75, 1.0, history, step * 1000.0)
        assert isinstance(verdict, Restart)
        waits.append(verdict.after_s)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_stable_run_starts_the_waits_anew() -> None:
    history = History(attempts=7)

    assert judge(1, 60.0, history, 0.0)[1] == Restart(1.0, "crash_code_1")
    assert judge(1, 59.9, history, 0.0)[1] == Restart(60.0, "crash_code_1")


def test_five_crashes_in_ten_minutes_are_quarantined_for_fifteen() -> None:
    history = History()
    for at in (0.0, 100.0, 200.0, 300.0):
        history, verdict = judge(-11, 90.0, history, at)
        assert isinstance(verdict, Restart)

    assert judge(-11, 90.0, history, 599.0) == (
        History(), Quarantine(900.0, "crash_loop_code_-11"),
    )  # fmt: skip
    assert isinstance(judge(-11, 90.0, history, 601.0)[1], Restart)


@pytest.mark.parametrize(("code", "reason"), [(5, "orders_open"), (75, "temporary")])
def test_an_end_for_which_the_child_cannot_help_is_no_crash_and_not_the_last(
    code: int, reason: str
) -> None:
    """An exchange that was away for ten minutes must not leave anybody away for ever."""
    history = History()
    for at in range(20):
        history, verdict = judge(code, 1.0, history, float(at))
        assert isinstance(verdict, Restart)
        assert verdict.reason == reason

    assert history.crashes == ()


def test_jitter_spreads_children_that_died_together() -> None:
    policy = Policy(first_s=8.0)

    assert judge(1, 0.0, History(), 0.0, jitter=1.0, policy=policy)[1] == Restart(
        10.0, "crash_code_1"
    )


def test_a_thousand_restarts_do_not_overflow() -> None:
    assert judge(75, 0.0, History(attempts=5000), 0.0)[1] == Restart(60.0, "temporary")
