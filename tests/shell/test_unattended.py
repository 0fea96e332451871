"""Orders of a token that no process trades are cancelled; a child that comes soon joins them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.lanes import Lane, Outcome
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import NewOrder, SignedOrder
from POLYMARKET_MAKER.desk import PaperDesk
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.unattended import GRACE_S, LOOK_EVERY_S, Unattended
from tests.support.hand_clock import HandClock
from tests.support.waiting_fleet import waiting_fleet


class NotingDesk(PaperDesk):
    """Notes what is to be cleared; its ledger is as any other."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet._settings, {})
        self.cleared: list[str] = []

        self.is_proven = False

    def clear(self, token_id: str) -> None:
        self.cleared.append(token_id)

    def is_clear(self, token_id: str) -> bool:
        return self.is_proven or token_id not in self.cleared


class House:
    """A ledger with an order of an earlier run, and a fleet without children."""

    def __init__(self, fleet: Fleet) -> None:
        self.clock = HandClock()
        self.fleet = fleet
        self.desk = NotingDesk(fleet)
        self.desk.is_ready()
        self.unattended = Unattended(fleet, self.desk, self.clock)

    def leave(self, token_id: str, order_id: str = "0x1") -> None:
        assert self.desk.ledger is not None
        order = NewOrder(token_id, Side.BUY, Decimal("0.40"), Decimal(10))
        self.desk.ledger.record_intent(SignedOrder(order, order_id, b"{}"), at=1.0, reason="test")

    def after(self, seconds: float) -> list[str]:
        """Return what is to be cleared after so long, with a turn each second."""
        for _ in range(round(seconds / LOOK_EVERY_S)):
            self.clock.advance(LOOK_EVERY_S)
            self.unattended.turn()
        return self.desk.cleared


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with waiting_fleet(tmp_path) as fleet:
        made = House(fleet)
        yield made
        made.desk.close()


def test_what_nobody_trades_is_cancelled_once_and_not_before_its_grace(house: House) -> None:
    house.leave("1")

    assert house.after(GRACE_S) == []
    assert house.after(5) == ["1"]
    assert house.after(60) == ["1"], "the desk goes on by itself"


def test_what_turns_up_after_the_proof_gets_a_grace_and_is_cancelled_too(house: House) -> None:
    """A list of the exchange may be late."""
    house.leave("1")
    house.after(GRACE_S + 5)
    house.desk.is_proven = True

    assert house.after(GRACE_S - 6) == ["1"]
    assert house.after(10) == ["1", "1"]


def test_a_token_that_waits_for_a_slot_is_traded_by_nobody(house: House) -> None:
    house.leave("1")
    house.fleet.offer(["1"])

    assert house.after(GRACE_S + 5) == ["1"]


def test_a_child_that_comes_in_time_has_its_orders_left_to_it(house: House) -> None:
    house.leave("1")
    house.after(GRACE_S - 1)
    house.fleet.schedule = house.fleet.schedule.adopted("1", Lane.TRADE, 0.0)

    assert house.after(60) == []


def test_when_that_child_is_gone_what_is_open_then_gets_its_own_grace(house: House) -> None:
    house.leave("1")
    house.fleet.schedule = house.fleet.schedule.adopted("1", Lane.TRADE, 0.0)
    house.after(60)
    house.fleet.schedule = house.fleet.schedule.ended("1", Outcome.DONE, 0.0)

    assert house.after(GRACE_S) == []
    assert house.after(5) == ["1"]


def test_what_is_over_needs_nobody(house: House) -> None:
    assert house.desk.ledger is not None
    house.leave("1")
    house.desk.ledger.record_gone("0x1", reason="never_sent")

    assert house.after(GRACE_S + 5) == []
