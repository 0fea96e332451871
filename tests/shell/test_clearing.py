"""What a child left behind is cancelled by id, and proven gone before anything follows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER import clearing
from POLYMARKET_MAKER.clearing import Clearing, clear
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import CancelResult, NewOrder, OpenOrder
from POLYMARKET_MAKER.core.unknown import ARRIVAL_S
from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.ledger import Identity, IntentState, Ledger
from tests.support.fake_exchange import FOREIGN, FakeExchange, Fault
from tests.support.program import eventually
from tests.support.trading import MARKET, T0, TOKEN
from tests.support.trading_house import HandClock


class House:
    """A dead child's ledger and the exchange it traded at."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.clock = HandClock()
        # The exchange's clock is its own: nobody here sets it.
        self.exchange = FakeExchange(MARKET, lambda: T0 + self.clock.mono())

    def post(self, *, fault: Fault | None = None, boot_s: float | None = None) -> str:
        """Leave a buy behind, whose answer nobody heard when there is a fault."""
        self.exchange.faults["post"] = [] if fault is None else [fault]
        order = NewOrder(TOKEN, Side.BUY, Decimal("0.40"), Decimal(10))
        signed = self.exchange.sign(order, MARKET)
        self.ledger.record_intent(
            signed,
            at=self.clock.now(),
            reason="test",
            boot_s=self.clock.boot() if boot_s is None else boot_s,
        )
        outcome = self.exchange.post(signed)
        if fault is None:
            self.ledger.record_outcome(
                signed.order_id, outcome, at=self.clock.now(), boot_s=self.clock.boot()
            )
        return signed.order_id

    def clear(self, *, after_s: float = 0.0) -> frozenset[str]:
        self.clock.advance(after_s)
        self.exchange.arrive()
        return clear(self.exchange, self.ledger, [TOKEN], clock=self.clock)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Ledger.open(tmp_path / "ledger.db", Identity("live", "h", 137, "0x")) as ledger:
        yield House(ledger)


def test_ours_is_gone_with_what_it_traded_and_foreign_orders_stay(house: House) -> None:
    order_id = house.post()
    house.exchange.hit(order_id, Decimal(4))

    assert house.clear() == frozenset()

    assert [order.order_id for order in house.exchange.open_orders()] == [FOREIGN]
    assert house.ledger.position(TOKEN).size == 4
    assert house.ledger.live(TOKEN) == []


def test_another_tokens_orders_are_left_alone(house: House) -> None:
    house.post()

    assert clear(house.exchange, house.ledger, ["another"], clock=house.clock) == frozenset()
    assert len(house.ledger.our_orders(TOKEN)) == 1
    assert clear(house.exchange, house.ledger, None, clock=house.clock) == frozenset()
    assert house.ledger.our_orders(TOKEN) == []


def test_an_order_killed_on_its_way_is_not_proven_before_it_cannot_arrive(house: House) -> None:
    order_id = house.post(fault=Fault.LOST_BEFORE)

    assert house.clear(after_s=1) == {order_id}
    assert house.clear(after_s=ARRIVAL_S - 1.1) == {order_id}
    assert house.clear(after_s=0.1) == frozenset()
    intent = house.ledger.intent(order_id)
    assert intent is not None
    assert intent.state is IntentState.REJECTED


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_wall_clock_that_jumps_makes_no_order_older_or_younger(
    house: House, jump_s: float
) -> None:
    """Somebody sets the clock between the child's death and the supervisor's look."""
    order_id = house.post(fault=Fault.LATE)
    house.clock.jump(jump_s)

    assert house.clear(after_s=1) == {order_id}
    assert house.clear(after_s=ARRIVAL_S - 1) == frozenset()
    assert house.exchange.ours() == []


def test_what_an_earlier_boot_left_cannot_arrive_any_more(house: House) -> None:
    house.post(fault=Fault.LOST_BEFORE, boot_s=house.clock.boot() + 1)

    assert house.clear() == frozenset()


def test_an_order_of_a_machine_that_was_just_started_may_still_arrive(house: House) -> None:
    """The request left before the boot, a moment before for all we know."""
    order_id = house.post(fault=Fault.LOST_BEFORE)
    house.clock.reboot(uptime_s=2.0)

    assert house.clear() == {order_id}
    assert house.clear(after_s=ARRIVAL_S - 2) == frozenset()


def test_a_cancel_that_says_nothing_of_an_order_proves_nothing(house: House) -> None:
    """More than a hundred ids take several requests; a later one may fail."""
    order_id = house.post(fault=Fault.LOST_BEFORE)
    house.clock.advance(ARRIVAL_S)
    house.exchange.cancel = lambda _ids: CancelResult((), {})  # type: ignore[method-assign,assignment]

    assert house.clear() == {order_id}


def test_an_order_that_arrives_late_is_cancelled_then(house: House) -> None:
    order_id = house.post(fault=Fault.LATE)

    assert house.clear(after_s=1) == {order_id}
    assert house.clear(after_s=4) == frozenset()
    assert house.exchange.ours() == []


def test_an_exchange_that_does_not_answer_proves_nothing(house: House) -> None:
    order_id = house.post()
    house.exchange.faults = {"cancel": [Fault.LOST_AFTER]}

    with pytest.raises(VenueUnreachable):
        house.clear()

    assert house.ledger.open_order_ids(TOKEN) == [order_id]
    assert house.clear() == frozenset()


def test_it_goes_on_by_itself_until_the_proof_and_blocks_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "RETRY_S", 0.01)
    house.post()
    answers = threading.Event()
    cancel = house.exchange.cancel

    def slow(order_ids: list[str]) -> object:
        assert answers.wait(5)
        return cancel(order_ids)

    monkeypatch.setattr(house.exchange, "cancel", slow)
    house.exchange.faults = {"cancel": [Fault.LOST_BEFORE, Fault.LOST_AFTER]}
    work = Clearing(house.exchange, house.ledger, Clock())
    try:
        work.begin(TOKEN)  # returns although the exchange does not answer
        assert not work.is_clear(TOKEN)
        assert work.is_clear("another")
        answers.set()

        eventually(lambda: work.is_clear(TOKEN), within_s=60, what="the proof")
        assert house.exchange.ours() == []
    finally:
        work.close()


def test_what_the_exchange_still_lists_is_not_clear_although_the_ledger_has_it_as_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "RETRY_S", 0.01)
    house.post()
    listed, reads = house.exchange.ours(), 0
    read = house.exchange.open_orders

    def lagging() -> list[OpenOrder]:
        nonlocal reads
        reads += 1
        return [*read(), *(listed if reads <= 3 else [])]

    monkeypatch.setattr(house.exchange, "open_orders", lagging)
    work = Clearing(house.exchange, house.ledger, Clock())
    try:
        work.begin(TOKEN)
        eventually(lambda: work.is_clear(TOKEN), within_s=60, what="the proof")
        assert reads > 3
    finally:
        work.close()


def test_a_token_without_open_orders_asks_nobody(house: House) -> None:
    house.exchange.faults = {"cancel": [Fault.KILL_BEFORE], "read": [Fault.LOST_BEFORE]}

    assert house.clear() == frozenset()
