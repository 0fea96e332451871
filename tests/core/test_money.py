"""Prices, sizes and fees are exact, and rounded to the side that costs us nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.money import (
    ceil_size,
    ceil_to_tick,
    fee_per_share,
    floor_size,
    floor_to_tick,
    is_marketable,
    is_on_grid,
    taker_floor,
)
from POLYMARKET_MAKER.core.order import TimeInForce, WantedOrder
from tests.support.trading import MARKET

TICKS = [Decimal(tick) for tick in ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")]
prices = st.decimals("0.00001", "0.99999", places=5)


@given(price=prices, tick=st.sampled_from(TICKS))
def test_floor_and_ceiling_enclose_the_price_and_lie_on_the_grid(
    price: Decimal, tick: Decimal
) -> None:
    low, high = floor_to_tick(price, tick), ceil_to_tick(price, tick)

    assert low <= price
    assert low == 0 or is_on_grid(low, tick)
    assert high is None or (high >= price and is_on_grid(high, tick))
    assert high is None or low == 0 or high - low in (0, tick)


def test_half_cent_prices_stay_on_a_half_cent_grid() -> None:
    """Rounding by decimals would give 0.503, which is off a grid of 0.005."""
    assert floor_to_tick(Decimal("0.5033"), Decimal("0.005")) == Decimal("0.500")
    assert not is_on_grid(Decimal("0.503"), Decimal("0.005"))


def test_no_price_lies_above_one_tick_below_one() -> None:
    assert ceil_to_tick(Decimal("0.991"), Decimal("0.01")) is None
    assert ceil_to_tick(Decimal("-0.02"), Decimal("0.01")) == Decimal("0.01")
    assert floor_to_tick(Decimal("0.009"), Decimal("0.01")) == 0


def test_sizes_have_two_decimals() -> None:
    assert floor_size(Decimal("3.0399")) == Decimal("3.03")
    assert ceil_size(Decimal("3.0301")) == Decimal("3.04")


def test_taker_fee_follows_the_formula_of_the_fee_schedule() -> None:
    market = replace(MARKET, fee_rate=Decimal("0.04"))

    assert fee_per_share(Decimal("0.5"), market) == Decimal("0.01")


@given(
    net=st.decimals("0.02", "0.97", places=4),
    rate=st.decimals("0", "0.25", places=2),
    exponent=st.sampled_from([1, 2]),
    tick=st.sampled_from(TICKS[1:]),
)
def test_taker_floor_is_the_lowest_price_that_pays(
    net: Decimal, rate: Decimal, exponent: int, tick: Decimal
) -> None:
    market = replace(MARKET, fee_rate=rate, fee_exponent=exponent)

    price = taker_floor(net, market, tick)

    def pays(at: Decimal) -> bool:
        return at - fee_per_share(at, market) >= net

    if price is None:
        assert not pays(1 - tick)
    else:
        assert pays(price)
        assert price - tick < net or not pays(price - tick)


@pytest.mark.parametrize(
    ("side", "price", "takes"),
    [
        (Side.BUY, "0.50", False),
        (Side.BUY, "0.51", True),
        (Side.SELL, "0.50", False),
        (Side.SELL, "0.49", True),
    ],
)
def test_an_order_that_reaches_the_other_side_takes(side: Side, price: str, takes: bool) -> None:  # noqa: FBT001
    order = WantedOrder(side, Decimal(price), Decimal(5), "test")

    assert is_marketable(order, Decimal("0.49"), Decimal("0.51")) is takes


def test_a_missing_side_cannot_be_reached_but_fak_always_takes() -> None:
    order = WantedOrder(Side.BUY, Decimal("0.99"), Decimal(5), "test")

    assert not is_marketable(order, Decimal("0.49"), None)
    fak = replace(order, time_in_force=TimeInForce.FAK)
    assert is_marketable(fak, Decimal("0.49"), None)


@pytest.mark.parametrize("price", ["0", "1", "1.01", "-0.01"])
def test_neither_nothing_nor_a_dollar_is_a_price(price: str) -> None:
    assert not is_on_grid(Decimal(price), Decimal("0.01"))
