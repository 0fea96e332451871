"""``--cancel-open`` after a power cut, and ``--pnl``: what was won, and what can be redeemed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.live_account import ADDRESS, live_account
from tests.support.program import eventually
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_after_a_power_cut_orders_are_cancelled_and_results_told_without_a_supervisor(
    tmp_path: Path,
) -> None:
    table = tmp_path / "result.csv"
    with running_simulator(tokens=2, no_flow=True) as sim:
        first, second = sim.tokens
        with live_account(sim, tmp_path, tokens=2) as account:
            account.wait_for_orders(2)
            account.sell_to_us(first, 20)
            eventually(
                lambda: [each["side"] for each in account.ours(first)] == ["SELL"],
                within_s=30,
                what="20 shares, on offer",
            )
            account.wait_for_orders(2)
            wanted = {"wallet": ADDRESS, "token": second, "side": "BUY", "price": "0.02"}
            foreign = sim.control(do="foreign_order", size="50", **wanted)["order_id"]
            account.pull_the_plug()
            assert account.ours()

            ended = account.errand("--cancel-open")
            assert ended.code == 0, ended.out + ended.err
            assert "no order of ours is open" in ended.out
            assert [order["id"] for order in account.orders()] == [foreign]

            ended = account.errand("--pnl", "--csv", str(table))
            assert (ended.code, "redeem" in ended.out) == (0, False)
            rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
            (row,) = (each for each in rows if each["token_id"] == first)
            assert (row["size"], row["fills"], row["redeemable"]) == ("20", "1", "no")

            sim.control(do="resolve", token=first)
            ended = account.errand("--pnl", "--csv", str(table))
            assert ended.code == 0
            (told,) = (line for line in ended.out.splitlines() if "redeem on" in line)
            assert "20 shares" in told
            assert table.read_text(encoding="utf-8").count(",yes\n") == 1

            sim.control(do="fault", path="/data-api/*", kind="500", count=100)
            ended = account.errand("--pnl", "--csv", str(table))
            assert ended.code == 0
            assert "what can be redeemed is not known" in ended.out
            assert ",yes\n" not in table.read_text(encoding="utf-8")

            ended = account.errand("--pnl", "--csv", str(tmp_path))
            assert ended.code == 2
            assert "cannot be written" in ended.err
