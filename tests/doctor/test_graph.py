"""Checks and their parents: what is a cause, what is a consequence, what is the exit code."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from polyshared.doctor.graph import (
    Check,
    DoctorExit,
    Known,
    NotApplicable,
    Row,
    Status,
    Unlearnt,
    Verdict,
    exit_code,
    fail,
    judge_all,
    ok,
    root_cause,
    warn,
    with_ancestors,
)


def check(name: str, judge: Callable[[object], Verdict], *parents: str) -> Check[object]:
    return Check(name, "title", judge, parents)


def good(_: object) -> Verdict:
    return ok("well")


def bad(_: object) -> Verdict:
    return fail("broken")


def doubtful(_: object) -> Verdict:
    return warn("odd")


def crash(_: object) -> Verdict:
    raise KeyError("quote")


def nothing(_: object) -> Verdict:
    raise NotApplicable("nothing runs")


def judged(*checks: Check[object]) -> dict[str, Row]:
    return {row.id: row for row in judge_all(checks, None)}


def test_a_failure_under_a_failed_parent_is_a_consequence() -> None:
    rows = judged(check("a.top", bad), check("b.under", bad, "a.top"))

    assert rows["b.under"].status is Status.SKIP
    assert rows["b.under"].blocked_by == "a.top"
    assert rows["b.under"].fix is None


def test_consequences_name_the_first_cause_not_the_nearest() -> None:
    rows = judged(
        check("a.top", bad), check("b.middle", bad, "a.top"), check("c.low", doubtful, "b.middle")
    )

    assert rows["c.low"].blocked_by == "a.top"


def test_what_is_well_stays_well_under_a_failed_parent() -> None:
    rows = judged(check("a.top", bad), check("b.under", good, "a.top"))

    assert rows["b.under"].status is Status.OK
    assert rows["b.under"].blocked_by is None


@pytest.mark.parametrize("parent", [good, doubtful, nothing])
def test_a_parent_that_did_not_fail_explains_nothing(
    parent: Callable[[object], Verdict],
) -> None:
    rows = judged(check("a.top", parent), check("b.under", bad, "a.top"))

    assert rows["b.under"].status is Status.FAIL


def test_a_check_that_crashes_is_its_own_failure_and_the_others_are_judged() -> None:
    rows = judged(check("a.crash", crash), check("b.other", good))

    assert rows["a.crash"].status is Status.FAIL
    assert "KeyError: 'quote'" in rows["a.crash"].detail
    assert rows["b.other"].status is Status.OK


def test_a_fact_that_was_not_learnt_is_a_failure_that_says_why() -> None:
    def asks(_: object) -> Verdict:
        unlearnt: Known[str] | Unlearnt = Unlearnt("it took too long", timed_out=True)
        return ok(unlearnt.value)

    row = judged(check("a.late", asks))["a.late"]

    assert row.status is Status.FAIL
    assert row.detail == "could not look: it took too long"
    assert row.timed_out


def test_the_root_cause_is_the_first_failure_in_the_order_of_the_chain() -> None:
    rows = list(judged(check("a.odd", doubtful), check("b.bad", bad), check("c.bad", bad)).values())

    cause = root_cause(rows)

    assert cause is not None
    assert cause.id == "b.bad"
    assert root_cause(rows[:1]) is None


def test_selected_checks_bring_what_they_depend_on() -> None:
    checks = [
        check("a.one", good), check("a.other", good),
        check("b.two", good, "a.one"), check("c.three", good, "b.two"),
    ]  # fmt: skip

    assert [each.id for each in with_ancestors(checks, ["c.three"])] == [
        "a.one",
        "b.two",
        "c.three",
    ]


def row(status: Status) -> Row:
    return Row("a.b", "a", "t", status, "d", {}, None, None, 0.0)


@pytest.mark.parametrize(
    ("late", "settings", "failed", "idle"), list(product([True, False], repeat=4))
)
def test_the_first_exit_code_that_holds_wins(
    *, late: bool, settings: bool, failed: bool, idle: bool
) -> None:
    code = exit_code(
        [row(Status.FAIL if failed else Status.OK)],
        strict=False,
        out_of_time=late,
        settings_unreadable=settings,
        nothing_runs=idle,
    )

    order = [
        (late, DoctorExit.TIMED_OUT),
        (settings, DoctorExit.SETTINGS),
        (failed, DoctorExit.FAILED),
        (idle, DoctorExit.NOTHING_RUNS),
        (True, DoctorExit.HEALTHY),
    ]
    assert code is next(code for holds, code in order if holds)


@pytest.mark.parametrize(("strict", "code"), [(True, 1), (False, 0)])
def test_a_warning_fails_only_when_strict(*, strict: bool, code: int) -> None:
    found = exit_code(
        [row(Status.WARN)],
        strict=strict,
        out_of_time=False,
        settings_unreadable=False,
        nothing_runs=False,
    )

    assert found == code
