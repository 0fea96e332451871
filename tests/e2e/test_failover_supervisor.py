"""Children of a supervisor that is suspended, restarted, killed, or silent for an hour."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.dialling import most_dialling
from tests.support.failover import (
    always_quoting,
    ask,
    is_quoting,
    live_on,
    starting_together,
    suspended,
)
from tests.support.program import Supervised, eventually, supervised
from tests.support.simulator import Simulator, addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

FAST = 120
QUIET_S, QUIET_IN_FULL_S = 900, 3600
RETRIES = 20
"""Questions that a loaded machine answers too late, and that are asked again."""

FEW, MANY = 8, 100


def quoting(run: Supervised, source: str, *, children: int = 2) -> bool:
    found = run.children().values()
    return len(found) == children and all(is_quoting(each, source) for each in found)


@pytest.mark.timeout(300)
def test_children_of_a_suspended_supervisor_dial_few_at_a_time_and_find_it_again(
    tmp_path: Path, *, is_full: bool
) -> None:
    """Eight of them in every run; a hundred take a minute of both processors."""
    children, leave_s, return_after_s = (MANY, 90, 30) if is_full else (FEW, 25, 5)
    with (
        running_simulator(tokens=children, tempers="steady") as sim,
        supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(
                tmp_path,
                scheduler={"max_concurrent_tasks": children},
                fallback_max_connections=children,
                fallback_return_after_s=return_after_s,
            ),
            directory=tmp_path,
            env=addresses(sim),
        ) as run,
    ):

        def all_quote(source: str) -> bool:
            return quoting(run, source, children=children)

        eventually(lambda: all_quote("shared"), within_s=60 + 2 * children, what="all on the file")
        pids = run.shown_pids(children)
        assert sim.stats()["connections"]["market"] == 1
        with suspended(run.process.pid):
            lost = time.monotonic()
            most = most_dialling(sim, lost_mono=lost, but=run.process.pid)
            left_s = lost + leave_s - time.monotonic()
            eventually(lambda: all_quote("direct"), within_s=left_s, what="all on their own lines")
            assert sim.stats()["connections"]["market"] == 1 + children
        eventually(lambda: all_quote("shared"), within_s=60, what="all back on the file")
        eventually(
            lambda: sim.stats()["connections"]["market"] == 1,
            within_s=20,
            what="the own lines are given back",
        )

        statuses = run.children().values()
        assert most == 5
        assert {each["switches"] for each in statuses} == {2}
        assert {each["last_switch"]["reason"] for each in statuses} == {"shared_healthy"}
        assert run.pids() == pids
        assert run.stop() == 0


def test_a_restarted_writer_is_followed_at_once(tmp_path: Path) -> None:
    """Its seq begins again at 1; the ancestor ignored it until seq had passed the old value.

    First the supervisor makes a new aggregator, as ``polyshared`` can ask it to. Then it is
    killed and another one started, which takes the children over as they are: they bear a
    silent writer for a minute here, so that none is on its own line before it is there.
    """
    outlives = {"on_supervisor_loss": "continue"}
    with running_simulator(tokens=2, tempers="busy") as sim:
        arguments = (
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path, scheduler=outlives, quote_max_age_s=60),
        )
        with supervised(*arguments, directory=tmp_path, env=addresses(sim)) as run:
            eventually(lambda: quoting(run, "shared"), within_s=60, what="both on the file")
            pids = sorted(run.shown_pids(2))
            before = versions_past(40, run, sim)
            ask(run, "restart")
            all_follow(run, before)
            sim.control(do="resume")
            before = versions_past(20, run, sim)
            run.process.kill()
            run.process.wait()
            try:
                with supervised(*arguments, directory=tmp_path, env=addresses(sim)) as second:
                    all_follow(second, before)
                    assert {each["switches"] for each in second.children().values()} == {0}
                    eventually(
                        lambda: sorted(second.pids()) == pids, within_s=30, what="the same children"
                    )
                    assert second.stop() == 0
            finally:
                for pid in filter(is_running, pids):
                    os.kill(pid, signal.SIGKILL)


def versions_past(seq: int, run: Supervised, sim: Simulator) -> dict[str, tuple[int, int]]:
    """Wait until a new writer's seq is a smaller one; then let the market rest."""
    eventually(
        lambda: all(each["seq"] > seq for each in run.children().values()),
        within_s=60,
        what=f"every seq past {seq}",
    )
    sim.control(do="pause")
    return {token: (each["epoch"], each["seq"]) for token, each in run.children().items()}


def all_follow(run: Supervised, before: dict[str, tuple[int, int]]) -> None:
    def follows(token: str) -> bool:
        status, (epoch, seq) = run.children()[token], before[token]
        return is_quoting(status, "shared") and status["epoch"] > epoch and status["seq"] < seq

    eventually(
        lambda: all(follows(token) for token in before),
        within_s=40,
        what="both children follow the new writer",
    )
    assert {each["switches"] for each in run.children().values()} == {0}


def test_children_of_a_killed_supervisor_cancel_and_end(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=3, tempers="quiet") as sim,
        supervised(
            *("--live", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *(*starting_together(tmp_path), *always_quoting(tmp_path)),
            directory=tmp_path,
            env=(env := live_on(sim)),
        ) as run,
    ):

        def open_at_the_exchange() -> int:
            return len(sim.control(do="orders", wallet=env["POLY_FUNDER"])["orders"])

        eventually(
            lambda: (
                len(run.children()) == 3
                and all(each["open_orders"] for each in run.children().values())
            ),
            within_s=60,
            what="an order of each child",
        )
        pids = run.shown_pids(3)
        assert open_at_the_exchange() >= 3
        run.process.send_signal(signal.SIGKILL)
        try:
            eventually(
                lambda: not any(is_running(pid) for pid in pids),
                within_s=15,
                what="all children have ended",
            )
        finally:
            for pid in filter(is_running, pids):
                os.kill(pid, signal.SIGKILL)
        assert open_at_the_exchange() == 0
        children = run.children().values()
        assert [(each["state"], each["exit_code"]) for each in children] == [("ended", 0)] * 3
        assert [each["open_orders"] for each in children] == [[], [], []]
        assert sum(each["counts"]["cancels"] for each in children) >= 3


def is_running(pid: int) -> bool:
    """Whether the process does anything yet; one that nobody reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_an_hour_without_an_event_is_no_reason_to_stop_quoting(
    tmp_path: Path, *, is_full: bool
) -> None:
    """A clock that runs fast, and real processes; a quarter of an hour in every run.

    On that clock a witness that takes 0.1 s comes 12 s late, and the quote is SUSPECT
    until then: what rests stays. That it is tradable without a pause is shown by
    ``test_quiet_hour.py``, where time is skipped and a machine's pause stays what it is.
    """
    quiet_s = QUIET_IN_FULL_S if is_full else QUIET_S
    with (
        running_simulator(tokens=2, no_flow=True, clock_scale=FAST) as sim,
        supervised(
            *("--live", "--no-repl", "--clock-scale", str(FAST)),
            *("--tokens", ",".join(sim.tokens)),
            *(*starting_together(tmp_path), *always_quoting(tmp_path)),
            directory=tmp_path,
            env=live_on(sim),
        ) as run,
    ):

        def both_rest() -> bool:
            return quoting(run, "shared") and all(
                each["open_orders"] for each in run.children().values()
            )

        eventually(both_rest, within_s=60, what="two children with resting orders")
        before = resting(run)
        pids, upgrades = run.shown_pids(2), sim.stats()["upgrades"]
        reads = rest_books(run)
        began = time.monotonic()
        hour_is_over = began + quiet_s / FAST
        seen = set()
        while time.monotonic() < hour_is_over:
            children = run.children().values()
            seen |= {(each["source"], each["quote"]["health"]) for each in children}
            assert resting(run) == before
            time.sleep(0.2)

        # Now and then REST is asked whether the quiet is true; what rests stays meanwhile.
        assert seen <= {("shared", "live"), ("shared", "quiet"), ("shared", "suspect")}
        assert ("shared", "quiet") in seen
        assert run.pids() == pids
        assert sim.stats()["upgrades"] == upgrades
        assert {each["switches"] for each in run.children().values()} == {0}
        # A verdict holds for a minute, and the next question goes out 10 s early.
        verdicts = (time.monotonic() - began) * FAST / 45 + 1
        assert 0 < rest_books(run) - reads <= 2 * verdicts + RETRIES
        assert run.stop() == 0


def rest_books(run: Supervised) -> int:
    """Return how many books the aggregator has asked REST for."""
    return int(run.status()["aggregator"]["rest_reads"]["books"])


def resting(run: Supervised) -> dict[str, list[str]]:
    """Return the ids of the resting orders by token."""
    return {
        token: [order["order_id"] for order in each["open_orders"]]
        for token, each in run.children().items()
    }
