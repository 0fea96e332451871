"""What the paper exchange accepts and fills, as pure functions of order and quote.

The refusals are the exchange's own texts (exchange docs, 2026-09), so that paper
and live take the same path through the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from POLYMARKET_MAKER.core.model import ZERO, Level, MarketInfo, Quote, Side
from POLYMARKET_MAKER.core.money import MARKETABLE_MINIMUM, is_marketable
from POLYMARKET_MAKER.core.order import NewOrder, OpenOrder, TimeInForce
from POLYMARKET_MAKER.exchange.amounts import IMMEDIATE

NOT_READY: Final = "the market is not yet ready to process new orders"
CROSSES: Final = "invalid post-only order: order crosses book"
TOO_POOR: Final = "not enough balance / allowance"
NO_MATCH: Final = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
NOT_FULLY: Final = "order couldn't be fully filled. FOK orders are fully filled or killed."
GONE: Final = "Order not found or already canceled"
MATCHED: Final = "Order already matched"


def refusal(
    order: NewOrder, market: MarketInfo, quote: Quote, levels: Sequence[Level], free: Decimal
) -> str | None:
    """Return what the exchange would say to *order*, or None where it would take it.

    Args:
        order: On the grid already.
        market: Its market.
        quote: The book of this moment.
        levels: What the order could take at once, best first.
        free: Unlocked cash for a buy, unlocked shares for a sell.
    """
    is_buy = order.side is Side.BUY
    crosses = is_marketable(order, quote.best_bid, quote.best_ask)
    is_small = order.time_in_force not in IMMEDIATE and order.size < market.min_order_size
    is_cheap = crosses and is_buy and order.notional < MARKETABLE_MINIMUM
    available = sum((level.size for level in levels), ZERO)
    is_cut = order.time_in_force is TimeInForce.FOK and available < order.size
    is_alone = order.time_in_force is TimeInForce.FAK and not available
    minimum = market.min_order_size
    checks = (
        (order.post_only and crosses, CROSSES),
        (is_small, f"order is invalid. Size ({order.size}) lower than the minimum: {minimum}"),
        (is_cheap, f"invalid amount for a marketable BUY order (${order.notional}), min size: $1"),
        (free < (order.notional if is_buy else order.size), TOO_POOR),
        (is_cut, NOT_FULLY),
        (is_alone, NO_MATCH),
    )
    return next((text for failed, text in checks if failed), None)


def reachable(order: NewOrder, quote: Quote) -> Iterator[Level]:
    """Yield the displayed levels that *order* may trade with, best first."""
    for level in quote.asks if order.side is Side.BUY else quote.bids:
        is_buy = order.side is Side.BUY
        if level.price <= order.price if is_buy else level.price >= order.price:
            yield level


def is_through(order: OpenOrder, quote: Quote) -> bool:
    """Whether the market has traded beyond the order's price, so that it must have filled."""
    if order.side is Side.BUY:
        return quote.best_ask is not None and quote.best_ask < order.price
    return quote.best_bid is not None and quote.best_bid > order.price
