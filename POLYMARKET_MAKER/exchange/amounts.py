"""An order's two amounts, exact in ``Decimal``; nothing is rounded without being asked for.

The client libraries compute with floats: 1.15 shares become 1.14, and a price off
the market's grid is moved to another one without a word. So they are handed
finished amounts, and what is off the grid is refused here (exchange docs, 2026-09).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from typing import Final

from POLYMARKET_MAKER.core.model import MarketInfo, Side
from POLYMARKET_MAKER.core.money import SIZE_STEP, is_on_grid
from POLYMARKET_MAKER.core.order import NewOrder, TimeInForce
from POLYMARKET_MAKER.log import short

MICRO: Final = Decimal(1_000_000)  # collateral and shares are counted in millionths
CENT: Final = Decimal("0.01")  # collateral of a buy that takes at once
TAKER_SHARES: Final = Decimal("0.0001")  # its shares, whatever the tick (py-clob-client-v2 #99)
GTD_LEAD_S: Final = 60  # the exchange ends a GTD order this long before its expiration
IMMEDIATE: Final = frozenset({TimeInForce.FOK, TimeInForce.FAK})


@dataclass(frozen=True, slots=True)
class Amounts:
    """The two sides of an order in millionths, as they are signed.

    Attributes:
        order: The order that these amounts are; a buy that takes at once may be
            a little smaller than what was asked for.
        maker: What we give: collateral for a buy, shares for a sell.
        taker: What we get.
        expiration: Epoch seconds, 0 for never.
    """

    order: NewOrder
    maker: int
    taker: int
    expiration: int


def amounts(order: NewOrder, market: MarketInfo) -> Amounts:
    """Check an order against its market's grid and express it in millionths.

    Raises:
        ValueError: Price or size is off the grid, or the options contradict each other.
    """
    _check_options(order)
    _check_grid(order, market)
    cost, size = order.price * order.size, order.size
    if order.side is Side.BUY and order.time_in_force in IMMEDIATE:
        cost = cost.quantize(CENT, rounding=ROUND_DOWN)
        size = (cost / order.price).quantize(TAKER_SHARES, rounding=ROUND_DOWN)
        if size <= 0:
            raise ValueError(f"a buy of {order.size} at {order.price} was below one cent")
    give, get = (cost, size) if order.side is Side.BUY else (size, cost)
    ends = 0 if order.expires_at is None else int(order.expires_at) + GTD_LEAD_S
    return Amounts(replace(order, size=size), _millionths(give), _millionths(get), ends)


def _check_options(order: NewOrder) -> None:
    if order.post_only and order.time_in_force in IMMEDIATE:
        raise ValueError(f"post_only with {order.time_in_force}, which never rests")
    if (order.expires_at is None) == (order.time_in_force is TimeInForce.GTD):
        raise ValueError(f"expires_at was {order.expires_at} for {order.time_in_force}")


def _check_grid(order: NewOrder, market: MarketInfo) -> None:
    """Refuse what the libraries would round: prices by decimals instead of ticks, sizes down."""
    tick = market.tick_size
    if not (order.price.is_finite() and order.size.is_finite()):
        raise ValueError(f"price was {order.price}, size was {order.size}")
    if order.token_id != market.token_id:
        raise ValueError("order and market info are of two different tokens")
    if not is_on_grid(order.price, tick):
        raise ValueError(
            f"price was {order.price}, tick size of {short(order.token_id)} is {tick}, "
            f"allowed are {tick} to {1 - tick}"
        )
    if order.size <= 0 or order.size % SIZE_STEP != 0:
        raise ValueError(f"size was {order.size}, expected a positive multiple of {SIZE_STEP}")


def _millionths(amount: Decimal) -> int:
    scaled = amount * MICRO
    if scaled != scaled.to_integral_value():
        raise ValueError(f"amount was {amount}, the exchange counts in millionths")
    return int(scaled)
