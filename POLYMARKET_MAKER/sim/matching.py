"""One taker against one level of the book: who is filled, and the trade that it makes."""

from __future__ import annotations

import random
import uuid
from decimal import Decimal
from hashlib import sha256

from POLYMARKET_MAKER.sim.book import Level
from POLYMARKET_MAKER.sim.canonical import ONE, ZERO
from POLYMARKET_MAKER.sim.checks import shares_wanted
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import MakerFill, Order, Trade


def take_level(market: Market, taker: Order, level: Level) -> list[tuple[Order, Decimal]]:
    """Fill *taker* from the queue of one level, oldest order first; return who sold how much."""
    fills = []
    price = level.price if taker.token == 0 else ONE - level.price
    for maker in list(level.orders.values()):
        size = min(maker.remaining, shares_wanted(taker, price))
        if size <= 0:
            break
        market.book.reduce(maker, size)
        maker.matched += size
        taker.matched += size
        taker.spent += size * price
        fills.append((maker, size))
    return fills


def trade_of(
    market: Market,
    taker: Order,
    book_price: Decimal,
    fills: list[tuple[Order, Decimal]],
    now_ms: int,
    *,
    ids: random.Random,
) -> Trade:
    """Describe what :func:`take_level` did.

    Args:
        market: The market.
        taker: Who took.
        book_price: The level's price, as the first token's book has it.
        fills: What :func:`take_level` returned.
        now_ms: Now.
        ids: Where the trade's ids come from.
    """
    price = book_price if taker.token == 0 else ONE - book_price
    size = sum((size for _, size in fills), ZERO)
    return Trade(
        id=str(uuid.UUID(int=ids.getrandbits(128), version=4)),
        condition_id=market.spec.condition_id,
        taker_order_id=taker.id,
        wallet=taker.wallet,
        owner=taker.owner,
        token=taker.token,
        side=taker.side,
        price=price,
        size=size,
        fee=market.fee(price, size),
        makers=tuple(_maker_fill(maker, size) for maker, size in fills),
        matched_at_ms=now_ms,
        updated_at_ms=now_ms,
        transaction_hash="0x" + sha256(ids.randbytes(8)).hexdigest(),
        bucket_index=len(taker.trade_ids),
        taker_is_flow=taker.is_flow,
    )


def _maker_fill(maker: Order, size: Decimal) -> MakerFill:
    return MakerFill(
        order_id=maker.id,
        wallet=maker.wallet,
        owner=maker.owner,
        token=maker.token,
        side=maker.side,
        price=maker.price,
        size=size,
        is_flow=maker.is_flow,
    )
