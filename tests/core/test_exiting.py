"""An exit takes bids down to its floor for a while, then rests there, and says what stops it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from POLYMARKET_MAKER.core.decision import Stage, stopped
from POLYMARKET_MAKER.core.exiting import (
    TAKE_S,
    Exit,
    exit_order,
    floor_of_exit,
    follow_exit,
    remember_exit,
    remembered_exit,
    take_bid,
)
from POLYMARKET_MAKER.core.order import TimeInForce, WantedOrder
from tests.support.trading import MARKET, quote

TICK = Decimal("0.01")
T0 = 50.0
EARLY, LATE = T0 + TAKE_S - 1, T0 + TAKE_S
FLOOR = Exit(Decimal("0.25"), T0)


def floor(bid: str | None, *, held: int = 10, begun: str | None = None) -> Decimal | None:
    before = None if begun is None else Exit(Decimal(begun), T0)
    slippage = Decimal("0.05")
    found = follow_exit(
        before, quote(bid, "0.99"), Decimal(held), TICK, slippage=slippage, now=T0 + 9
    )
    return None if found is None else found.floor


def order(
    bid: str | None, *, held: int = 10, now: float = EARLY, begun: Exit = FLOOR, tick: str = "0.01"
) -> tuple[WantedOrder | None, Stage]:
    market = replace(MARKET, min_order_size=Decimal(5), tick_size=Decimal(tick))
    seen = quote(bid, "0.90", tick=tick)
    return exit_order(begun, seen, Decimal(held), market, now=now, take_s=TAKE_S)


def resting(wanted: WantedOrder | None) -> Decimal:
    assert wanted is not None
    assert wanted.time_in_force is TimeInForce.GTC
    return wanted.price


def test_the_floor_is_the_first_bid_less_the_slippage_but_never_below_one_tick() -> None:
    assert floor("0.30") == Decimal("0.25")
    assert floor("0.03") == Decimal("0.01")
    assert floor(None) is None


def test_a_falling_bid_does_not_move_the_floor_of_an_exit_that_goes_on() -> None:
    assert floor("0.20", begun="0.25") == Decimal("0.25")
    assert floor(None, begun="0.25") == Decimal("0.25")
    assert floor("0.20", begun="0.25", held=0) is None


def test_the_floor_survives_a_restart_and_the_wait_begins_anew() -> None:
    """The clock of a strategy is its run's own."""
    kept = remembered_exit(remember_exit(FLOOR))
    assert kept == Exit(Decimal("0.25"))
    assert remembered_exit(remember_exit(None)) is None

    went_on = follow_exit(
        kept, quote("0.10", "0.99"), Decimal(10), TICK, slippage=Decimal(0), now=3.0
    )
    assert went_on == Exit(Decimal("0.25"), 3.0)


@pytest.mark.parametrize("now", [EARLY, LATE, LATE + 9999])
def test_a_bid_at_the_floor_or_above_is_taken_whenever_it_comes(now: float) -> None:
    wanted, stage = order("0.25", now=now)

    assert wanted is not None
    assert (wanted.price, wanted.size) == (Decimal("0.25"), Decimal(10))
    assert wanted.time_in_force is TimeInForce.FAK
    assert stage.reason == "exit"


@pytest.mark.parametrize("bid", ["0.24", None])
def test_below_the_floor_an_exit_waits_for_a_while_and_then_rests_at_it(bid: str | None) -> None:
    assert order(bid, now=EARLY) == (
        None,
        Stage(order(bid)[1].name, passed=False, reason="exit_waits"),
    )
    wanted, stage = order(bid, now=LATE)

    assert resting(wanted) == Decimal("0.25")
    assert (stage.passed, stage.reason) == (True, "exit_rest")


def test_a_floor_off_a_coarser_grid_is_rounded_up() -> None:
    wanted, _ = order("0.20", now=LATE, tick="0.1")

    assert resting(wanted) == Decimal("0.3")


def test_a_bid_that_is_worth_too_little_to_take_is_not_crossed_either() -> None:
    """The exchange refuses an order of less than a dollar that would trade at once."""
    cheap = Exit(Decimal("0.02"), T0)
    assert order("0.03", begun=cheap)[1].reason == "exit_waits"
    wanted, _ = order("0.03", begun=cheap, now=LATE)

    assert resting(wanted) == Decimal("0.04")


def test_what_can_neither_rest_nor_be_taken_at_the_floor_is_dust() -> None:
    assert take_bid(quote("0.30", "0.40"), Decimal(3), "exit") is None
    for now in (EARLY, LATE):
        assert order("0.30", held=3, now=now) == (None, stopped("exit_dust"))


def test_what_cannot_rest_but_could_be_taken_waits_for_a_bid() -> None:
    """Four shares at 0.25 are worth a dollar, and fewer than the smallest order that rests."""
    assert order("0.24", held=4, now=LATE) == (None, stopped("exit_waits"))
    wanted, _ = order("0.25", held=4, now=LATE)
    assert wanted is not None


def test_nothing_held_is_nothing_to_sell() -> None:
    wanted, stage = order("0.30", held=0)

    assert wanted is None
    assert stage.reason == "exit_flat"


def test_an_exit_that_no_bid_has_met_says_so() -> None:
    market_quote = quote(None, "0.90")
    wanted, stage = exit_order(None, market_quote, Decimal(9), MARKET, now=LATE, take_s=TAKE_S)

    assert wanted is None
    assert stage.reason == "no_bid"


def test_a_floor_that_no_grid_holds_is_rounded_up_when_an_exit_begins() -> None:
    assert floor_of_exit(quote("0.30", "0.99"), TICK, Decimal("0.055")) == Decimal("0.25")
