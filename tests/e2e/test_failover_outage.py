"""Many children lose the snapshot at the same moment, trade on, and come back."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.failover import (
    Family,
    always_quoting,
    connections_to,
    family,
    feeding,
    is_quoting,
    live_on,
    starting_together,
    suspended,
)
from tests.support.program import Supervised, eventually, supervised
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WRITER_SILENT_S = 10.0
LATEST_LEAVER_S = 17.0
"""A writer's silence, a second until it is seen, the longest jitter, and a little."""


def most_dialling(children: Family, sim: Simulator, *, lost_mono: float) -> int:
    """Suspend the exchange while everybody wants to dial; return the most that did at once.

    It accepts nobody, so who dials stays there and can be counted: by the system's own
    table of connections, not by anything that the children say.
    """
    pause_until(lost_mono + 1)
    before, most = connections_to(sim), 0
    pause_until(lost_mono + WRITER_SILENT_S - 1)
    with suspended(sim.process.pid):
        while time.monotonic() < lost_mono + LATEST_LEAVER_S:
            most = max(most, connections_to(sim) - before)
            time.sleep(0.05)
    assert children.ended() == []
    return most


def pause_until(mono: float) -> None:
    time.sleep(max(0.0, mono - time.monotonic()))


def test_children_of_a_dead_aggregator_trade_on_and_come_back(tmp_path: Path) -> None:
    """Its restart is held back for a minute, as the report's never came."""
    with (
        running_simulator(tokens=8, tempers="steady") as sim,
        family(tmp_path, sim) as children,
    ):
        with feeding(children.cache, sim, sim.tokens) as feed:
            for token in sim.tokens:
                children.start(token)
            children.all_quote("shared", within_s=60)
            feed.kill()
            lost = time.monotonic()
            most = most_dialling(children, sim, lost_mono=lost)
            children.all_quote("direct", within_s=lost + 25 - time.monotonic())
            pause_until(lost + 60)
            assert children.quoting("direct") == 8

        with feeding(children.cache, sim, sim.tokens):
            children.all_quote("shared", within_s=45)
            eventually(
                lambda: sim.stats()["connections"]["market"] == 1,
                within_s=5,
                what="the own lines are given back",
            )

        statuses = [children.status(token) for token in sim.tokens]
        assert most == 5
        assert {each["switches"] for each in statuses} == {2}
        assert {each["last_switch"]["reason"] for each in statuses} == {"shared_healthy"}
        assert children.ended() == []


MANY = 100


def test_a_hundred_children_lose_the_snapshot_at_once(tmp_path: Path) -> None:
    params = {"feed": {"fallback_max_connections": MANY}}
    with (
        running_simulator(tokens=MANY, tempers="steady") as sim,
        family(tmp_path, sim) as children,
    ):
        with feeding(children.cache, sim, sim.tokens) as feed:
            for number, token in enumerate(sim.tokens, start=1):
                children.start(token, params=params)
                if number % 10 == 0:
                    children.all_quote("shared", within_s=60)
            feed.kill()
            lost = time.monotonic()
            most = most_dialling(children, sim, lost_mono=lost)
            children.all_quote("direct", within_s=lost + 90 - time.monotonic())

        with feeding(children.cache, sim, sim.tokens):
            children.all_quote("shared", within_s=60)

        assert most == 5
        assert children.ended() == []


def test_a_restarted_feed_is_followed_at_once(tmp_path: Path) -> None:
    """Its seq begins again at 1; the ancestor ignored it until seq had passed the old value."""
    with (
        running_simulator(tokens=2, tempers="busy") as sim,
        family(tmp_path, sim) as children,
    ):
        with feeding(children.cache, sim, sim.tokens) as feed:
            for token in sim.tokens:
                children.start(token)
            children.all_quote("shared", within_s=40)
            eventually(
                lambda: all(children.status(token)["seq"] > 40 for token in sim.tokens),
                within_s=40,
                what="a seq that a new feed does not have",
            )
            before = {token: children.status(token) for token in sim.tokens}
            feed.kill()

        with feeding(children.cache, sim, sim.tokens):
            eventually(
                lambda: all(
                    is_quoting(now := children.status(token), "shared")
                    and now["epoch"] > before[token]["epoch"]
                    and now["seq"] < before[token]["seq"]
                    for token in sim.tokens
                ),
                within_s=5,
                what="both children follow the new feed",
            )
        assert {children.status(token)["switches"] for token in sim.tokens} == {0}


def quoting(run: Supervised, source: str) -> bool:
    children = run.children().values()
    return len(children) == 2 and all(is_quoting(each, source) for each in children)


def test_a_suspended_supervisor_is_left_and_found_again(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=2, tempers="steady") as sim,
        supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path),
            directory=tmp_path,
            env=live_on(sim),
        ) as run,
    ):
        eventually(lambda: quoting(run, "shared"), within_s=40, what="two children on the file")
        assert sim.stats()["connections"]["market"] == 1
        with suspended(run.process.pid):
            eventually(lambda: quoting(run, "direct"), within_s=25, what="both on their own lines")
        eventually(lambda: quoting(run, "shared"), within_s=60, what="both back on the file")
        assert run.stop() == 0


def test_children_of_a_killed_supervisor_cancel_and_end(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=3, tempers="quiet") as sim,
        supervised(
            *("--live", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *(*starting_together(tmp_path), *always_quoting(tmp_path)),
            directory=tmp_path,
            env=live_on(sim),
        ) as run,
    ):
        eventually(
            lambda: (
                len(run.children()) == 3
                and all(each["open_orders"] for each in run.children().values())
            ),
            within_s=60,
            what="an order of each child",
        )
        pids = run.pids()
        assert len(pids) == 3
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


def test_an_hour_without_an_event_is_no_reason_to_stop_quoting(tmp_path: Path) -> None:
    """A clock that runs 60 times as fast; PING and the line's own durations stay real."""
    with (
        running_simulator(tokens=2, no_flow=True, clock_scale=60) as sim,
        supervised(
            *("--live", "--no-repl", "--clock-scale", "60", "--tokens", ",".join(sim.tokens)),
            *(*starting_together(tmp_path), *always_quoting(tmp_path)),
            directory=tmp_path,
            env=live_on(sim),
        ) as run,
    ):

        def both_rest() -> bool:
            return quoting(run, "shared") and all(
                each["open_orders"] for each in run.children().values()
            )

        eventually(both_rest, within_s=40, what="two children with resting orders")
        before = resting(run)
        pids, upgrades = run.pids(), sim.stats()["upgrades"]
        hour_is_over = time.monotonic() + 3600 / 60
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
        assert run.stop() == 0


def resting(run: Supervised) -> dict[str, list[str]]:
    """Return the ids of the resting orders by token."""
    return {
        token: [order["order_id"] for order in each["open_orders"]]
        for token, each in run.children().items()
    }
