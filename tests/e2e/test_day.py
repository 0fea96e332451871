"""A day's events in minutes: tokens come and go, and everything that can fail does.

A short day is part of the suite. ``make day`` is the full one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.day import Day, Plan, day
from tests.support.live_account import ADDRESS
from tests.support.simulator import running_simulator
from tests.torture.stage import small_disk

SHORT = Plan(tokens=8, slots=4, crashes=2, hangs=1)
FULL = Plan(tokens=50, slots=17, crashes=5, hangs=2)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], *, is_full: bool) -> Callable[[str], None]:
    """Return what prints a line: at once in the full day, else only if the test fails."""

    def write(line: str) -> None:
        with capsys.disabled() if is_full else nullcontext():
            sys.stdout.write(f"\n  {line}")
            sys.stdout.flush()

    return write


def test_after_a_day_of_trouble_nothing_was_lost_and_nothing_was_done_twice(
    tmp_path: Path, say: Callable[[str], None], *, is_full: bool
) -> None:
    plan = FULL if is_full else SHORT
    with (
        small_disk("64m") as disk,
        running_simulator(tokens=plan.tokens, no_flow=True, usd=100_000) as sim,
        day(sim, tmp_path, disk, plan, say) as today,
    ):
        groups = [sim.tokens[at : at + plan.slots] for at in range(0, plan.tokens, plan.slots)]
        today.begin()
        _morning(today, groups[0], disk)
        for leaving, coming in pairwise(groups):
            _change(today, leaving, coming, is_killed=leaving is groups[0])
        _evening(today, groups)
        _night(today, groups)
        _nothing_was_lost(today)
    if disk is None:
        pytest.skip("all else held, but the disk was never full: mounting a tmpfs needs root")


def _morning(today: Day, group: list[str], disk: Path | None) -> None:
    """The first tokens come; children crash while the exchange restarts, hang on a full disk."""
    today.accounts_buy(group)
    today.until_quoting(group)
    assert today.handled() == set(group)
    today.note(f"{len(group)} tokens are quoted")
    today.strangers_sell_to_us(group[::2])
    today.until_settled()
    today.note("half of them are held")

    with today.exchange_restarts():
        crashed = today.crash(group[: today.plan.crashes])
    today.until_replaced(crashed)
    today.until_quoting(group)
    today.exchange_is_back()
    today.note("the crashed are back")

    hung = today.hang(group[-today.plan.hangs :])
    with today.full_disk(disk / "filler") if disk is not None else nullcontext():
        today.until_hung(hung)
        today.note("the hung are found, on a full disk" if disk else "the hung are found")
    today.until_replaced(hung)
    today.until_quoting(group)
    today.note("the hung are replaced")


def _change(today: Day, leaving: list[str], coming: list[str], *, is_killed: bool) -> None:
    """Accounts buy what waits for a slot, and sell what holds one."""
    today.accounts_buy(coming)
    today.accounts_sell(leaving)
    if is_killed:
        today.until_first_signal_of(leaving)
        today.kill_supervisor()
        today.begin()
    today.until_signals_are_done()
    today.note(f"{len(leaving)} tokens are sold")
    today.until_quoting(coming)
    today.strangers_sell_to_us(coming[::2])
    today.until_settled()
    today.note(f"{len(coming)} tokens took their slots")


def _evening(today: Day, groups: list[list[str]]) -> None:
    """A market ends, an old token returns; the supervisor dies, and one child cannot hear it."""
    last = groups[-1]
    today.sim.control(do="resolve", token=last[0])
    today.until_gone(last[0])
    back = groups[0][0]
    today.accounts_buy([back])
    today.until_quoting([back, *last[1:]])
    today.hang([back])
    today.kill_supervisor()
    today.begin()
    today.until_taken_over([back, *last[1:]])
    today.note("a new supervisor goes on, without the orphan")


def _night(today: Day, groups: list[list[str]]) -> None:
    """Everybody sells, and the program is asked to stop."""
    today.accounts_sell([groups[0][0], *groups[-1][1:]])
    today.until_signals_are_done()
    today.until_settled()
    assert today.stop() == 0
    today.note("stopped")


def _nothing_was_lost(today: Day) -> None:
    consumed = Counter(signal.partition(":")[0] for signal in today.consumed())
    assert consumed == today.signals, "each signal was acted on, once"
    assert len(set(today.consumed())) == sum(today.signals.values())
    done = today.output().count("event=signal_done")
    assert done <= sum(today.signals.values()), "and told at most once, also by the next supervisor"

    assert today.account.orders() == []
    assert today.account.query("SELECT order_id FROM intents WHERE live = 1") == []
    assert today.left_running() == []
    assert today.our_shares() == today.their_shares()
    assert len(today.our_shares()) <= 1, "only a market that has ended is still held"
    peaks = today.sim.stats()["peaks"]
    [orders_a_side] = [
        each["orders_a_side"] for wallet, each in peaks.items() if wallet.lower() == ADDRESS.lower()
    ]
    assert orders_a_side == 1, "no token was ever traded by two"

    waits = today.waits_s()
    assert set(waits) == set(today.sim.tokens), "every token had its turn"
    assert today.sellers() > 0, "what a killed supervisor was selling, children that only sell did"
    output = today.output()
    assert output.count("event=hung") == today.plan.hangs
    assert today.faults() == []
    today.say(
        f"{len(waits)} tokens, {sum(today.signals.values())} signals, {today.lives} supervisors; "
        f"from an account's purchase to our first order: median "
        f"{sorted(waits.values())[len(waits) // 2]:.1f} s, longest {max(waits.values()):.1f} s"
    )
