"""The account's requests are counted once for all children; cancels are never held back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.core.decision import StageName
from POLYMARKET_MAKER.core.gate import Reason
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.exchange.http import RateLimit
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.request_budget import RequestBudget
from tests.support.fake_exchange import Fault
from tests.support.trading_house import HandClock, House, LedgerFaults

WHO = Identity("live", "h", 137, "0x")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", WHO, busy_s=0.01) as opened:
        yield opened


@pytest.fixture
def budget(ledger: Ledger, clock: HandClock) -> RequestBudget:
    return RequestBudget(ledger, clock)


def told(remaining: int | None) -> RateLimit:
    return RateLimit(remaining, None, "Standard", "")


def test_two_children_have_one_budget(
    budget: RequestBudget, tmp_path: Path, clock: HandClock
) -> None:
    with Ledger.open(tmp_path / "ledger.db", WHO) as other:
        theirs = RequestBudget(other, clock)
        for _ in range(30):
            budget.take_order()
            theirs.take_order()

        with pytest.raises(IntentRefused) as refused:
            theirs.take_order()
        assert refused.value.reason == Reason.BUDGET
        assert budget.wait_s() == theirs.wait_s() == 1 / 40
        clock.advance(1 / 32)  # of two powers: the clock's seconds stay exact
        budget.take_order()


def test_the_exchanges_own_count_wins_when_it_is_lower(
    budget: RequestBudget, clock: HandClock
) -> None:
    budget.heard("POST /order", told(0))
    assert budget.wait_s() == 1 / 40
    clock.advance(0.5)
    budget.heard("POST /order", told(60))

    for _ in range(20):
        budget.take_order()
    assert budget.wait_s() > 0


def test_answers_of_other_requests_say_nothing_of_orders(budget: RequestBudget) -> None:
    budget.heard("GET /data", told(0))
    budget.heard("POST /order", told(None))

    assert budget.wait_s() == 0


def test_a_429_holds_orders_back_for_as_long_as_it_says(
    budget: RequestBudget, clock: HandClock
) -> None:
    budget.refused(Kind.ORDER, 30.0)
    assert budget.wait_s() == pytest.approx(30)
    clock.advance(29.9)
    assert budget.wait_s() > 0

    clock.advance(0.2)

    assert budget.wait_s() == 0


def test_an_order_waits_for_cancels_and_no_cancel_for_anything(
    budget: RequestBudget, ledger: Ledger, tmp_path: Path
) -> None:
    """What could not be cancelled is not placed; a cancel is only counted."""
    budget.cancelled(500)
    assert budget.wait_s() > 4

    faults = LedgerFaults(tmp_path / "ledger.db")
    faults.use(ledger)
    faults.lock()
    budget.cancelled(1)
    budget.heard("DELETE /orders", told(0))
    faults.end()


# -- in a child's life


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.exchange.move(Decimal("0.60"), Decimal("0.62"))
    made.turn()
    made.turn()
    yield made
    made.die()


def live(house: House, seconds: float) -> None:
    for _ in range(int(seconds / 0.5)):
        house.turn()
        house.pass_time(0.5)


def budget_stage(house: House) -> tuple[object, object]:
    stage = house.status.stages.as_dict()[StageName.BUDGET]
    return stage["state"], stage["reason"]


def test_a_child_places_nothing_while_the_budget_is_used_up_and_says_so(house: House) -> None:
    RequestBudget(house.ledger, house.clock).refused(Kind.ORDER, 20.0)
    house.exchange.move(Decimal("0.47"), Decimal("0.49"))
    live(house, 15)
    assert house.exchange.sent == {}
    assert budget_stage(house) == ("blocked", "budget")

    live(house, 10)

    assert len(house.exchange.ours()) == 1
    assert budget_stage(house) == ("ok", "within")


def test_a_childs_cancel_goes_out_although_the_budget_is_used_up(house: House) -> None:
    house.exchange.move(Decimal("0.47"), Decimal("0.49"))
    live(house, 2)
    assert len(house.exchange.ours()) == 1
    budget = RequestBudget(house.ledger, house.clock)
    budget.refused(Kind.CANCEL, 60.0)
    budget.refused(Kind.ORDER, 60.0)

    house.exchange.move(Decimal("0.60"), Decimal("0.62"))
    live(house, 2)

    assert house.exchange.ours() == []


def test_a_429_of_one_child_is_known_to_all(house: House) -> None:
    house.exchange.faults["post"] = [Fault.RATE_LIMITED]
    house.exchange.move(Decimal("0.47"), Decimal("0.49"))
    house.turn()
    house.turn()

    assert RequestBudget(house.ledger, house.clock).wait_s() > 0
