"""One side of a book: every level, sorted, changed level by level."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from decimal import Decimal

from POLYMARKET_MAKER.core.model import Level

TOP = 5
"""Levels a side that are published."""


class Ladder:
    """All levels of one side by price.

    Prices are numbers, not texts: "0.5" and "0.50" are one level. The sizes keep the
    digits they came with, which the exchange's hash needs.
    """

    __slots__ = ("_levels", "_prices", "_top", "_top_from")

    def __init__(self, levels: Iterable[Level] = ()) -> None:
        self._levels: dict[Decimal, Level] = {}
        self._prices: list[Decimal] = []
        self._top: tuple[Level, ...] = ()  # as last asked for
        self._top_from: Decimal | None = None  # from which price; None: the levels changed since
        self.replace(levels)

    def __len__(self) -> int:
        return len(self._prices)

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget everything and take *levels*, in any order; size 0 is no level."""
        self._levels = {level.price: level for level in levels if level.size > 0}
        self._prices = sorted(self._levels)
        self._top_from = None

    def set(self, price: Decimal, size: Decimal) -> None:
        """Make *size* the new total at *price*; 0 removes the level."""
        self._top_from = None
        if size > 0:
            if price not in self._levels:
                insort(self._prices, price)
            self._levels[price] = Level(price, size)
        elif self._levels.pop(price, None) is not None:
            del self._prices[bisect_left(self._prices, price)]

    def ascending(self) -> list[Level]:
        return [self._levels[price] for price in self._prices]

    def descending(self) -> list[Level]:
        return [self._levels[price] for price in reversed(self._prices)]


class Bids(Ladder):
    """The buyers: the highest price is the best."""

    __slots__ = ()

    @property
    def best(self) -> Decimal | None:
        return self._prices[-1] if self._prices else None

    def top(self, limit: Decimal) -> tuple[Level, ...]:
        """Return the best levels at or below *limit*, best first."""
        if self._top_from != limit:
            prices, levels = self._prices, self._levels
            end = len(prices)
            if prices and prices[-1] > limit:
                end = bisect_right(prices, limit)
            self._top = tuple([levels[each] for each in reversed(prices[max(0, end - TOP) : end])])
            self._top_from = limit
        return self._top


class Asks(Ladder):
    """The sellers: the lowest price is the best."""

    __slots__ = ()

    @property
    def best(self) -> Decimal | None:
        return self._prices[0] if self._prices else None

    def top(self, limit: Decimal) -> tuple[Level, ...]:
        """Return the best levels at or above *limit*, best first."""
        if self._top_from != limit:
            prices, levels = self._prices, self._levels
            start = 0
            if prices and prices[0] < limit:
                start = bisect_left(prices, limit)
            self._top = tuple([levels[each] for each in prices[start : start + TOP]])
            self._top_from = limit
        return self._top
