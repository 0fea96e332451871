"""An order without an answer: looked for, sent again as it was, or cancelled; never made two."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.model import TokenHealth
from POLYMARKET_MAKER.core.unknown import ARRIVAL_S
from POLYMARKET_MAKER.ledger import IntentState
from tests.support.fake_exchange import Fault
from tests.support.trading import TOKEN
from tests.support.trading_house import House

BUY_HERE = (Decimal("0.47"), Decimal("0.49"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.die()


def live(house: House, seconds: float) -> None:
    for _ in range(int(seconds / 0.5)):
        house.turn()
        house.pass_time(0.5)


def lose_a_buy(house: House, fault: Fault) -> str:
    """Have a buy wanted, and lose its answer; return its id."""
    house.exchange.faults["post"] = [fault]
    house.exchange.move(*BUY_HERE)
    live(house, 3)
    (order_id,) = house.exchange.sent
    return order_id


def test_an_order_that_never_arrived_is_sent_again_as_it_was(house: House) -> None:
    order_id = lose_a_buy(house, Fault.LOST_BEFORE)
    live(house, ARRIVAL_S - 4)
    assert len(house.exchange.sent[order_id]) == 1, "until then it may still arrive"

    live(house, 6)

    first, second = house.exchange.sent[order_id]
    assert first == second
    assert house.exchange.signed == 1
    assert [order.order_id for order in house.exchange.ours()] == [order_id]
    assert [order.order_id for order in house.ledger.our_orders(TOKEN)] == [order_id]


def test_duplicated_is_no_reason_to_sign_another(house: House) -> None:
    """The first one was taken, and no read shows it for half a minute."""
    house.exchange.unlisted.add("o1")
    order_id = lose_a_buy(house, Fault.LOST_AFTER)
    live(house, 30)
    assert len(house.exchange.sent[order_id]) > 1
    assert house.exchange.signed == 1

    house.exchange.unlisted.clear()
    live(house, 3)

    assert house.ledger.unresolved() == []
    assert [order.order_id for order in house.exchange.ours()] == [order_id]
    assert [order.order_id for order in house.ledger.our_orders(TOKEN)] == [order_id]


def test_what_is_not_wanted_any_more_is_cancelled_and_not_sent_again(house: House) -> None:
    order_id = lose_a_buy(house, Fault.LOST_BEFORE)
    house.exchange.move(Decimal("0.60"), Decimal("0.62"))

    live(house, ARRIVAL_S + 4)

    assert len(house.exchange.sent[order_id]) == 1
    intent = house.ledger.intent(order_id)
    assert intent is not None
    assert intent.state is IntentState.REJECTED


@pytest.mark.parametrize("brake", ["KILL", "stale", "venue"])
def test_what_may_not_be_placed_now_is_not_sent_again(house: House, brake: str) -> None:
    order_id = lose_a_buy(house, Fault.LOST_BEFORE)
    if brake == "KILL":
        (house.folder / "KILL").touch()
    elif brake == "stale":
        house.quotes.health = TokenHealth.STALE
    else:
        now = house.clock.boot()
        house.ledger.set_venue("cancel_only", for_s=60, boot_s=now, reason="test")

    live(house, ARRIVAL_S + 4)

    assert len(house.exchange.sent[order_id]) == 1
    assert house.ledger.unresolved() == []


def test_one_that_is_not_taken_the_second_time_is_cancelled(house: House) -> None:
    """Sent again once, not for ever; then the side is free for a new one."""
    order_id = lose_a_buy(house, Fault.LOST_BEFORE)
    house.exchange.faults["post"] = [Fault.LOST_BEFORE]

    live(house, 2 * ARRIVAL_S + 6)

    assert len(house.exchange.sent[order_id]) == 2
    assert [order.order_id for order in house.exchange.ours()] == ["o2"]


def test_a_child_that_was_killed_meanwhile_asks_on_after_its_rebirth(house: House) -> None:
    order_id = lose_a_buy(house, Fault.LOST_BEFORE)
    live(house, 5)
    house.die()
    house.born()

    live(house, ARRIVAL_S + 4)

    assert len(house.exchange.sent[order_id]) == 2
    assert [order.order_id for order in house.exchange.ours()] == [order_id]


def test_an_order_that_the_exchange_forgets_is_given_up_only_after_a_cancel(house: House) -> None:
    """It was taken, and ten seconds long nobody knows it: no such answer is believed at once."""
    house.exchange.move(*BUY_HERE)
    live(house, 3)
    (order,) = house.exchange.ours()
    house.exchange.unlisted.add(order.order_id)
    live(house, 8)
    assert [each.order_id for each in house.ledger.our_orders(TOKEN)] == [order.order_id]

    live(house, 8)

    assert house.exchange.orders[order.order_id].status == "CANCELED"


def test_a_resend_whose_answer_could_not_be_written_is_looked_for_as_long_as_the_first(
    house: House,
) -> None:
    """It is on its way for four seconds; a cancel and a read of that time prove nothing."""
    order_id = lose_a_buy(house, Fault.LOST_BEFORE)
    house.exchange.faults["post"] = [Fault.LATE]
    ledger_file = house.ledger._db._sqlite
    ledger_file.execute(
        "CREATE TRIGGER no_answers BEFORE UPDATE OF answered_at ON intents"
        " BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    )
    while len(house.exchange.sent[order_id]) == 1:
        live(house, 0.5)
    house.exchange.move(Decimal("0.60"), Decimal("0.62"))

    live(house, 3)

    assert [each.order_id for each in house.ledger.unresolved()] == [order_id]
    ledger_file.execute("DROP TRIGGER no_answers")
    live(house, ARRIVAL_S + 4)
    assert house.ledger.unresolved() == []
    assert len(house.exchange.sent[order_id]) == 2


def test_an_order_is_not_given_up_while_its_own_resend_is_under_way(house: House) -> None:
    order_id = lose_a_buy(house, Fault.LOST_BEFORE)
    house.calls.held = frozenset({"post_BUY"})
    while "post_BUY" not in house.calls.running:
        live(house, 0.5)
    house.exchange.move(Decimal("0.60"), Decimal("0.62"))

    live(house, 5)

    assert [each.order_id for each in house.ledger.unresolved()] == [order_id]
    house.calls.held = frozenset()
    live(house, 2)
    assert house.ledger.unresolved() == []
    assert len(house.exchange.sent[order_id]) == 1, "decided too long ago to be sent"
