"""A rolling window of prices by time, in bounded memory."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import msgspec

SLOTS = 240
"""Resolution of a window: it forgets a price up to 1/240 of its length too early."""


class Sample(NamedTuple):
    """A price, and when it was the newest, to within a slot before the last time."""

    at: float
    price: Decimal


class HighWindow(msgspec.Struct, frozen=True):
    """The highest price of the last *length_s* seconds; a value, what it becomes is another one.

    Kept are only the samples that can still become the highest: each is lower and
    newer than the one before it. Within one slot (1/240 of the length) only the
    highest of them is kept, so the memory is bounded however busy the market is.

    Attributes:
        length_s: Length of the window in seconds.
        peaks: Falling prices in rising time.
        count: Samples seen, counted up to 2: with fewer there is nothing to compare.
    """

    length_s: float
    peaks: tuple[Sample, ...] = ()
    count: int = 0

    @property
    def high(self) -> Decimal | None:
        """The highest price; None before the first sample."""
        return self.peaks[0].price if self.peaks else None

    def add(self, at: float, price: Decimal) -> HighWindow:
        """Return the window with *price* in it and what is older than its length gone."""
        oldest, slot_s = at - self.length_s, self.length_s / SLOTS
        if self.count > 1 and self.peaks and self.peaks[0].at > oldest:
            last_at, last_price = self.peaks[-1]
            if price == last_price and at // slot_s == last_at // slot_s:
                return self  # as nearly always; it is kept to within a slot
        kept = [peak for peak in self.peaks if peak.at > oldest]
        while kept and kept[-1].price <= price:
            kept.pop()
        # A lower price in the slot of a higher one cannot become the high for longer than a slot.
        if not kept or at // slot_s != kept[-1].at // slot_s:
            kept.append(Sample(at, price))
        return HighWindow(self.length_s, tuple(kept), min(2, self.count + 1))

    def drop(self, price: Decimal) -> Decimal:
        """Return how far *price* is below the high, as a share of the high; 0 at a new high."""
        high = self.high
        if high is None or price >= high:
            return Decimal(0)
        return (high - price) / high
