"""The list of checks: complete, in order, and each asks only for facts that it names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyshared import _clock
from polyshared.doctor.checks import CHECKS, LIVE, UnknownCheck, select
from polyshared.doctor.checks_quotes import quote_fault
from polyshared.doctor.facts import Facts
from polyshared.doctor.locate import Located

# Every id of the bug report's checklist that needs no connection to the exchange.
CHECKLIST = {
    "agg.thread", "agg.import", "agg.running", "agg.frames", "agg.subscribed", "agg.connections",
    "agg.socket", "cache.exists", "cache.json", "cache.schema", "cache.tokens", "cache.fresh",
    "cache.advancing", "cache.values", "cache.writer", "cache.health", "env.deps", "child.count",
    "child.last_px", "child.wait", "child.env", "child.mode", "child.reading", "child.conflated",
    "host.disk", "host.datadir", "logs.errors", "order.recent",
}  # fmt: skip


def test_every_step_of_the_report_has_its_check() -> None:
    assert CHECKLIST - {check.id for check in CHECKS} == set()


def test_ids_are_unique_and_parents_stand_before_their_children() -> None:
    """Judging goes through the list once; the first failure is the root cause."""
    seen: set[str] = set()
    for check in CHECKS:
        assert check.id not in seen
        assert set(check.parents) <= seen, check.id
        seen.add(check.id)


def test_every_fact_that_a_check_needs_exists() -> None:
    fields = set(Facts.__dataclass_fields__)

    assert {name for check in CHECKS for name in check.needs} <= fields


def test_a_group_means_all_of_its_checks() -> None:
    assert select(["agg", "env.deps"])[0] == "env.deps"
    assert {name.partition(".")[0] for name in select(["agg"])} == {"agg"}
    assert set(select([])) == {check.id for check in CHECKS} - {check.id for check in LIVE}
    assert select([], live=True) == [check.id for check in CHECKS]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownCheck, match=r"did you mean 'cache\.json'"):
        select(["cache.jsn"])


def test_a_check_without_facts_says_so_and_does_not_crash() -> None:
    """What was not gathered is "could not look", never a verdict."""
    facts = Facts(Located(Path(), "option"), None, _clock.now())
    for check in CHECKS:
        with pytest.raises(Exception, match="not asked for"):
            check.judge(facts)


GOOD: dict[str, Any] = {"price": 0.5, "best_bid": 0.49, "best_ask": 0.51, "ts": 1.0}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"best_bid": None}, None),
        ({"price": None, "best_bid": None, "best_ask": None, "ts": None}, None),
        ({"best_bid": 0}, "best_bid was 0"),
        ({"best_ask": 1.0}, "best_ask was 1.0"),
        ({"best_ask": "0.51"}, "best_ask was '0.51'"),
        ({"price": True}, "price was True"),
        ({"best_bid": 0.51}, "not below"),
        ({"ts": "1769753107671"}, "ts was"),
    ],
)
def test_what_is_wrong_with_a_quote(change: dict[str, Any], fault: str | None) -> None:
    found = quote_fault({**GOOD, **change})

    assert found is None if fault is None else fault in (found or "")


@pytest.mark.parametrize("name", ["price", "best_bid", "best_ask", "ts"])
def test_a_field_that_is_absent_is_not_a_field_that_is_null(name: str) -> None:
    fields = {key: value for key, value in GOOD.items() if key != name}

    assert quote_fault(fields) == f"has no {name}"


@given(
    bid=st.floats(0.001, 0.999, allow_nan=False),
    ask=st.floats(0.001, 0.999, allow_nan=False),
)
def test_two_sides_are_well_exactly_when_they_do_not_cross(bid: float, ask: float) -> None:
    fault = quote_fault({"price": None, "best_bid": bid, "best_ask": ask, "ts": math.pi})

    assert (fault is None) == (bid < ask)
