"""Sell what is held now, whatever strategy bought it: exit signals, exit-only children, flatten.

An exit has a floor: the best bid at its beginning less the slippage. While a bid is at or
above it, the bid is taken at once. Below it an exit waits for :data:`TAKE_S`; then what is
left rests at the floor. A falling bid never moves the floor, also not over a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from POLYMARKET_MAKER.core.decision import NO_BID, Stage, passed, stopped
from POLYMARKET_MAKER.core.model import MarketInfo, Quote, Side
from POLYMARKET_MAKER.core.money import MARKETABLE_MINIMUM, ONE, SIZE_STEP, ceil_to_tick
from POLYMARKET_MAKER.core.order import TimeInForce, WantedOrder

TAKE_S = 120.0
"""So long an exit only takes bids, in schedule time; what is left then rests at its floor."""


@dataclass(frozen=True, slots=True)
class Exit:
    """An exit that is going on.

    Attributes:
        floor: Lowest price.
        since: When this run of the strategy began with it, on the strategy's clock; None
            when an earlier run began it and this one has not seen a quote yet.
    """

    floor: Decimal
    since: float | None = None


def take_bid(quote: Quote, held: Decimal, reason: str) -> WantedOrder | None:
    """Sell all at the best bid at once; None when nobody bids or it is worth too little."""
    bid = quote.best_bid
    if bid is None or bid * held < MARKETABLE_MINIMUM:
        return None
    return WantedOrder(Side.SELL, bid, held, reason, TimeInForce.FAK, post_only=False)


def floor_of_exit(quote: Quote, grid: Decimal, slippage: Decimal) -> Decimal | None:
    """Return the lowest price of an exit that begins with this quote; None when nobody bids.

    Args:
        quote: The market without our own size.
        grid: Tick size in force; the floor is never below one tick.
        slippage: In USD.
    """
    return None if quote.best_bid is None else ceil_to_tick(quote.best_bid - slippage, grid)


def follow_exit(
    begun: Exit | None,
    quote: Quote,
    held: Decimal,
    grid: Decimal,
    *,
    slippage: Decimal,
    now: float,
) -> Exit | None:
    """Return the exit that is going on: *begun*, or one that begins with this quote.

    Args:
        begun: What this function returned last, or :func:`remembered_exit`.
        quote: The market without our own size.
        held: Shares that an order can sell; an exit ends when there are none.
        grid: As for :func:`floor_of_exit`.
        slippage: The same.
        now: The strategy's clock.

    Returns:
        None while there is no exit: nothing is held, or nobody has bid yet.
    """
    if held <= 0:
        return None
    if begun is not None:
        return begun if begun.since is not None else replace(begun, since=now)
    floor = floor_of_exit(quote, grid, slippage)
    return None if floor is None else Exit(floor, now)


def remember_exit(begun: Exit | None) -> dict[str, str]:
    """Return the floor of an exit as text, for a strategy's memory; its clock is not kept."""
    return {} if begun is None else {"exit_floor": str(begun.floor)}


def remembered_exit(memory: Mapping[str, str]) -> Exit | None:
    """Return the exit that :func:`remember_exit` put into a memory."""
    return Exit(Decimal(memory["exit_floor"])) if "exit_floor" in memory else None


def exit_order(
    begun: Exit | None,
    quote: Quote,
    held: Decimal,
    market: MarketInfo,
    *,
    now: float,
    take_s: float,
) -> tuple[WantedOrder | None, Stage]:
    """Take the bid while it is at or above the floor; below it wait, and then rest.

    Args:
        begun: From :func:`follow_exit`.
        quote: The market without our own size.
        held: Shares that an order can sell.
        market: The smallest order, and the grid where the quote has none.
        now: The strategy's clock.
        take_s: How long an exit does not rest.
    """
    if held <= 0:
        return None, stopped("exit_flat")
    if begun is None or begun.since is None:
        return None, stopped(NO_BID.reason)
    bid, floor = quote.best_bid, begun.floor
    is_bid_enough = bid is not None and bid >= floor
    if is_bid_enough and (taken := take_bid(quote, held, "exit")) is not None:
        return taken, passed("exit")
    if held < max(market.min_order_size, SIZE_STEP):
        is_dust = held * floor < MARKETABLE_MINIMUM  # no bid at the floor could be taken
        return None, stopped("exit_dust" if is_dust else "exit_waits")
    if now - begun.since < take_s:
        return None, stopped("exit_waits")
    grid = quote.tick_size or market.tick_size
    # A bid that may not be taken, because it is worth too little, may not be crossed either.
    least = bid + grid if bid is not None and is_bid_enough else floor
    price = ceil_to_tick(least, grid) or ONE - grid  # the grid may have become coarser
    return WantedOrder(Side.SELL, price, held, "exit_rest", post_only=False), passed("exit_rest")
