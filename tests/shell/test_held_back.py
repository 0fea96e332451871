"""Whatever holds orders back reaches a child's next turns: new ones wait, and some must go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.brakes import LOOK_EVERY_S, Brakes
from POLYMARKET_MAKER.core.breaker import DEFAULT
from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import Rejected
from tests.support.trading import TOKEN, signed
from tests.support.trading_house import House

BUY_HERE = (Decimal("0.47"), Decimal("0.49"))


def live(house: House, seconds: float) -> None:
    for _ in range(int(seconds / 0.25)):
        house.turn()
        house.pass_time(0.25)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A child in a market that it does not buy in."""
    made = House(tmp_path)
    made.exchange.move(Decimal("0.60"), Decimal("0.62"))
    live(made, 2)
    yield made
    made.die()


def fail_orders(house: House) -> None:
    now, boot_s = house.clock.now(), house.clock.boot()
    for number in range(DEFAULT.max_errors):
        name = f"theirs{number}"
        house.ledger.record_intent(signed(name, token=name, size="0.01"), at=now, reason="test")
        house.ledger.record_outcome(name, Rejected("no"), at=now, boot_s=boot_s)


def count_down(house: House) -> None:
    house.die()
    house.sell_only_from = house.clock.now()
    house.born()


HOLDS: Mapping[str, Callable[[House], object]] = {
    "kill": lambda house: (house.folder / "KILL").touch(),
    "pause": lambda house: Brakes(house.folder).pause(TOKEN, by="test"),
    "countdown": count_down,
    "breaker": fail_orders,
    "venue": lambda house: house.ledger.set_venue(
        "cancel_only", for_s=60.0, boot_s=house.clock.boot(), reason="test"
    ),
    "budget": lambda house: house.ledger.learn_refusal(Kind.ORDER, 60.0, boot_s=house.clock.boot()),
}


def test_without_any_of_them_a_buy_is_placed(house: House) -> None:
    house.exchange.move(*BUY_HERE)
    live(house, 10)

    assert [order.side for order in house.exchange.ours()] == [Side.BUY]


@pytest.mark.parametrize("hold", HOLDS)
def test_nothing_new_is_placed(house: House, hold: str) -> None:
    HOLDS[hold](house)
    live(house, 2 * LOOK_EVERY_S)
    house.exchange.move(*BUY_HERE)

    live(house, 10)

    assert house.exchange.sent == {}


@pytest.mark.parametrize("hold", ["kill", "pause", "countdown"])
def test_a_buy_that_rests_is_cancelled(house: House, hold: str) -> None:
    house.exchange.move(*BUY_HERE)
    live(house, 3)
    assert len(house.exchange.ours()) == 1

    HOLDS[hold](house)
    live(house, 2 * LOOK_EVERY_S + 3)

    assert house.exchange.ours() == []


def test_in_the_countdown_what_is_held_is_still_sold(house: House) -> None:
    house.exchange.move(*BUY_HERE)
    live(house, 3)
    house.exchange.hit("o1", Decimal(10))
    count_down(house)

    live(house, 5)

    assert [order.side for order in house.exchange.ours()] == [Side.SELL]


@pytest.mark.parametrize("hold", ["breaker", "venue", "budget"])
def test_what_only_holds_new_orders_back_lets_the_one_that_rests_stay(
    house: House, hold: str
) -> None:
    house.exchange.move(*BUY_HERE)
    live(house, 3)

    HOLDS[hold](house)
    live(house, 5)

    assert [order.order_id for order in house.exchange.ours()] == ["o1"]
