"""Fills reach the ledger and the child at once, and when the channel is gone by REST."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.live_account import ADDRESS, live_account
from tests.support.program import eventually
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


def test_a_fill_is_told_at_once_and_the_child_acts_on_it_and_no_secret_is_logged(
    tmp_path: Path,
) -> None:
    """The child's answer, a sell, is on the book long before any read is due."""
    with running_simulator(tokens=1, no_flow=True) as sim, live_account(sim, tmp_path) as account:
        token = sim.tokens[0]
        account.wait_for_orders(1)
        before = sim.stats()["requests"]
        account.sell_to_us(token, 20)
        traded_at = time.time()
        eventually(lambda: account.held(token) == 20, within_s=2, what="the fill in the ledger")
        eventually(
            lambda: [order["side"] for order in account.ours()] == ["SELL"],
            within_s=3,
            what="the sell",
        )
        after = sim.stats()["requests"]

        assert after.get("GET /data/trades", 0) - before.get("GET /data/trades", 0) <= 1
        bodies = account.query("SELECT body FROM intents")
        assert account.run.stop() == 0
        owner = bodies[0][0].decode().split('"owner":"')[1].split('"')[0]
        assert ADDRESS.lower() not in owner
        assert owner not in account.log()
        (told,) = (line for line in account.log().splitlines() if "[FILL]" in line)
        stamp = datetime.fromisoformat(told.split()[0]).timestamp()
        assert stamp - traded_at < 0.5, "2 to 35 ms on a quiet machine"


def test_without_the_channel_fills_come_by_rest_and_at_once_again_after(tmp_path: Path) -> None:
    with running_simulator(tokens=1, no_flow=True) as sim, live_account(sim, tmp_path) as account:
        token = sim.tokens[0]
        account.wait_for_orders(1)
        sim.control(do="freeze", channel="user")
        account.sell_to_us(token, 8)
        began = time.monotonic()
        eventually(lambda: account.held(token) == 8, within_s=45, what="the fill, read by REST")
        assert time.monotonic() - began > 1, "the channel was frozen: nothing came by it"
        assert "event=corrected" in account.log()

        sim.control(do="thaw")
        sim.control(do="drop", channel="user")
        eventually(
            lambda: (
                sim.stats()["upgrades"]["user"] >= 2 and sim.stats()["connections"]["user"] == 1
            ),
            within_s=60,
            what="a new connection",
        )
        account.buy_from_us(token)
        eventually(lambda: account.held(token) == 0, within_s=2, what="the fill, by the channel")
        assert account.run.stop() == 0


def test_a_trade_that_fails_is_undone(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=1, no_flow=True, clock_scale=20) as sim,
        live_account(sim, tmp_path) as account,
    ):
        token = sim.tokens[0]
        account.wait_for_orders(1)
        sim.control(do="fail_trades", count=1)
        account.sell_to_us(token, 6)
        eventually(
            lambda: account.query("SELECT status FROM fills") == [("FAILED",)],
            within_s=40,
            what="the failure",
        )
        eventually(lambda: account.held(token) == 0, within_s=2, what="no position")
        assert account.run.stop() == 0
