"""Children of a supervisor that is suspended, killed, or has nothing to tell for an hour."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.failover import (
    always_quoting,
    is_quoting,
    live_on,
    starting_together,
    suspended,
)
from tests.support.program import Supervised, eventually, supervised
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

FAST = 120
QUIET_S, QUIET_IN_FULL_S = 900, 3600
RETRIES = 20
"""Questions that a loaded machine answers too late, and that are asked again."""


def quoting(run: Supervised, source: str) -> bool:
    children = run.children().values()
    return len(children) == 2 and all(is_quoting(each, source) for each in children)


def test_a_suspended_supervisor_is_left_and_found_again(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=2, tempers="steady") as sim,
        supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(tmp_path, fallback_return_after_s=5),
            directory=tmp_path,
            env=live_on(sim),
        ) as run,
    ):
        eventually(lambda: quoting(run, "shared"), within_s=60, what="two children on the file")
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
        pids, upgrades = run.pids(), sim.stats()["upgrades"]
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
