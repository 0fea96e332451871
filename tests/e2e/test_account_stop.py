"""Stop, kill and a killed child: nothing of ours stays, nothing foreign goes, nothing twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.log import short
from tests.support.live_account import ADDRESS, LiveAccount, live_account
from tests.support.program import eventually, read_json
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def foreign_order(sim: Simulator, token: str) -> str:
    """Rest an order of the same wallet that the program did not place."""
    made = sim.control(
        do="foreign_order", wallet=ADDRESS, token=token, side="BUY", price="0.02", size="50"
    )
    return str(made["order_id"])


def ids(orders: list[dict[str, Any]]) -> list[str]:
    return [order["id"] for order in orders]


def one_order(account: LiveAccount, token: str) -> str:
    """Return the id of our order on a token; it may be on its way from one price to another."""
    found: list[str] = []

    def is_one() -> bool:
        found[:] = ids(account.ours(token))
        return len(found) == 1

    eventually(is_one, within_s=30, what="one order")
    return found[0]


def child(account: LiveAccount, token: str) -> dict[str, Any]:
    return read_json(account.run.data / "children" / f"{token}.json")


def test_a_kill_cancels_what_is_ours_proves_it_and_the_processes_stay(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=2, no_flow=True) as sim,
        live_account(sim, tmp_path, tokens=2) as account,
    ):
        account.wait_for_orders(2)
        foreign = foreign_order(sim, sim.tokens[0])
        pids = account.run.shown_pids(2)
        switched_at = time.time()
        (account.run.data / "KILL").touch()

        eventually(
            lambda: all(
                child(account, token)["kill_proven_at"] >= switched_at for token in sim.tokens
            ),
            within_s=60,
            what="the proof of both children",
        )
        assert ids(account.orders()) == [foreign]
        assert account.run.pids() == pids
        eventually(
            lambda: all(not child(account, token)["open_orders"] for token in sim.tokens),
            within_s=30,
            what="both children say so",
        )

        (account.run.data / "KILL").unlink()
        account.wait_for_orders(2)
        eventually(
            lambda: all(child(account, token)["kill_proven_at"] is None for token in sim.tokens),
            within_s=30,
            what="both children trade",
        )
        assert account.run.stop() == 0
        assert ids(account.orders()) == [foreign]


def test_a_start_with_the_kill_switch_set_places_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "KILL").touch()
    with running_simulator(tokens=1, no_flow=True) as sim, live_account(sim, tmp_path) as account:
        eventually(
            lambda: child(account, sim.tokens[0])["kill_proven_at"] is not None,
            within_s=30,
            what="the proof",
        )
        assert account.run.stop() == 0
        assert sim.stats().get("orders", {}).get("accepted", 0) == 0


def test_a_stop_that_cannot_be_proven_names_the_survivors(tmp_path: Path) -> None:
    with running_simulator(tokens=1, no_flow=True) as sim, live_account(sim, tmp_path) as account:
        (order_id,) = account.wait_for_orders(1)
        sim.control(do="fault", path="/orders", method="DELETE", kind="500", count=100_000)

        assert account.run.stop(timeout_s=90) == 5
        assert f"may still be open: {order_id}" in account.log()
        assert ids(account.ours()) == [order_id]


def test_orders_of_a_killed_child_are_gone_within_five_seconds_and_before_the_next(
    tmp_path: Path,
) -> None:
    with (
        running_simulator(tokens=2, no_flow=True) as sim,
        live_account(sim, tmp_path, tokens=2) as account,
    ):
        token, other = sim.tokens
        account.wait_for_orders(2)
        foreign = foreign_order(sim, token)
        left, kept = one_order(account, token), one_order(account, other)
        os.kill(account.shown_pid(token), signal.SIGKILL)

        eventually(lambda: left not in ids(account.orders()), within_s=5, what="no old order")
        eventually(lambda: len(account.ours(token)) == 1, within_s=40, what="one new order")
        assert ids(account.ours(other)) == [kept], "the other child was not disturbed"
        assert foreign in ids(account.orders())
        assert account.run.stop() == 0
        assert ids(account.orders()) == [foreign]


def test_a_child_waits_for_its_successor_until_the_exchange_answers(tmp_path: Path) -> None:
    """No new child while orders of the old one may be open; the others go on."""
    with (
        running_simulator(tokens=2, no_flow=True) as sim,
        live_account(sim, tmp_path, tokens=2) as account,
    ):
        token, other = sim.tokens
        account.wait_for_orders(2)
        first = account.shown_pid(token)
        sim.control(do="fault", path="/orders", method="DELETE", kind="500", count=100_000)
        one_order(account, token)  # from now on it cannot be replaced
        os.kill(first, signal.SIGKILL)

        eventually(
            lambda: account.run.status()["tasks"][token]["status"] == "restarting",
            within_s=60,
            what="the end noticed",
        )
        until = time.monotonic() + 6  # its wait is one second
        while time.monotonic() < until:
            status = account.run.status()
            assert status["tasks"][token]["pid"] is None
            assert status["clearing"] == [token], "and it is told"
            assert time.time() - status["written_at"] < 3, "the supervisor's loop stands still"
            assert time.time() - child(account, other)["written_at"] < 3
            time.sleep(0.2)
        sim.control(do="clear_faults")
        eventually(
            lambda: account.pid_of(token) not in (None, first),
            within_s=30,
            what="a new child",
        )
        assert account.run.status()["clearing"] == []
        eventually(lambda: len(account.ours(token)) == 1, within_s=30, what="its order")
        assert account.run.stop() == 0


def test_a_child_killed_between_intent_and_answer_has_one_order_in_the_end(tmp_path: Path) -> None:
    """The order got there, its answer is on its way for a second, its child is no more."""
    with running_simulator(tokens=1, no_flow=True) as sim:
        sim.control(do="fault", path="/order", method="POST", kind="slow_after", count=1, seconds=3)
        with live_account(sim, tmp_path) as account:
            token = sim.tokens[0]
            eventually(
                lambda: account.query("SELECT count(*) FROM intents") == [(1,)],
                within_s=30,
                what="an intent",
            )
            os.kill(account.shown_pid(token), signal.SIGKILL)
            eventually(
                lambda: len(account.run.status()["tasks"][token]["notes"]) >= 3,
                within_s=60,
                what="a second child",
            )
            eventually(lambda: len(account.ours()) == 1, within_s=40, what="one order")

            def agree() -> bool:
                known = account.query("SELECT order_id, state FROM intents")
                placed = {order_id for order_id, state in known if state == "placed"}
                return len(placed) == 1 and placed == set(ids(account.orders()))

            eventually(agree, within_s=60, what="one order, known here as well")
            assert account.run.stop() == 0
            assert account.orders() == []


def test_a_stop_before_the_exchange_was_ever_reached_does_not_call_orders_gone(
    tmp_path: Path,
) -> None:
    """A run that was killed left an order; the next one never gets as far as the account."""
    with running_simulator(tokens=1, no_flow=True) as sim:
        with live_account(sim, tmp_path) as account:
            sim.control(do="fault", path="/orders", method="DELETE", kind="500", count=100_000)
            order_id = one_order(account, sim.tokens[0])  # and it cannot be replaced
            account.pull_the_plug()
            assert ids(account.ours()) == [order_id]
        sim.control(do="fault", path="/version", kind="500", count=100_000)
        with live_account(sim, tmp_path) as account:
            eventually(
                lambda: account.run.status()["venue"]["state"] == "unreachable",
                within_s=60,
                what="an exchange that cannot be reached",
            )
            assert account.run.stop(timeout_s=90) == 5
            assert f"may still be open: {order_id}" in account.log()

        # An exchange that takes no order of ours ends the program, but lets it cancel.
        sim.control(do="clear_faults")
        sim.control(do="version", version=3)
        refused = account.errand()
        assert refused.code == 4
        assert account.orders() == []
        assert "may still be open" not in refused.err


def test_orders_of_a_token_that_nobody_trades_after_a_power_cut_are_cancelled(
    tmp_path: Path,
) -> None:
    """The next run trades one token of two; a child that has orders there joins them."""
    with running_simulator(tokens=2, no_flow=True) as sim:
        kept, left = sim.tokens
        with live_account(sim, tmp_path, tokens=2) as account:
            account.wait_for_orders(2)
            foreign = foreign_order(sim, left)
            sim.control(do="fault", path="/orders", method="DELETE", kind="500", count=100_000)
            one_order(account, kept)
            order_id = one_order(account, left)
            account.pull_the_plug()
            assert order_id in ids(account.ours(left))
        sim.control(do="clear_faults")
        with live_account(sim, tmp_path) as account:
            eventually(
                lambda: not account.ours(left), within_s=60, what="nothing of the other token"
            )
            assert f"event=unattended token={short(left)}" in account.log()
            # Its child joined its order, or cancels it for a new one.
            eventually(lambda: len(account.ours(kept)) == 1, within_s=60, what="the other's order")
            assert account.run.stop() == 0
            assert ids(account.orders()) == [foreign]
