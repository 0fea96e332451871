"""Sell what is held now, whatever strategy bought it: exit signals, exit-only children, flatten."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from POLYMARKET_MAKER.core.decision import NO_BID, Stage, passed, stopped
from POLYMARKET_MAKER.core.model import Quote, Side, TimeInForce, WantedOrder
from POLYMARKET_MAKER.core.money import MARKETABLE_MINIMUM, ONE, ceil_to_tick


def take_bid(quote: Quote, held: Decimal, reason: str) -> WantedOrder | None:
    """Sell all at the best bid at once; None when nobody bids or it is worth too little."""
    bid = quote.best_bid
    if bid is None or bid * held < MARKETABLE_MINIMUM:
        return None
    return WantedOrder(Side.SELL, bid, held, reason, TimeInForce.FAK, post_only=False)


def floor_of_exit(
    begun: Decimal | None, quote: Quote, held: Decimal, grid: Decimal, slippage: Decimal
) -> Decimal | None:
    """Return the lowest price of an exit: the bid at its beginning less the slippage.

    Args:
        begun: What this function returned for the exit that is going on, also before
            a restart: a falling bid must not move the floor. None when none is.
        quote: The market without our own size.
        held: Shares that an order can sell; an exit ends when there are none.
        grid: Tick size in force; the floor is never below one tick.
        slippage: In USD.

    Returns:
        None while there is no exit: nothing is held, or nobody has bid yet.
    """
    if held <= 0:
        return None
    if begun is not None or quote.best_bid is None:
        return begun
    return ceil_to_tick(quote.best_bid - slippage, grid)


def remember_floor(floor: Decimal | None) -> dict[str, str]:
    """Return the floor of an exit as text, for a strategy's memory."""
    return {} if floor is None else {"exit_floor": str(floor)}


def remembered_floor(memory: Mapping[str, str]) -> Decimal | None:
    """Return the floor that :func:`remember_floor` put into a memory."""
    return Decimal(memory["exit_floor"]) if "exit_floor" in memory else None


def exit_order(
    quote: Quote, held: Decimal, grid: Decimal, floor: Decimal | None
) -> tuple[WantedOrder | None, Stage]:
    """Sell at the bid while it is at or above *floor*, else rest at the floor.

    Args:
        quote: The market without our own size.
        held: Shares that an order can sell.
        grid: Tick size in force.
        floor: From :func:`floor_of_exit`.
    """
    if held <= 0:
        return None, stopped("exit_flat")
    if floor is None:
        return None, NO_BID
    if quote.best_bid is not None and quote.best_bid >= floor:
        taken = take_bid(quote, held, "exit")
        return taken, stopped("exit_dust") if taken is None else passed("exit")
    price = ceil_to_tick(floor, grid) or ONE - grid  # the grid may have become coarser
    return WantedOrder(Side.SELL, price, held, "exit_rest", post_only=False), passed("exit_rest")
