"""Sell signals: each acted on exactly once, whenever the supervisor dies; taken back in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.schedule import Lane
from POLYMARKET_MAKER.fleet import Fleet, exit_signal_path
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.selling import PARK_AFTER_S, Selling
from POLYMARKET_MAKER.token_files import SellSignal
from tests.support.program import eventually
from tests.support.waiting_fleet import SCALE, start, waiting_fleet

TOKEN = "1"
SIGNAL = SellSignal(TOKEN, "s-1", at=5.0)

pytestmark = pytest.mark.timeout(60)


class HandClock(Clock):
    """A clock whose monotonic hand is moved by the test."""

    hand = 0.0

    def mono(self) -> float:
        return HandClock.hand


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with waiting_fleet(tmp_path) as made:
        assert made._desk.is_ready()
        yield made


@pytest.fixture
def ledger(fleet: Fleet) -> Ledger:
    assert fleet._desk.ledger is not None
    return fleet._desk.ledger


@pytest.fixture
def selling(fleet: Fleet) -> Selling:
    return selling_of(fleet)


def selling_of(fleet: Fleet, clock: Clock | None = None) -> Selling:
    data_dir = fleet._settings.data_dir
    return Selling(data_dir, fleet, fleet._desk, fleet._memory, clock or Clock(SCALE))


def hold(ledger: Ledger, size: int, name: str = "b") -> None:
    """Have the ledger hold so many shares more, or less."""
    side = Side.BUY if size > 0 else Side.SELL
    ledger.record_external(name, TOKEN, side, Decimal(abs(size)), price=None, at=1.0)


def file_of(fleet: Fleet) -> Path:
    return exit_signal_path(fleet._settings.data_dir, TOKEN)


def end_child(fleet: Fleet) -> None:
    """Let the child end in order, as one that is told to or has sold out does."""
    child = fleet.tasks[TOKEN].child
    assert child is not None
    child.terminate()

    def is_reaped() -> bool:
        fleet.reap()
        return fleet.tasks[TOKEN].child is None

    eventually(is_reaped, within_s=20, what="its end")


def test_a_signal_for_what_is_not_held_is_consumed_and_its_token_not_traded(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    fleet.offer([TOKEN])
    selling.turn([SIGNAL])

    assert ledger.is_consumed("s-1")
    assert fleet.schedule.queue == ()
    assert fleet._memory.exits[-1].reason == "SELL_SIGNAL"


def test_shares_without_a_child_get_one_that_only_sells_until_they_are_sold(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    selling.turn([SIGNAL])
    assert [(each.token_id, each.lane) for each in fleet.schedule.queue] == [(TOKEN, Lane.EXIT)]
    start(fleet, TOKEN)
    run_params = fleet._settings.data_dir / f"run_params_{TOKEN}.json"
    assert json.loads(run_params.read_bytes())["exit_only"] is True
    selling.turn([SIGNAL])
    assert not ledger.is_consumed("s-1")

    hold(ledger, -10, "s")
    end_child(fleet)
    selling.turn([SIGNAL])
    assert ledger.is_consumed("s-1")
    assert not file_of(fleet).exists()


def test_a_child_that_trades_is_told_and_the_signal_is_over_when_it_has_sold(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    assert json.loads(file_of(fleet).read_bytes())["signal_id"] == "s-1"
    assert fleet.schedule.running[TOKEN].is_selling

    hold(ledger, -10, "s")
    end_child(fleet)
    selling.turn([SIGNAL])
    assert ledger.is_consumed("s-1")
    assert not file_of(fleet).exists()
    assert fleet._memory.handled == frozenset(), "its next purchase is a new one"


def test_a_child_that_ended_before_it_had_sold_is_followed_by_one_that_sells(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    end_child(fleet)
    selling.turn([SIGNAL])

    assert not ledger.is_consumed("s-1")
    assert fleet.schedule.queue[0].lane is Lane.EXIT


def test_a_new_supervisor_goes_on_where_the_last_one_died(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    """Between any two steps: the signal is in force until the ledger says it was acted on."""
    hold(ledger, 10)
    selling.turn([SIGNAL])
    fleet.forget(TOKEN)  # what a supervisor had in mind dies with it
    again = selling_of(fleet)
    again.turn([SIGNAL])
    assert fleet.schedule.queue[0].lane is Lane.EXIT

    hold(ledger, -10, "s")
    fleet.forget(TOKEN)
    again.turn([SIGNAL])
    notes = len(fleet._memory.exits)
    selling_of(fleet).turn([SIGNAL])
    assert len(fleet._memory.exits) == notes, "consumed is consumed, also for the next one"


def test_a_consumed_signal_does_not_sell_what_was_bought_later(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    selling.turn([SIGNAL])
    hold(ledger, 10)
    selling.turn([SIGNAL])
    selling_of(fleet).turn([SIGNAL])

    assert fleet.schedule.queue == ()


def test_a_purchase_in_time_lets_the_child_trade_on(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    pid = start(fleet, TOKEN)
    selling.turn([SIGNAL])
    selling.turn([])

    assert not file_of(fleet).exists()
    assert not fleet.schedule.running[TOKEN].is_selling
    child = fleet.tasks[TOKEN].child
    assert child is not None
    assert (child.pid, child.stopping) == (pid, False)
    assert not ledger.is_consumed("s-1")


def test_a_purchase_in_time_ends_a_child_that_can_only_sell(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    selling.turn([SIGNAL])
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    selling.turn([])
    child = fleet.tasks[TOKEN].child
    assert child is not None
    assert child.stopping
    end_child(fleet)
    fleet.offer([TOKEN])

    assert fleet.schedule.queue[0].lane is Lane.TRADE


def test_a_purchase_before_the_seller_was_started_takes_it_out_of_the_queue(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    selling.turn([SIGNAL])
    selling.turn([])

    assert fleet.schedule.queue == ()


def test_a_stopped_token_is_not_sold_by_a_signal(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    fleet.offer([TOKEN])
    fleet.stop(TOKEN)
    selling.turn([SIGNAL])

    assert fleet.schedule.queue == ()
    assert not ledger.is_consumed("s-1")


@pytest.mark.parametrize(
    ("reason", "is_parked"), [("exit_rest", True), ("exit_dust", True), ("exit", False)]
)
def test_what_does_not_sell_at_its_floor_frees_the_slot_after_a_while(
    fleet: Fleet, ledger: Ledger, tmp_path: Path, reason: str, *, is_parked: bool
) -> None:
    HandClock.hand = 0.0
    told = tmp_path / "told"  # what the child would tell
    (told / "children").mkdir(parents=True)
    stages = {"signal": {"state": "ok", "reason": reason, "since": 1.0}}
    report = {"boottime_s": 1.0, "stages": stages, "position": {"size": "10"}}
    (told / "children" / f"{TOKEN}.json").write_text(json.dumps(report))
    selling = Selling(told, fleet, fleet._desk, fleet._memory, HandClock(SCALE))
    hold(ledger, 10)
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    HandClock.hand = PARK_AFTER_S / SCALE - 0.1
    selling.turn([SIGNAL])
    assert not fleet.schedule.running[TOKEN].is_parked

    HandClock.hand = PARK_AFTER_S / SCALE + 0.1
    selling.turn([SIGNAL])
    assert fleet.schedule.running[TOKEN].is_parked is is_parked
    assert not ledger.is_consumed("s-1"), "it is over when it is sold"
