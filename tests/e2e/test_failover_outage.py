"""The aggregator dies under its children; they trade on, and come back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from POLYMARKET_MAKER.supervisor import AGGREGATOR_RETRY_S
from tests.support.dialling import most_dialling, pause_until
from tests.support.failover import ask, is_quoting, starting_together, taking_the_place
from tests.support.program import Supervised, eventually, supervised
from tests.support.simulator import addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(330)]

CHILDREN = 8
HELD_BACK_S, HELD_BACK_IN_FULL_S = 30.0, 65.0
"""In full for longer than the supervisor waits before it tries once more."""
GREPPED = "无法启动 WS 聚合器"


def all_quote(run: Supervised, source: str) -> bool:
    children = run.children().values()
    return len(children) == CHILDREN and all(is_quoting(each, source) for each in children)


def refusals(tmp_path: Path) -> list[str]:
    """Return what the supervisor said of an aggregator that could not be started."""
    lines = (tmp_path / "out.txt").read_text("utf-8").splitlines()
    return [each for each in lines if GREPPED in each and "event=aggregator_start" in each]


def test_children_of_a_dead_aggregator_trade_on_and_come_back(
    tmp_path: Path, *, is_full: bool
) -> None:
    """Another program takes the writer's lock, which ends the aggregator, and writes nothing.

    While it has the lock no other aggregator can start. Afterwards the supervisor has one
    within a minute, by itself; to be there sooner the test asks for it, but not in full.
    """
    with (
        running_simulator(tokens=CHILDREN, tempers="steady") as sim,
        supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path),
            directory=tmp_path,
            env=addresses(sim),
        ) as run,
    ):
        eventually(lambda: all_quote(run, "shared"), within_s=80, what="all on the file")
        pids = run.shown_pids(CHILDREN)
        assert sim.stats()["connections"]["market"] == 1

        with taking_the_place(run, lane=False):
            lost = time.monotonic()
            assert most_dialling(sim, lost_mono=lost, but=run.process.pid) == 5
            eventually(
                lambda: all_quote(run, "direct"),
                within_s=lost + 25 - time.monotonic(),
                what="all on their own lines",
            )
            assert sim.stats()["connections"]["market"] == CHILDREN
            assert run.status()["aggregator"]["state"] == "failed"
            pause_until(lost + (HELD_BACK_IN_FULL_S if is_full else HELD_BACK_S))
            assert all_quote(run, "direct")
            assert len(refusals(tmp_path)) == (2 if is_full else 1)

        if not is_full:
            ask(run, "restart")
        eventually(
            lambda: run.status()["aggregator"]["state"] == "serving",
            within_s=AGGREGATOR_RETRY_S + 10,
            what="another aggregator",
        )
        eventually(lambda: all_quote(run, "shared"), within_s=45, what="all back on the file")
        eventually(
            lambda: sim.stats()["connections"]["market"] == 1,
            within_s=20,
            what="the own lines are given back",
        )
        statuses = run.children().values()
        assert {each["switches"] for each in statuses} == {2}
        assert {each["last_switch"]["reason"] for each in statuses} == {"shared_healthy"}
        assert run.pids() == pids
        assert run.stop() == 0
