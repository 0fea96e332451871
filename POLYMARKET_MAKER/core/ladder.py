"""One side of a book: every level, sorted, changed level by level."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO, Level

TOP = 5
"""Levels a side that are published."""
_make = tuple.__new__  # a Level of its parts in half the time that its own constructor takes


class Ladder:
    """All levels of one side by price.

    Prices are numbers, not texts: "0.5" and "0.50" are one level. The sizes keep the
    digits they came with, which the exchange's hash needs.

    Attributes:
        best: The best price; None when the side is empty.
    """

    __slots__ = ("_edge", "_levels", "_prices", "_top", "_top_from", "best")
    _BEST = 0  # where the best price stands
    _HIGH_IS_GOOD = False

    def __init__(self, levels: Iterable[Level] = ()) -> None:
        self.best: Decimal | None = None
        self._prices: list[Decimal] = []  # rising
        self._levels: list[Level] = []  # of these prices: a search compares numbers, not levels
        self._top: tuple[Level, ...] = ()  # as last asked for
        self._top_from: Decimal | None = None  # from which price; None: it has changed since
        self._edge: Decimal | None = None  # the worst price of a full top
        self.replace(levels)

    def __len__(self) -> int:
        return len(self._prices)

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget everything and take *levels*, in any order; size 0 is no level."""
        by_price = {level.price: level for level in levels if level.size > 0}
        self._prices = sorted(by_price)
        self._levels = [by_price[price] for price in self._prices]
        self.best = self._prices[self._BEST] if self._prices else None
        self._top_from = None

    def set(self, price: Decimal, size: Decimal) -> None:
        """Make *size* the new total at *price*; 0 removes the level."""
        prices = self._prices
        place = bisect_left(prices, price)
        is_there = place < len(prices) and prices[place] == price
        if size > ZERO:
            if is_there:
                self._levels[place] = _make(Level, (price, size))
            else:
                prices.insert(place, price)
                self._levels.insert(place, _make(Level, (price, size)))
                self.best = prices[self._BEST]
        elif is_there:
            del prices[place], self._levels[place]
            self.best = prices[self._BEST] if prices else None
        edge = self._edge
        if edge is None or price == edge or (price > edge) is self._HIGH_IS_GOOD:
            self._top_from = None

    def ascending(self) -> list[Level]:
        return list(self._levels)

    def descending(self) -> list[Level]:
        return self._levels[::-1]

    def top(self, limit: Decimal) -> tuple[Level, ...]:
        """Return the best levels from *limit* on, best first.

        The same object as before where nothing in it has changed, and so is each level.
        """
        raise NotImplementedError

    def _keep_top(self, levels: list[Level], limit: Decimal) -> tuple[Level, ...]:
        self._top = tuple(levels)
        self._top_from = limit
        self._edge = levels[-1].price if len(levels) == TOP else None
        return self._top


class Bids(Ladder):
    """The buyers: the highest price is the best."""

    __slots__ = ()
    _BEST = -1
    _HIGH_IS_GOOD = True

    def top(self, limit: Decimal) -> tuple[Level, ...]:
        """Return the best levels at or below *limit*; see :meth:`Ladder.top`."""
        if self._top_from == limit:
            return self._top
        end = bisect_right(self._prices, limit)
        return self._keep_top(self._levels[max(0, end - TOP) : end][::-1], limit)


class Asks(Ladder):
    """The sellers: the lowest price is the best."""

    __slots__ = ()

    def top(self, limit: Decimal) -> tuple[Level, ...]:
        """Return the best levels at or above *limit*; see :meth:`Ladder.top`."""
        if self._top_from == limit:
            return self._top
        start = bisect_left(self._prices, limit)
        return self._keep_top(self._levels[start : start + TOP], limit)
