"""One side of a book: every level, sorted, changed level by level."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
        self._prices: list[Decimal] = []  # rising
        self._levels: list[Level] = []  # of these prices: a search compares numbers, not levels
        self._top: tuple[Level, ...] = ()  # as last asked for
        self._top_from: Decimal | None = None  # from which price; None: it has changed since
        self.replace(levels)

    def __len__(self) -> int:
        return len(self._prices)

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget everything and take *levels*, in any order; size 0 is no level."""
        by_price = {level.price: level for level in levels if level.size > 0}
        self._prices = sorted(by_price)
        self._levels = [by_price[price] for price in self._prices]
        self._top_from = None

    def set(self, price: Decimal, size: Decimal) -> None:
        """Make *size* the new total at *price*; 0 removes the level."""
        prices = self._prices
        place = bisect_left(prices, price)
        is_there = place < len(prices) and prices[place] == price
        if size > 0:
            if is_there:
                self._levels[place] = Level(price, size)
            else:
                prices.insert(place, price)
                self._levels.insert(place, Level(price, size))
        elif is_there:
            del prices[place], self._levels[place]
        if self._top_from is not None and self._is_in_top(price):
            self._top_from = None

    def ascending(self) -> list[Level]:
        return list(self._levels)

    def descending(self) -> list[Level]:
        return self._levels[::-1]

    def _is_in_top(self, price: Decimal) -> bool:
        """Whether a change at *price* may change the levels that were last asked for."""
        raise NotImplementedError


class Bids(Ladder):
    """The buyers: the highest price is the best."""

    __slots__ = ()

    @property
    def best(self) -> Decimal | None:
        return self._prices[-1] if self._prices else None

    def top(self, limit: Decimal) -> tuple[Level, ...]:
        """Return the best levels at or below *limit*, best first.

        The same object as before where nothing in it has changed.
        """
        if self._top_from != limit:
            end = bisect_right(self._prices, limit)
            self._top = tuple(self._levels[max(0, end - TOP) : end][::-1])
            self._top_from = limit
        return self._top

    def _is_in_top(self, price: Decimal) -> bool:
        return len(self._top) < TOP or price >= self._top[-1].price


class Asks(Ladder):
    """The sellers: the lowest price is the best."""

    __slots__ = ()

    @property
    def best(self) -> Decimal | None:
        return self._prices[0] if self._prices else None

    def top(self, limit: Decimal) -> tuple[Level, ...]:
        """Return the best levels at or above *limit*, best first; see :meth:`Bids.top`."""
        if self._top_from != limit:
            start = bisect_left(self._prices, limit)
            self._top = tuple(self._levels[start : start + TOP])
            self._top_from = limit
        return self._top

    def _is_in_top(self, price: Decimal) -> bool:
        return len(self._top) < TOP or price <= self._top[-1].price
