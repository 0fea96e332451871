"""The last moment of an order: what holds it back, and what is written before it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.account_sync import Cancelled, Found
from POLYMARKET_MAKER.clearing import clear
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import (
    CancelResult,
    NewOrder,
    Outcome,
    Placed,
    Rejected,
    SignedOrder,
    TimeInForce,
    Unknown,
)
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.core.unknown import ARRIVAL_S
from POLYMARKET_MAKER.errors import IntentRefused, LedgerError
from POLYMARKET_MAKER.ledger import Intent, IntentState
from POLYMARKET_MAKER.request_budget import RequestBudget
from POLYMARKET_MAKER.sending import SEND_WITHIN_S, Decided, Posted, Sender
from tests.support.fake_exchange import Fault
from tests.support.trading import MARKET, TOKEN, aged
from tests.support.trading_house import House

NOW = aged("0.47", "0.49")
BUY = NewOrder(TOKEN, Side.BUY, Decimal("0.47"), Decimal(10), TimeInForce.GTC)
FINE_TICK = Decimal("0.001")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.die()


def sender(house: House, may_place: Callable[[], bool] = lambda: True) -> Sender:
    return Sender(
        house.exchange,
        house.ledger,
        RequestBudget(house.ledger, house.clock),
        house.clock,
        limits=Limits(None, None, None),
        may_place=may_place,
    )


def decided(house: House, order: NewOrder = BUY) -> Decided:
    return Decided(order, NOW, MARKET, "test", house.clock.boot())


def stored(house: House, order_id: str) -> Intent:
    intent = house.ledger.intent(order_id)
    assert intent is not None
    return intent


def lost(house: House) -> Intent:
    """Send an order whose answer is lost, and wait until it cannot arrive any more."""
    house.exchange.faults["post"] = [Fault.LOST_BEFORE]
    sender(house).send(decided(house))
    house.clock.advance(ARRIVAL_S + 5)
    return stored(house, "o1")


def refusal(posted: Posted) -> str:
    assert isinstance(posted.outcome, IntentRefused)
    return posted.outcome.reason


def test_an_order_that_cannot_be_signed_is_refused_and_nothing_else(house: House) -> None:
    off_grid = replace(BUY, price=Decimal("0.475"))

    assert refusal(sender(house).send(decided(house, off_grid))) == "off_grid"
    assert house.ledger.live() == []
    assert house.exchange.sent == {}


def test_a_stop_that_comes_while_the_order_is_written_down_holds_it_back(house: House) -> None:
    def may_place() -> bool:
        return not house.ledger.live()  # somebody says stop once it stands in the ledger

    assert refusal(sender(house, may_place).send(decided(house))) == "late"

    assert house.exchange.sent == {}
    assert stored(house, "o1").state is IntentState.REJECTED
    assert house.ledger.view(TOKEN, now=house.clock.now()).busy == frozenset()


def test_an_order_that_waited_for_the_ledger_is_not_sent(house: House) -> None:
    """Its transaction took as long as another process held the lock."""
    waits = (SEND_WITHIN_S + 0.5,)
    house.ledger._db._sqlite.create_function("wait", 0, lambda: house.clock.advance(*waits))
    house.ledger._db._sqlite.execute(
        "CREATE TEMP TRIGGER slow AFTER INSERT ON main.intents BEGIN SELECT wait(); END"
    )

    assert refusal(sender(house).send(decided(house))) == "late"

    assert house.exchange.sent == {}
    assert stored(house, "o1").outcome == "late"


def test_an_order_that_was_decided_on_before_the_machine_slept_does_not_leave(house: House) -> None:
    before = decided(house)
    house.clock.sleep(3600.0)

    assert refusal(sender(house).send(before)) == "late"
    assert house.exchange.sent == {}


def test_an_order_is_known_by_the_id_that_the_exchange_gave_it(house: House) -> None:
    """Were ours another one, it could neither be cancelled nor found again."""
    post = house.exchange.post

    def renamed(signed: SignedOrder) -> Outcome:
        return post(replace(signed, order_id=f"X{signed.order_id}"))

    house.exchange.post = renamed  # type: ignore[method-assign]

    sender(house).send(decided(house))

    assert [intent.order_id for intent in house.ledger.live()] == ["Xo1"]
    assert house.ledger.is_ours("Xo1")
    assert clear(house.exchange, house.ledger, [TOKEN], clock=house.clock) == frozenset()
    assert house.exchange.ours() == []


def test_a_resend_is_written_down_as_what_may_arrive_from_now_on(house: House) -> None:
    intent = lost(house)
    seen: list[float | None] = []
    house.exchange.on_order = lambda order: seen.append(
        stored(house, order.order_id).written_boot_s
    )

    sender(house).send_again(intent, NOW, house.clock.boot())

    assert seen == [house.clock.boot()]


def test_the_supervisor_does_not_give_up_a_resend_that_is_on_its_way(house: House) -> None:
    """The child was killed with the request half sent."""
    intent = lost(house)
    house.exchange.faults["post"] = [Fault.LATE]
    sender(house).send_again(intent, NOW, house.clock.boot())

    assert clear(house.exchange, house.ledger, [TOKEN], clock=house.clock) == {"o1"}

    house.pass_time(5)
    assert [order.order_id for order in house.exchange.ours()] == ["o1"]
    assert clear(house.exchange, house.ledger, [TOKEN], clock=house.clock) == frozenset()
    assert house.exchange.ours() == []


def test_a_resend_that_cannot_be_written_down_does_not_leave(house: House) -> None:
    intent = lost(house)
    house.ledger._db._sqlite.execute(
        "CREATE TRIGGER full BEFORE UPDATE OF written_boot_s ON intents"
        " BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    )

    with pytest.raises(LedgerError):
        sender(house).send_again(intent, NOW, house.clock.boot())

    assert len(house.exchange.sent["o1"]) == 1


def test_an_order_whose_fate_became_known_is_not_sent_again(house: House) -> None:
    intent = lost(house)
    house.ledger.record_gone("o1", reason="test")

    posted = sender(house).send_again(intent, NOW, house.clock.boot())

    assert refusal(posted) == "late"
    assert len(house.exchange.sent["o1"]) == 1


def want_a_buy(house: House) -> None:
    """Have a buy decided on whose request has not begun."""
    house.exchange.move(Decimal("0.47"), Decimal("0.49"))
    house.calls.held = frozenset({"post_BUY"})
    for _ in range(8):
        house.pass_time(0.5)
        house.turn()
        if "post_BUY" in house.calls.running:
            break
    house.calls.held = frozenset()


def test_an_order_does_not_leave_once_the_quote_is_lost(house: House) -> None:
    want_a_buy(house)
    house.quotes.is_lost = True

    house.turn()

    assert house.exchange.sent == {}


def test_nothing_may_leave_before_the_account_was_read(house: House) -> None:
    house.turn(requests=False)

    assert not house.worker.has_account
    assert house.worker._orders.may_place is False


def test_a_child_trades_on_through_a_change_of_the_tick_size(house: House) -> None:
    want_a_buy(house)
    house.turn()
    (coarse,) = house.exchange.ours()
    house.exchange.market = replace(MARKET, tick_size=FINE_TICK)

    house.exchange.move(Decimal("0.463"), Decimal("0.466"))
    for _ in range(20):
        house.turn()
        house.pass_time(0.5)

    (fine,) = house.exchange.ours()
    assert fine.price % MARKET.tick_size != 0
    assert fine.price % FINE_TICK == 0
    assert coarse.price % MARKET.tick_size == 0


def posted(outcome: Outcome | IntentRefused) -> Posted:
    return Posted(BUY, outcome, NOW)


@pytest.mark.parametrize(
    ("result", "is_answer"),
    [
        (posted(Placed("o1", "live")), True),
        (posted(Rejected("not enough balance", 400)), True),
        (posted(Unknown("timeout")), False),
        (posted(IntentRefused("cap_total", "-")), False),
        (Cancelled((), CancelResult((), {}), 0.0), True),
        (Found(()), True),
        (None, False),
    ],
)
def test_only_an_answer_of_the_exchange_ends_its_outage(
    house: House, result: object, *, is_answer: bool
) -> None:
    orders = house.worker._orders
    orders.venue.unreachable = "timeout"
    house.calls.submit("any", lambda: result)
    house.calls.run()

    orders.collect()

    assert (orders.venue.unreachable is None) == is_answer
