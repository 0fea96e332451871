"""An exit sells at the bid, within its slippage, and says when nothing can be sold."""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.core.exiting import (
    exit_order,
    floor_of_exit,
    remember_floor,
    remembered_floor,
    take_bid,
)
from tests.support.trading import quote

TICK = Decimal("0.01")


def floor(bid: str | None, *, held: int = 10, begun: str | None = None) -> Decimal | None:
    before = None if begun is None else Decimal(begun)
    return floor_of_exit(before, quote(bid, "0.99"), Decimal(held), TICK, Decimal("0.05"))


def test_the_floor_is_the_first_bid_less_the_slippage_but_never_below_one_tick() -> None:
    assert floor("0.30") == Decimal("0.25")
    assert floor("0.03") == Decimal("0.01")
    assert floor(None) is None


def test_a_falling_bid_does_not_move_the_floor_of_an_exit_that_goes_on() -> None:
    assert floor("0.20", begun="0.25") == Decimal("0.25")
    assert floor(None, begun="0.25") == Decimal("0.25")
    assert floor("0.20", begun="0.25", held=0) is None


def test_the_floor_survives_a_restart_as_text() -> None:
    assert remembered_floor(remember_floor(Decimal("0.25"))) == Decimal("0.25")
    assert remembered_floor(remember_floor(None)) is None


def test_a_floor_off_a_coarser_grid_is_rounded_up() -> None:
    order, _ = exit_order(quote("0.20", "0.40"), Decimal(10), Decimal("0.1"), Decimal("0.25"))

    assert order is not None
    assert order.price == Decimal("0.3")


def test_what_the_exchange_would_not_take_is_dust() -> None:
    assert take_bid(quote("0.30", "0.40"), Decimal(3), "exit") is None
    order, stage = exit_order(quote("0.30", "0.40"), Decimal(3), TICK, Decimal("0.25"))
    assert order is None
    assert stage.reason == "exit_dust"


def test_nothing_held_is_nothing_to_sell() -> None:
    order, stage = exit_order(quote("0.30", "0.40"), Decimal(0), TICK, Decimal("0.25"))

    assert order is None
    assert stage.reason == "exit_flat"
