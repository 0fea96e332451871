"""Children killed again and again between writing an order down and hearing of it."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.live_account import LiveAccount, live_account
from tests.support.program import eventually
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOKENS, TOKENS_IN_FULL = 4, 10
KILLS, KILLS_IN_FULL = 6, 50
NEVER_GIVE_UP = {"max_chase_s": 86_400}
NO_CAPS = {"max_notional_per_token": 500, "max_notional_total": 5000, "max_order_errors": 1000}


def kill_who_waits(account: LiveAccount, killed: set[str], most: int) -> None:
    """Kill each child whose order was written down and not answered yet."""
    waiting = account.query("SELECT order_id, token_id FROM intents WHERE state = 'intended'")
    tasks = account.run.status()["tasks"]
    for order_id, token in waiting:
        pid = tasks[token]["pid"]
        if order_id not in killed and pid is not None and len(killed) < most:
            os.kill(pid, signal.SIGKILL)
            killed.add(order_id)


def one_a_token(account: LiveAccount) -> bool:
    """Hold that no token has two orders; return whether each has one."""
    count = Counter(order["asset_id"] for order in account.orders())
    assert max(count.values(), default=0) <= 1, count
    return len(count) == len(account.sim.tokens)


def stays_one_a_token(account: LiveAccount) -> bool:
    """Return whether each token has one order, and goes on to for three seconds."""
    until = time.monotonic() + 3
    while one_a_token(account):
        if time.monotonic() > until:
            return True
    return False


def test_each_child_has_exactly_one_order_in_the_end(tmp_path: Path, *, is_full: bool) -> None:
    """The channel says nothing: it would be faster than the answer."""
    kills, tokens = (KILLS_IN_FULL, TOKENS_IN_FULL) if is_full else (KILLS, TOKENS)
    with running_simulator(tokens=tokens, no_flow=True, clock_scale=20) as sim:
        sim.control(
            do="fault", path="/order", method="POST", kind="slow_after", count=10_000, seconds=1
        )
        options = ("--clock-scale", "20")
        with live_account(
            sim, tmp_path, *options, tokens=tokens, risk=NO_CAPS, maker=NEVER_GIVE_UP
        ) as account:
            killed: set[str] = set()
            eventually(
                lambda: sim.stats()["connections"]["user"] == 1, within_s=30, what="the channel"
            )
            sim.control(do="freeze", channel="user")

            def enough() -> bool:
                one_a_token(account)
                kill_who_waits(account, killed, kills)
                return len(killed) >= kills

            eventually(enough, within_s=240, what=f"{kills} kills")
            # What a killed child left is cancelled before its successor places: that may be yet
            # to come when each token has one for the first time.
            eventually(lambda: stays_one_a_token(account), within_s=120, what="one order a token")
            ours = {order["id"] for order in account.ours()}
            assert {order["id"] for order in account.orders()} == ours
            assert account.run.stop() == 0
            assert account.orders() == []
