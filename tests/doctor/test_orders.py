"""From a quote to an order: what the ledger and the log say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from polyshared._clock import Moment
from polyshared.doctor import checks_child, checks_order, checks_reading
from polyshared.doctor.children import Child, Children
from polyshared.doctor.facts import Facts, SupervisorFacts
from polyshared.doctor.graph import Known, NotApplicable, Status
from polyshared.doctor.locate import Located
from polyshared.doctor.logs import ErrorEntry, Logs
from polyshared.doctor.probe import Answer
from polyshared.doctor.processes import Life, Process
from polyshared.doctor.statusfiles import ChildStatus, Supervisor, Task, TokenSource
from tests.doctor.house import TOKENS

NOW = Moment("boot", 100.0, 50_000.0)


def child(**said: Any) -> Child:
    must = {"token_id": TOKENS[0], "pid": 2, "pid_started_s": 2.0, "boottime_s": 99.0}
    status = msgspec.convert(must | said, ChildStatus)
    return Child(TOKENS[0], Task("running", pid=2), status, Process(2, Life.RUNNING), 1.0, 60.0)


def facts(
    *,
    venue: dict[str, Any] | None = None,
    kid: Child | None = None,
    settings: dict[str, Any] | None = None,
    **learnt: Any,
) -> Facts:
    said = {
        "pid": 1, "pid_started_s": 1.0, "boottime_s": 99.0, "venue": venue or {"state": "open"},
        "settings": settings or {},
    }  # fmt: skip
    boss = SupervisorFacts(msgspec.convert(said, Supervisor), Process(1, Life.RUNNING), 1.0)
    return Facts(
        Located(Path("data"), "option"),
        None,
        NOW,
        supervisor=Known(boss),
        children=Known(Children((kid or child(),), ())),
        **learnt,
    )


def ledger(**known: Any) -> Known[Answer]:
    data = {"open_orders": {}, "unresolved": {}, "foreign_orders": 0, "account_read_at": 49_999.0}
    return Known(Answer("ledger", available=True, ok=True, data={**data, **known}))


@pytest.mark.parametrize(("asked_at", "status"), [(49_999.0, Status.OK), (49_980.0, Status.WARN)])
def test_an_order_on_its_way_is_not_yet_without_an_outcome(asked_at: float, status: Status) -> None:
    given = facts(ledger=ledger(unresolved={"0x1": asked_at}))

    assert checks_order.ledger(given).status is status


def test_a_ledger_that_cannot_be_read_is_a_failure() -> None:
    answer = Answer("ledger", available=True, ok=False, reason="is no ledger")

    verdict = checks_order.ledger(facts(ledger=Known(answer)))

    assert (verdict.status, verdict.detail) == (Status.FAIL, "is no ledger")


@pytest.mark.parametrize(("read_at", "status"), [(49_990.0, Status.OK), (49_939.0, Status.FAIL)])
def test_an_account_that_was_not_read_for_a_minute_places_nothing(
    read_at: float, status: Status
) -> None:
    assert checks_order.account(facts(ledger=ledger(account_read_at=read_at))).status is status


@pytest.mark.parametrize(("token", "status"), [(TOKENS[0], Status.OK), (TOKENS[1], Status.FAIL)])
def test_an_order_is_looked_after_by_the_child_of_its_token(token: str, status: Status) -> None:
    given = facts(ledger=ledger(open_orders={"0x1": token}))

    assert checks_order.unattended(given).status is status


@pytest.mark.parametrize(
    ("venue", "status", "text"),
    [
        ({"state": "paper"}, Status.OK, "on paper"),
        ({"state": "open", "order_version": 2}, Status.OK, "order version 2"),
        ({"state": "unknown"}, Status.OK, "not known yet"),
        ({"state": "post_only", "reason": "restart"}, Status.WARN, "post_only: restart"),
    ],
)
def test_the_state_of_the_exchange_is_told(
    venue: dict[str, Any], status: Status, text: str
) -> None:
    verdict = checks_order.venue(facts(venue=venue))

    assert verdict.status is status
    assert text in verdict.detail


@pytest.mark.parametrize("state", ["cancel_only", "post_only"])
def test_a_state_that_an_order_met_is_told_although_reads_are_answered(state: str) -> None:
    given = facts(ledger=ledger(venue={"state": state, "reason": "maintenance"}))

    verdict = checks_order.venue(given)

    assert verdict.status is Status.WARN
    assert f"{state}: maintenance" in verdict.detail
    assert checks_order.venue(facts(ledger=ledger(venue={"state": "ok"}))).status is Status.OK


@pytest.mark.parametrize(
    ("said", "status"),
    [("open", Status.OK), ("connecting", Status.OK), ("down", Status.WARN)],
)
def test_an_account_connection_that_is_down_makes_fills_late(said: str, status: Status) -> None:
    given = facts(venue={"state": "open", "user_channel": said})

    assert checks_order.user_channel(given).status is status


@pytest.mark.parametrize(
    ("said", "status"), [("beating", Status.OK), ("not_armed", Status.OK), ("silent", Status.FAIL)]
)
def test_an_exchange_that_does_not_hear_of_us_cancels_everything(said: str, status: Status) -> None:
    given = facts(venue={"state": "open", "dead_man": said})

    assert checks_order.dead_man(given).status is status


@pytest.mark.parametrize(
    ("said", "status"),
    [("running", Status.OK), ("waiting", Status.WARN), ("ended", Status.WARN)],
)
def test_a_source_of_tokens_that_has_ended_is_told(said: str, status: Status) -> None:
    boss = facts().supervisor.value
    assert isinstance(boss.status, Supervisor)
    source = TokenSource(said, None if status is Status.OK else 2)
    told = replace(boss, status=structs.replace(boss.status, token_source=source))

    verdict = checks_child.token_source(replace(facts(), supervisor=Known(told)))

    assert verdict.status is status
    assert ("exit code 2" in verdict.detail) is (status is Status.WARN)


def test_on_paper_there_is_neither_channel_nor_dead_mans_switch() -> None:
    given = facts(venue={"state": "paper"})

    for judge in (checks_order.user_channel, checks_order.dead_man):
        with pytest.raises(NotApplicable):
            judge(given)


def stage(state: str, *, since: float = 49_900.0) -> Child:
    return child(stages={"risk": {"state": state, "reason": "cap_total", "since": since}})


@pytest.mark.parametrize(
    ("kid", "status", "text"),
    [
        (stage("ok"), Status.OK, "none is blocked"),
        (stage("wait"), Status.OK, "none is blocked"),
        (stage("blocked"), Status.OK, "held back by a rule"),
        (stage("fail"), Status.FAIL, "risk: cap_total"),
        (stage("fail", since=49_995.0), Status.OK, "none is blocked"),
    ],
)
def test_a_rule_that_holds_back_is_no_fault_and_a_broken_stage_is(
    kid: Child, status: Status, text: str
) -> None:
    verdict = checks_order.stages(facts(kid=kid))

    assert verdict.status is status
    assert text in verdict.detail


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [
        ("wait", "crossed", Status.WARN),
        ("blocked", "stale", Status.WARN),
        ("wait", "no_ask", Status.OK),
        ("wait", "no_bid", Status.OK),
        ("ok", "live", Status.OK),
    ],
)
def test_a_market_with_one_side_only_holds_no_child_back(
    state: str, reason: str, status: Status
) -> None:
    """It may be so for hours; what a feed withholds is another matter."""
    kid = child(stages={"quote": {"state": state, "reason": reason, "since": 49_900.0}})

    assert checks_reading.wait(facts(kid=kid)).status is status


@pytest.mark.parametrize(
    ("kid", "status", "text"),
    [
        (child(started_at=49_000.0), Status.OK, "no order yet"),
        (child(started_at=20_000.0), Status.WARN, "no order yet"),
        (
            child(last_order={"at": 49_990.0, "outcome": "placed"}),
            Status.OK,
            "last order 10.0 s ago",
        ),
        (child(last_order={"at": 20_000.0, "outcome": "placed"}), Status.WARN, "8.3 h ago"),
    ],
)
def test_hours_without_an_order_are_told(kid: Child, status: Status, text: str) -> None:
    """The report began with 24 hours without one, and nobody said so."""
    verdict = checks_order.recent(facts(kid=kid))

    assert verdict.status is status
    assert text in verdict.detail


def test_how_many_hours_are_many_is_a_setting() -> None:
    given = facts(kid=child(started_at=48_000.0), settings={"no_order_warn_h": 0.5})

    assert checks_order.recent(given).status is Status.WARN


@pytest.mark.parametrize(
    ("at", "status"), [(49_990.0, Status.WARN), (49_700.0, Status.OK), (40_000.0, Status.OK)]
)
def test_an_error_of_just_now_is_a_warning_and_a_healed_one_is_told(
    tmp_path: Path, at: float, status: Status
) -> None:
    logs = Logs(tmp_path, errors=(ErrorEntry(at, "flush_failed", "disk full"),))

    assert checks_order.errors(facts(logs=Known(logs))).status is status


def test_the_text_of_an_aggregator_that_cannot_start_is_a_failure(tmp_path: Path) -> None:
    logs = Logs(tmp_path, not_started_lines=("无法启动 WS 聚合器: No module named 'websocket'",))

    verdict = checks_order.errors(facts(logs=Known(logs)))

    assert verdict.status is Status.FAIL
    assert "No module named 'websocket'" in verdict.detail


def test_without_a_log_folder_there_is_nothing_to_say(tmp_path: Path) -> None:
    with pytest.raises(NotApplicable):
        checks_order.errors(facts(logs=Known(Logs(tmp_path / "none"))))
