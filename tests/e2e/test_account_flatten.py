"""``--flatten`` sells what the ledger holds, and what else the wallet has stays as it is."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_account import ADDRESS, LiveAccount, live_account
from tests.support.program import eventually, read_json
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def foreign_order(sim: Simulator, token: str, side: str, price: str) -> str:
    made = sim.control(
        do="foreign_order", wallet=ADDRESS, token=token, side=side, price=price, size="5"
    )
    return str(made["order_id"])


def open_orders(account: LiveAccount) -> dict[str, Any]:
    """Return what is left of every open order of the wallet, by id."""
    return {order["id"]: order["size_matched"] for order in account.orders()}


def trade(account: LiveAccount, token: str) -> None:
    """Buy from a stranger and sell to another."""
    account.sell_to_us(token, 20)
    eventually(lambda: account.held(token) == 20, within_s=30, what="the buy")
    account.buy_from_us(token)
    eventually(lambda: account.held(token) == 0, within_s=30, what="the sell")


def buy_some(account: LiveAccount, token: str) -> None:
    """Let strangers sell to us until we hold some; the order they meet may just be moving."""

    def is_held() -> bool:
        with suppress(AssertionError):
            account.sell_to_us(token, 15)
            eventually(lambda: account.held(token) > 0, within_s=5, what="the fill")
        return account.held(token) > 0

    eventually(is_held, within_s=120, what=f"shares of {token}")


def is_proven_killed(account: LiveAccount, since: float) -> bool:
    children = account.run.data / "children"
    return all(
        (read_json(children / f"{token}.json")["kill_proven_at"] or 0) >= since
        for token in account.sim.tokens
    )


def test_foreign_orders_and_shares_outlive_trading_a_kill_and_a_flatten(tmp_path: Path) -> None:
    """Shares of the very tokens that are traded, and orders on both sides."""
    with running_simulator(tokens=2, no_flow=True) as sim:
        first, second = sim.tokens
        sim.control(do="fund", wallet=ADDRESS, usd="1000", shares={first: "7", second: "6.5"})
        foreign = {
            foreign_order(sim, first, "BUY", "0.02"): "0",
            foreign_order(sim, second, "SELL", "0.98"): "0",
        }
        with live_account(sim, tmp_path, tokens=2) as account:
            account.wait_for_orders(2)
            trade(account, first)
            account.sell_to_us(second, 12)
            eventually(lambda: account.held(second) == 12, within_s=30, what="shares of the second")
            os.kill(account.shown_pid(first), signal.SIGKILL)
            buy_some(account, first)

            ended = account.errand("--flatten", "--yes")
            assert ended.code == 3, ended.out
            assert "another supervisor runs here" in ended.err

            (account.run.data / "KILL").touch()
            killed_at = time.time()
            eventually(
                lambda: is_proven_killed(account, killed_at), within_s=30, what="the kill's proof"
            )
            assert open_orders(account) == foreign
            assert account.run.stop() == 0

            ended = account.errand("--flatten", "--yes")
            assert (ended.code, ended.out.count("sold")) == (2, 0)
            assert "KILL" in ended.err

            (account.run.data / "KILL").unlink()
            held = {token: account.held(token) for token in sim.tokens}
            for token in sim.tokens:
                for price, size in (("0.40", "8"), ("0.39", "100")):
                    sim.control(do="quote", token=token, side="BUY", price=price, size=size)
            ended = account.errand("--flatten")
            assert ended.code == 2
            assert "no terminal to ask at" in ended.err
            assert ended.out.count("not below") == 1, "it shows what it would do"
            assert {token: account.held(token) for token in sim.tokens} == held

            ended = account.errand("--flatten", "--token", first[-6:], "--yes")
            assert ended.code == 0, ended.out + ended.err
            assert (account.held(first), account.held(second)) == (0, held[second])

            sim.control(do="trade", token=second, side="SELL", size="1000000")
            ended = account.errand("--flatten", "--yes")
            assert ended.code == 1, "nothing is open, and something is still held"
            assert "12 shares still held: nobody bids" in ended.out

            sim.control(do="quote", token=second, side="BUY", price="0.40", size="100")
            ended = account.errand("--flatten", "--yes")
            assert ended.code == 0, ended.out + ended.err
            assert "no order of ours is open" in ended.out
            assert all(account.held(token) < 0.01 for token in sim.tokens)
            left = {first: pytest.approx(7, abs=0.01), second: pytest.approx(6.5, abs=0.01)}
            assert account.shares() == left
            assert open_orders(account) == foreign

            ended = account.errand("--flatten", "--yes")
            assert ended.code == 0
            assert "nothing to do" in ended.out
