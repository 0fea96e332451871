"""``polyshared kill`` on a real house: the proof is never given while the exchange shows orders."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.diagnosis import trading
from tests.support.failover import suspended
from tests.support.program import Ended, Supervised, eventually, run_program
from tests.support.simulator import Simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_kill_proves_with_a_child_that_hangs_with_half_of_them_dead_and_with_none_alive(
    tmp_path: Path,
) -> None:
    with trading(tmp_path, tokens=3) as (run, sim):
        with suspended(run.pids()[0]):
            while_one_hangs = kill(run, timeout_s=3)
            left_by_it = open_orders(sim)
        when_it_goes_on = kill(run, timeout_s=90)
        left_then = open_orders(sim)

        trade_again(run, sim)
        for pid in run.pids()[:2]:
            os.kill(pid, signal.SIGKILL)
        with_half_dead = kill(run, timeout_s=90)
        left_by_half = open_orders(sim)

        trade_again(run, sim)
        for pid in (run.process.pid, *run.pids()):
            os.kill(pid, signal.SIGKILL)
        run.process.wait(10)
        with_none = kill(run, timeout_s=90)
        left_by_all = open_orders(sim)

    assert (while_one_hangs.code, len(left_by_it)) == (5, 1)
    assert "is stopped by a signal" in while_one_hangs.out
    assert (when_it_goes_on.code, left_then) == (0, [])
    assert (with_half_dead.code, left_by_half) == (0, [])
    assert with_none.code == 5
    assert left_by_all
    assert set(left_by_all) <= set(of(run, with_none)["survivors"])


def kill(run: Supervised, *, timeout_s: float) -> Ended:
    command = ("-m", "polyshared", "kill", "--json", "--timeout", str(timeout_s))
    return run_program(*command, "--data-dir", str(run.data), timeout_s=timeout_s + 60)


def of(run: Supervised, ended: Ended) -> dict[str, Any]:
    """Return what a kill said of the data directory."""
    said = json.loads(ended.out)["data_dirs"][str(run.data)]
    assert isinstance(said, dict)
    return said


def open_orders(sim: Simulator) -> list[str]:
    return [order["id"] for order in sim.control(do="orders")["orders"]]


def trade_again(run: Supervised, sim: Simulator) -> None:
    command = ("-m", "polyshared", "resume", "--yes", "--data-dir", str(run.data))
    assert run_program(*command).code == 0

    def all_trade() -> bool:
        tokens = {order["asset_id"] for order in sim.control(do="orders")["orders"]}
        return tokens == set(sim.tokens) and len(run.pids()) == len(sim.tokens)

    eventually(all_trade, within_s=90, what="an order of each child")
