"""The one book of a binary market: resting orders by price and time.

A market has two complementary tokens whose books are exact mirrors: a BUY at p
of one is a SELL at 1 - p of the other. Only the primary token's book is kept;
the other one is a view.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha1

from POLYMARKET_MAKER.sim.canonical import ONE, ZERO, text
from POLYMARKET_MAKER.sim.model import Order


class Level:
    """The orders at one price, oldest first."""

    __slots__ = ("_mirror_json", "_own_json", "orders", "price", "total")

    def __init__(self, price: Decimal) -> None:
        self.price = price
        self.orders: dict[str, Order] = {}
        self.total = ZERO
        self._own_json = ""
        self._mirror_json = ""

    def grow(self, by: Decimal) -> None:
        self.total += by
        self._own_json = self._mirror_json = ""

    def json(self, token: int) -> str:
        """Return the level as the hash is taken over it; kept until the total moves."""
        if not self._own_json:
            size = text(self.total)
            self._own_json = f'{{"price":"{text(self.price)}","size":"{size}"}}'
            self._mirror_json = f'{{"price":"{text(ONE - self.price)}","size":"{size}"}}'
        return self._mirror_json if token else self._own_json


class Book:
    def __init__(self) -> None:
        self._levels: dict[bool, dict[Decimal, Level]] = {True: {}, False: {}}
        self._prices: dict[bool, list[Decimal]] = {True: [], False: []}

    def add(self, order: Order) -> None:
        """Put *order* at the end of the queue of its price."""
        levels = self._levels[order.is_bid]
        price = order.book_price
        level = levels.get(price)
        if level is None:
            level = levels[price] = Level(price)
            insort(self._prices[order.is_bid], price)
        level.orders[order.id] = order
        level.grow(order.remaining)

    def reduce(self, order: Order, by: Decimal) -> None:
        """Take *by* shares of a resting order off the book, the order too when none remain.

        Call it before ``order.matched`` grows.
        """
        level = self._levels[order.is_bid][order.book_price]
        level.grow(-by)
        if by == order.remaining:
            del level.orders[order.id]
        if not level.orders:
            self._drop(order.is_bid, level.price)

    def _drop(self, is_bid: bool, price: Decimal) -> None:  # noqa: FBT001 - the side of the book
        del self._levels[is_bid][price]
        prices = self._prices[is_bid]
        del prices[bisect_left(prices, price)]

    def best(self, *, is_bid: bool) -> Decimal | None:
        prices = self._prices[is_bid]
        if not prices:
            return None
        return prices[-1] if is_bid else prices[0]

    def size_at(self, price: Decimal, *, is_bid: bool) -> Decimal:
        level = self._levels[is_bid].get(price)
        return level.total if level else ZERO

    def crossing(self, limit: Decimal, *, is_bid: bool) -> Iterator[Level]:
        """Yield the levels a taker of side *is_bid* reaches at *limit*, best first."""
        prices = list(self._prices[not is_bid])
        for price in prices if is_bid else reversed(prices):
            if (price > limit) if is_bid else (price < limit):
                return
            yield self._levels[not is_bid][price]

    def orders(self, *, is_bid: bool) -> Iterator[Order]:
        """Yield resting orders, lowest price first, oldest first."""
        for price in list(self._prices[is_bid]):
            yield from list(self._levels[is_bid][price].orders.values())

    def ladder(self, token: int, *, is_bid: bool) -> list[Level]:
        """Return one side of one token's book in wire order: the best level last.

        Bids ascend and asks descend in the token's own price. The mirror turns
        both the side and the order of prices, so bids of the primary token and
        asks of the secondary are the same list.
        """
        own_side = is_bid == (token == 0)
        levels = self._levels[own_side]
        prices = self._prices[own_side]
        return [levels[price] for price in (prices if own_side else reversed(prices))]

    def top(self, token: int) -> tuple[Decimal | None, Decimal | None]:
        """Return best bid and best ask in the token's own price; None is an empty side."""
        bid, ask = self.best(is_bid=True), self.best(is_bid=False)
        if token == 0:
            return bid, ask
        return (None if ask is None else ONE - ask, None if bid is None else ONE - bid)

    def sides_json(self, token: int) -> tuple[str, str]:
        """Return bids and asks as compact JSON, the form in which they are hashed."""
        bids = ",".join([level.json(token) for level in self.ladder(token, is_bid=True)])
        asks = ",".join([level.json(token) for level in self.ladder(token, is_bid=False)])
        return f"[{bids}]", f"[{asks}]"


def book_hash(
    *,
    market: str,
    asset_id: str,
    timestamp_ms: int,
    sides: tuple[str, str],
    min_order_size: str,
    tick_size: str,
    neg_risk: bool,
    last_trade_price: str,
    is_position: bool,
) -> str:
    """Return the SHA-1 that the exchange sends with a book.

    It is taken over the compact JSON of these ten keys in this order, ``hash``
    being empty, bids ascending and asks descending; Protocol-V2 ids append a
    ``version``.

    *sides* are bids and asks as :meth:`Book.sides_json` returns them.
    *last_trade_price* is empty before the first trade, then it has three
    decimals and is the primary token's for both tokens.
    """
    bids, asks = sides
    version = ',"version":"v2"' if is_position else ""
    hashed = (
        f'{{"market":"{market}","asset_id":"{asset_id}","timestamp":"{timestamp_ms}","hash":"",'
        f'"bids":{bids},"asks":{asks},"min_order_size":"{min_order_size}",'
        f'"tick_size":"{tick_size}","neg_risk":{"true" if neg_risk else "false"},'
        f'"last_trade_price":"{last_trade_price}"{version}}}'
    )
    return sha1(hashed.encode(), usedforsecurity=False).hexdigest()
