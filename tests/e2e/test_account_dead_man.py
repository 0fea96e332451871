"""The exchange cancels what a dead or hung supervisor cannot, and only that."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.live_account import ADDRESS, live_account
from tests.support.program import eventually
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SWEEP_S = 60
"""10 s of silence and a sweep every 5 s, on a busy machine."""
TRADED_ON_S = 90
"""Meanwhile the child has left the silent file for a line of its own, and comes back."""


def test_orders_of_a_machine_without_power_are_swept_and_foreign_ones_stay(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=2, no_flow=True) as sim,
        live_account(sim, tmp_path, tokens=2, risk={"dead_man": True}) as account,
    ):
        account.wait_for_orders(2)
        made = sim.control(
            do="foreign_order",
            wallet=ADDRESS,
            token=sim.tokens[0],
            side="BUY",
            price="0.02",
            size="50",
        )
        account.pull_the_plug()

        eventually(
            lambda: [order["id"] for order in account.orders()] == [made["order_id"]],
            within_s=SWEEP_S,
            what="only the foreign order",
        )
        assert sim.stats()["heartbeats"]["swept"] >= 1


def test_after_a_hang_the_sweep_is_told_read_and_traded_on(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=1, no_flow=True) as sim,
        live_account(sim, tmp_path, risk={"dead_man": True}) as account,
    ):
        (before,) = account.wait_for_orders(1)
        swept = sim.stats()["heartbeats"].get("swept", 0)
        os.kill(account.run.process.pid, signal.SIGSTOP)
        eventually(
            lambda: sim.stats()["heartbeats"].get("swept", 0) > swept,
            within_s=SWEEP_S,
            what="the sweep",
        )
        os.kill(account.run.process.pid, signal.SIGCONT)

        eventually(
            lambda: "event=swept" in account.log(), within_s=TRADED_ON_S, what="the sweep told"
        )
        eventually(
            lambda: [order["id"] for order in account.ours()] not in ([], [before]),
            within_s=TRADED_ON_S,
            what="a new order",
        )
        states = dict(account.query("SELECT order_id, state FROM intents"))
        assert states[before] == "closed"
        assert account.run.stop() == 0
        assert account.orders() == []


def test_beats_go_on_until_the_end_is_proven(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=1, no_flow=True) as sim,
        live_account(sim, tmp_path, risk={"dead_man": True}) as account,
    ):
        account.wait_for_orders(1)
        assert "dead_man=on" in account.log()
        assert account.run.stop() == 0

        assert sim.stats()["heartbeats"].get("swept", 0) == 0
        assert account.orders() == []
