"""From a quote to an order: what the ledger and the log say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from polyshared._clock import Moment
from polyshared.doctor import checks_order
from polyshared.doctor.children import Child, Children
from polyshared.doctor.facts import Facts, SupervisorFacts
from polyshared.doctor.graph import Known, NotApplicable, Status
from polyshared.doctor.locate import Located
from polyshared.doctor.logs import ErrorEntry, Logs
from polyshared.doctor.probe import Answer
from polyshared.doctor.processes import Life, Process
from polyshared.doctor.statusfiles import ChildStatus, Supervisor, Task
from tests.doctor.house import TOKENS

NOW = Moment("boot", 100.0, 50_000.0)


def child(**said: Any) -> Child:
    must = {"token_id": TOKENS[0], "pid": 2, "pid_started_s": 2.0, "boottime_s": 99.0}
    status = msgspec.convert(must | said, ChildStatus)
    return Child(TOKENS[0], Task("running", pid=2), status, Process(2, Life.RUNNING), 1.0, 60.0)


def facts(*, venue: dict[str, Any] | None = None, kid: Child | None = None, **learnt: Any) -> Facts:
    said = {
        "pid": 1, "pid_started_s": 1.0, "boottime_s": 99.0, "venue": venue or {"state": "open"},
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
