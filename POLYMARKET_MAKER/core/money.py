"""The exchange's arithmetic: price grid, sizes, fees and smallest orders, exact in ``Decimal``.

Source of the rules: exchange docs, 2026-09. A price is a multiple of the tick
and lies between one tick and one minus one tick. A size has two decimals,
whatever the tick. Fees are charged to the taker only.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from POLYMARKET_MAKER.core.model import SIZE_STEP as SIZE_STEP  # noqa: PLC0414 - a rule of here
from POLYMARKET_MAKER.core.model import ZERO, MarketInfo, Side
from POLYMARKET_MAKER.core.order import NewOrder, TimeInForce, WantedOrder

ONE = Decimal(1)
MARKETABLE_MINIMUM = Decimal(1)
"""Smallest notional, in USD, of an order that takes at once."""


def floor_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the highest price of the grid that is not above *price*; 0 when there is none."""
    steps = (price / tick).to_integral_value(rounding=ROUND_FLOOR)
    return max(ZERO, min(steps * tick, ONE - tick))


def ceil_to_tick(price: Decimal, tick: Decimal) -> Decimal | None:
    """Return the lowest price of the grid that is not below *price*; None when there is none."""
    steps = (price / tick).to_integral_value(rounding=ROUND_CEILING)
    rounded = max(steps * tick, tick)
    return rounded if rounded <= ONE - tick else None


def is_on_grid(price: Decimal, tick: Decimal) -> bool:
    """Whether an order may carry *price* while the grid is *tick*."""
    return tick <= price <= ONE - tick and price % tick == 0


def floor_size(size: Decimal) -> Decimal:
    """Return the largest size an order may carry that is not above *size*."""
    return (size / SIZE_STEP).to_integral_value(rounding=ROUND_FLOOR) * SIZE_STEP


def ceil_size(size: Decimal) -> Decimal:
    """Return the smallest size an order may carry that is not below *size*."""
    return (size / SIZE_STEP).to_integral_value(rounding=ROUND_CEILING) * SIZE_STEP


def fee_per_share(price: Decimal, market: MarketInfo) -> Decimal:
    """Return what a taker pays for one share at *price*, in USD."""
    return market.fee_rate * (price * (ONE - price)) ** market.fee_exponent


def taker_floor(net: Decimal, market: MarketInfo, tick: Decimal) -> Decimal | None:
    """Return the lowest grid price at which taking leaves at least *net* USD a share after fees.

    The fee depends on the price, so the price is searched for, tick by tick: it is
    at most a few ticks above *net*, since fees are a few percent of p(1-p).

    Returns:
        None when no price of the grid pays that much.
    """
    price = ceil_to_tick(net, tick)
    while price is not None and price - fee_per_share(price, market) < net:
        price = ceil_to_tick(price + tick, tick)
    return price


def is_marketable(order: WantedOrder | NewOrder, bid: Decimal | None, ask: Decimal | None) -> bool:
    """Whether the order would trade at once against a book whose top is *bid* and *ask*."""
    if order.time_in_force in (TimeInForce.FAK, TimeInForce.FOK):
        return True
    if order.side is Side.BUY:
        return ask is not None and order.price >= ask
    return bid is not None and order.price <= bid
