"""An exchange that we cannot sign for ends the program, one that does not answer does not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.live_account import live_account
from tests.support.program import eventually
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_an_order_version_that_cannot_be_signed_is_exit_4_and_one_sentence(tmp_path: Path) -> None:
    with running_simulator(tokens=1, no_flow=True) as sim:
        sim.control(do="version", version=3)
        with live_account(sim, tmp_path) as account:
            code = account.run.process.wait(90)
            told = [line for line in account.log().splitlines() if "order version 3" in line]
            requests = sim.stats()["requests"]

        assert code == 4
        assert len({line for line in told if not line.startswith("20")}) == 1, told
        assert "Traceback" not in account.log()
        assert "POST /order" not in requests
        assert account.orders() == []


def test_an_exchange_that_does_not_answer_is_waited_for_and_nothing_stands_still(
    tmp_path: Path,
) -> None:
    """It takes connections and is silent: the worst kind, each request takes its whole deadline."""
    with running_simulator(tokens=1, no_flow=True) as sim:
        os.kill(sim.process.pid, signal.SIGSTOP)
        try:
            with live_account(sim, tmp_path) as account:
                eventually(lambda: bool(account.run.status()), within_s=60, what="a status file")
                written: set[float] = set()

                def turns() -> bool:
                    status = account.run.status()
                    written.add(status["written_at"])
                    return len(written) >= 5 and status["venue"]["state"] == "unreachable"

                eventually(turns, within_s=60, what="a loop that turns, and the reason told")
                assert account.run.process.poll() is None
                assert account.run.status()["tasks"][sim.tokens[0]]["pid"] is None

                os.kill(sim.process.pid, signal.SIGCONT)
                account.wait_for_orders(1, within_s=60)
                eventually(
                    lambda: account.run.status()["venue"]["state"] == "open",
                    within_s=30,
                    what="a status that says so",
                )
                assert account.run.stop() == 0
        finally:
            os.kill(sim.process.pid, signal.SIGCONT)


def test_a_stop_while_the_exchange_is_silent_ends_the_program(tmp_path: Path) -> None:
    """It never had an account, so nothing of it can be open."""
    with running_simulator(tokens=1, no_flow=True) as sim:
        os.kill(sim.process.pid, signal.SIGSTOP)
        try:
            with live_account(sim, tmp_path) as account:
                eventually(
                    lambda: account.run.status()["state"] == "running",
                    within_s=60,
                    what="a supervisor that waits",
                )
                assert account.run.stop() == 0
        finally:
            os.kill(sim.process.pid, signal.SIGCONT)
