"""Stop all trading: what counts as proof, and what never does."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polyshared._clock import Moment, boot_s
from polyshared.doctor.children import Child, Children
from polyshared.doctor.commands_stop import set_switches
from polyshared.doctor.facts import Facts, SupervisorFacts
from polyshared.doctor.graph import Known, Unlearnt
from polyshared.doctor.killing import KILL_FILE, prove, switch
from polyshared.doctor.locate import Located
from polyshared.doctor.probe import Answer
from polyshared.doctor.processes import Life, Process
from polyshared.doctor.statusfiles import ChildStatus, Supervisor, Task
from tests.doctor.house import GOOD_LEDGER, TOKENS, House, answer, end, freeze, polyshared

SWITCHED = Moment("boot", 100.0, 5000.0)
NOW = Moment("boot", 110.0, 5010.0)


def child(
    *, life: Life = Life.RUNNING, written_s: float = 109.0, orders: list[Any] | None = None
) -> Child:
    said = {
        "token_id": TOKENS[0],
        "pid": 2,
        "pid_started_s": 2.0,
        "boottime_s": written_s,
        "open_orders": orders,
    }
    status = msgspec.convert(said, ChildStatus)
    return Child(TOKENS[0], Task("running", pid=2), status, Process(2, life), 1.0, 60.0)


def ledger(*, read_s: float | None = 109.0, orders: dict[str, str] | None = None) -> Answer:
    known = {"account_read_boot_s": read_s, "open_orders": orders or {}}
    return Answer("ledger", available=True, ok=True, data=known)


def supervisor(*, life: Life = Life.RUNNING, age_s: float = 0.5) -> SupervisorFacts:
    said = {"pid": 1, "pid_started_s": 1.0, "boottime_s": NOW.boot_s - age_s}
    return SupervisorFacts(msgspec.convert(said, Supervisor), Process(1, life), age_s)


PROVEN = Facts(
    located=Located(Path("data"), "option"),
    token=None,
    now=NOW,
    supervisor=Known(supervisor()),
    children=Known(Children((child(orders=[]),), ())),
    ledger=Known(ledger()),
)


def with_child(kid: Child) -> Facts:
    return replace(PROVEN, children=Known(Children((kid,), ())))


def test_written_after_the_switch_and_read_at_the_exchange_is_proof() -> None:
    assert prove(PROVEN, SWITCHED).is_complete


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (with_child(child(orders=[], written_s=99.0)), "has not written since"),
        (with_child(child(orders=None)), "does not say which orders are open"),
        (with_child(child(orders=[{"order_id": "0x1"}])), "has 1 open order"),
        (with_child(child(orders=[], life=Life.STOPPED)), "is stopped by a signal"),
        (
            replace(PROVEN, supervisor=Known(supervisor(age_s=20.0))),
            "the supervisor has not written since",
        ),
        (replace(PROVEN, ledger=Known(ledger(read_s=99.0))), "not read at the exchange since"),
        (replace(PROVEN, ledger=Known(ledger(read_s=None))), "not read at the exchange since"),
        (replace(PROVEN, ledger=Known(ledger(orders={"0x1": TOKENS[0]}))), "1 order may be open"),
        (replace(PROVEN, ledger=Unlearnt("no such program")), "the ledger could not be asked"),
        (replace(PROVEN, children=Unlearnt("too slow")), "children could not be looked at"),
    ],
)
def test_one_thing_missing_is_no_proof(facts: Facts, missing: str) -> None:
    proof = prove(facts, SWITCHED)

    assert not proof.is_complete
    assert missing in "; ".join(proof.missing)


def test_a_dead_childs_orders_are_proven_by_the_ledger() -> None:
    """Its last words cannot count; the supervisor cancels and the ledger tells."""
    dead = with_child(child(life=Life.GONE, written_s=50.0, orders=[{"order_id": "0x1"}]))

    assert prove(dead, SWITCHED).is_complete
    open_still = replace(dead, ledger=Known(ledger(orders={"0x1": TOKENS[0]})))
    assert prove(open_still, SWITCHED).survivors == {"0x1": TOKENS[0]}


def test_where_nobody_lives_nothing_is_proven() -> None:
    dead = replace(
        PROVEN,
        supervisor=Known(supervisor(life=Life.GONE)),
        children=Known(Children((child(life=Life.GONE),), ())),
    )

    proof = prove(dead, SWITCHED)

    assert proof.nobody
    assert not proof.is_complete


def test_the_switch_says_who_and_when(tmp_path: Path) -> None:
    at = switch(tmp_path, by="operator")

    said = json.loads((tmp_path / KILL_FILE).read_text(encoding="utf-8"))
    assert said["by"] == "operator"
    assert said["at"] == at.wall_s


def later_ledger(house: House, **changes: Any) -> None:
    """The account is read a while after the switch."""
    read_s = {"account_read_at": time.time(), "account_read_boot_s": boot_s() + 60}
    read = {**GOOD_LEDGER, "open_orders": {}, **read_s, **changes}
    house.answer(answer("ledger", read))


def kill(house: House, *, timeout: float = 15.0) -> Any:
    return polyshared(
        "kill", "--json", "--timeout", str(timeout), "--data-dir", str(house.data_dir)
    )


def test_half_of_the_children_dead_the_others_prove(tmp_path: Path) -> None:
    with House(tmp_path, children={"open_orders": []}) as house:
        later_ledger(house)
        end(house.child_pid(TOKENS[0]))
        done = kill(house)

        assert (house.data_dir / KILL_FILE).exists()
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["proven"] is True


def test_a_child_that_hangs_is_never_taken_for_proof(tmp_path: Path) -> None:
    with House(tmp_path, children={"open_orders": []}) as house:
        later_ledger(house)
        freeze(house.child_pid(TOKENS[0]))
        done = kill(house, timeout=5.0)

    said = json.loads(done.stdout)["data_dirs"][str(house.data_dir)]
    assert done.returncode == 5
    assert said["missing"] == ["7132…0007 is stopped by a signal"]


def test_an_order_that_may_be_open_is_named(tmp_path: Path) -> None:
    with House(tmp_path, children={"open_orders": []}) as house:
        later_ledger(house, open_orders={"0xabc": TOKENS[0]})
        done = kill(house, timeout=5.0)

    assert done.returncode == 5
    assert json.loads(done.stdout)["data_dirs"][str(house.data_dir)]["survivors"] == {
        "0xabc": TOKENS[0]
    }


def test_nobody_running_is_exit_code_5_with_the_command_that_helps(tmp_path: Path) -> None:
    done = polyshared("kill", "--data-dir", str(tmp_path))

    assert done.returncode == 5
    assert "poly_maker_autorun.py --cancel-open" in done.stdout


def test_a_switch_that_cannot_be_set_is_exit_code_5_and_no_traceback(tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "such"

    done = polyshared("kill", "--timeout", "1", "--data-dir", str(nowhere))

    assert done.returncode == 5
    assert "not proven: KILL not set: No such file or directory" in done.stdout
    assert "--cancel-open" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_switch_that_cannot_be_set_stops_no_other(tmp_path: Path) -> None:
    first, second = Located(tmp_path / "gone", "supervisor"), Located(tmp_path, "supervisor")

    switched, failed = set_switches([first, second], by="me")

    assert [located for located, _ in switched] == [second]
    assert (tmp_path / KILL_FILE).exists()
    assert not failed[str(first.data_dir)].is_complete


def test_resume_asks_before_it_removes_the_switch(tmp_path: Path) -> None:
    (tmp_path / KILL_FILE).touch()

    asked = polyshared("resume", "--data-dir", str(tmp_path))
    assert asked.returncode == 1
    assert (tmp_path / KILL_FILE).exists()

    told = polyshared("resume", "--yes", "--data-dir", str(tmp_path))
    assert told.returncode == 0
    assert not (tmp_path / KILL_FILE).exists()
