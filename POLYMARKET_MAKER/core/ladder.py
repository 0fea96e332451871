"""One side of a book: every level, sorted, changed level by level."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from decimal import Decimal

from POLYMARKET_MAKER.core.model import Level

TOP = 5
"""Levels a side that are published."""


class Ladder:
    """All levels of one side by price: of the bids, or of the asks.

    The top is asked from one end only: :meth:`down_from` for bids, :meth:`up_from` for asks.

    Prices are numbers, not texts: "0.5" and "0.50" are one level. The sizes keep the
    digits they came with, which the exchange's hash needs.
    """

    __slots__ = ("_levels", "_prices", "_top", "_top_from")

    def __init__(self, levels: Iterable[Level] = ()) -> None:
        self._levels: dict[Decimal, Level] = {}
        self._prices: list[Decimal] = []
        self._top: tuple[Level, ...] = ()  # what was last asked for
        self._top_from: Decimal | None = None  # from which price; None: has to be made anew
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

    @property
    def highest(self) -> Decimal | None:
        return self._prices[-1] if self._prices else None

    @property
    def lowest(self) -> Decimal | None:
        return self._prices[0] if self._prices else None

    def down_from(self, price: Decimal) -> tuple[Level, ...]:
        """Return the top levels at or below *price*, highest first."""
        if self._top_from == price:
            return self._top
        prices = self._prices
        end = len(prices)
        if prices and prices[-1] > price:
            end = bisect_right(prices, price)
        levels = self._levels
        self._top = tuple([levels[each] for each in reversed(prices[max(0, end - TOP) : end])])
        self._top_from = price
        return self._top

    def up_from(self, price: Decimal) -> tuple[Level, ...]:
        """Return the top levels at or above *price*, lowest first."""
        if self._top_from == price:
            return self._top
        prices = self._prices
        start = 0
        if prices and prices[0] < price:
            start = bisect_left(prices, price)
        levels = self._levels
        self._top = tuple([levels[each] for each in prices[start : start + TOP]])
        self._top_from = price
        return self._top

    def ascending(self) -> list[Level]:
        return [self._levels[price] for price in self._prices]

    def descending(self) -> list[Level]:
        return [self._levels[price] for price in reversed(self._prices)]
