"""Rate limits per signer: token buckets for orders and cancels, told in the answers' headers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from POLYMARKET_MAKER.sim.refusals import Refused, too_many_requests


@dataclass(frozen=True, slots=True)
class Limit:
    """How fast a signer may act: *per_s* on average, *burst* at once."""

    per_s: float
    burst: float


# The Standard tier as announced on 2026-07-24.
STANDARD = {"orders": Limit(40.0, 60.0), "cancels": Limit(80.0, 120.0)}


@dataclass(slots=True)
class Bucket:
    limit: Limit
    left: float
    at_mono: float

    def refill(self, now_mono: float) -> None:
        gained = (now_mono - self.at_mono) * self.limit.per_s
        self.left = min(self.limit.burst, self.left + gained)
        self.at_mono = now_mono


@dataclass(slots=True)
class Budgets:
    """What every signer has left.

    Attributes:
        limits: By kind of request; replace them to make a signer run dry.
    """

    limits: dict[str, Limit] = field(default_factory=lambda: dict(STANDARD))
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def spend(self, address: str, kind: str, cost: int, now_mono: float) -> dict[str, str]:
        """Take *cost* from a signer's bucket, all or nothing, and return the headers to send.

        Raises:
            Refused: The bucket holds less; the headers say when to come back.
        """
        limit = self.limits[kind]
        key = (address.lower(), kind)
        bucket = self._buckets.setdefault(key, Bucket(limit, limit.burst, now_mono))
        bucket.limit = limit
        bucket.refill(now_mono)
        if bucket.left < cost:
            wait_s = math.ceil((cost - bucket.left) / limit.per_s)
            refused: Refused = too_many_requests()
            refused.headers = {**_headers(bucket, wait_s), "Retry-After": str(wait_s)}
            raise refused
        bucket.left -= cost
        return _headers(bucket, math.ceil((limit.burst - bucket.left) / limit.per_s))


def _headers(bucket: Bucket, reset_s: int) -> dict[str, str]:
    return {
        "Poly-RateLimit-Remaining": str(int(bucket.left)),
        "Poly-RateLimit-Reset": str(reset_s),
        "Poly-RateLimit-Tier": "Standard",
    }
