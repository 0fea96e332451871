"""How many requests the exchange still takes from this account: a token bucket for each kind.

The numbers are those of the Standard tier (exchange docs, 2026-09, per signer):
orders 40 a second with a burst of 60, cancels 80 with 120. The exchange tells what is
left in the headers ``Poly-RateLimit-*``; its word wins over our counting when it is lower.

Cancels have a bucket of their own and are never refused: an order that should be
gone costs more than a request too many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """What a request costs from."""

    ORDER = "order"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of a budget.

    Attributes:
        rate_per_s: How fast it fills.
        burst: How much it holds.
        level: What was in it at *at*; below 0 when cancels went beyond it.
        at: When, in seconds of a clock that nobody sets.
    """

    rate_per_s: float
    burst: float
    level: float
    at: float

    def filled(self, now: float) -> Bucket:
        """Return the bucket as it is *now*; another process may have counted a moment later."""
        return replace(self, level=self._level_at(now), at=now)

    def _level_at(self, now: float) -> float:
        passed_s = max(0.0, now - self.at)
        return min(self.burst, self.level + passed_s * self.rate_per_s)

    def wait_s(self, cost: float, now: float) -> float:
        """Return how long to wait until *cost* can be taken; 0 when it can now."""
        missing = min(cost, self.burst) - self._level_at(now)
        return max(0.0, missing / self.rate_per_s)

    def taken(self, cost: float, now: float) -> Bucket:
        """Return the bucket after *cost* was taken, whether it held that much or not."""
        filled = self.filled(now)
        return replace(filled, level=filled.level - cost)

    def told(self, remaining: float, now: float) -> Bucket:
        """Return the bucket after the exchange said what is left."""
        filled = self.filled(now)
        return replace(filled, level=min(filled.level, remaining))

    def refused(self, retry_after_s: float, now: float) -> Bucket:
        """Return the bucket after a 429: it holds nothing to take for *retry_after_s*."""
        return self.told(1 - retry_after_s * self.rate_per_s, now)


def full(kind: Kind, now: float) -> Bucket:
    """Return the bucket of an account that has sent nothing yet."""
    rate_per_s, burst = (40.0, 60.0) if kind is Kind.ORDER else (80.0, 120.0)
    return Bucket(rate_per_s, burst, burst, now)


def wait_to_place_s(orders: Bucket, cancels: Bucket, now: float) -> float:
    """Return how long to wait until one more order may be sent; 0 when it may be now.

    Cancels come first: what could not be cancelled at once is not placed.
    """
    return max(orders.wait_s(1, now), cancels.wait_s(1, now))
