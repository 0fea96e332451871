"""Sell what is held now, whatever strategy bought it: exit signals, exit-only children, flatten."""

from __future__ import annotations

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


def exit_floor(quote: Quote, grid: Decimal, slippage: Decimal) -> Decimal | None:
    """Return the lowest price of an exit that begins now: the bid less the slippage.

    Never below one tick. None when nobody bids: an exit begins with a bid.
    """
    if quote.best_bid is None:
        return None
    return ceil_to_tick(quote.best_bid - slippage, grid)


def exit_order(
    quote: Quote, held: Decimal, grid: Decimal, floor: Decimal | None
) -> tuple[WantedOrder | None, Stage]:
    """Sell at the bid while it is at or above *floor*, else rest at the floor.

    Args:
        quote: The market without our own size.
        held: Shares that an order can sell.
        grid: Tick size in force.
        floor: From :func:`exit_floor` when the exit began.
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
