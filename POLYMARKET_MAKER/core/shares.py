"""What a wallet holds against what the ledger's fills add up to: whose are the others?

More in the wallet than in the ledger is foreign. Less is a shortfall: redeemed, or sold by
hand. Two sources must say so, because each of them lags in its own way: of two numbers
the one counts that is nearer to the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO
from POLYMARKET_MAKER.core.money import SIZE_STEP
from POLYMARKET_MAKER.core.order import Fill, FillStatus

LEAST_APART_S = 15.0
TWICE_WITHIN_S = 60.0
"""A shortfall is believed when it is seen twice within this time, and not at one blow."""
SETTLED_S = 60.0
"""So long after a trade the wallet may not show it yet."""
FORGOTTEN_S = 3600.0
"""A trade that was matched so long ago is over, whatever we heard of it last."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A shortfall, or a surplus, that was seen once.

    Attributes:
        held: What the ledger held.
        missing: How much of that the wallet did not have; negative for a surplus.
        at: When, in epoch seconds.
    """

    held: Decimal
    missing: Decimal
    at: float

    def is_same(self, before: Sighting | None) -> bool:
        """Whether *before* was the same, and not too long ago."""
        return (
            before is not None
            and (self.held, self.missing) == (before.held, before.missing)
            and 0 <= self.at - before.at <= TWICE_WITHIN_S
        )

    def confirms(self, before: Sighting | None) -> bool:
        """Whether *before* was the same, seen neither just now nor too long ago."""
        return self.is_same(before) and before is not None and self.at - before.at >= LEAST_APART_S


def difference(held: Decimal, *wallet: Decimal) -> Decimal:
    """Return how much more (positive) or less than *held* every source finds in the wallet.

    0 when they do not agree on the direction, or for less than an order could have.
    """
    least, most = min(wallet) - held, max(wallet) - held
    if least >= SIZE_STEP:
        return least
    return most if most <= -SIZE_STEP else ZERO


def is_pending(fill: Fill, now: float) -> bool:
    """Whether a trade of ours may not have reached the wallet yet, or may still be undone."""
    age_s = now - fill.at
    if age_s < SETTLED_S:
        return True
    is_final = fill.status in (FillStatus.CONFIRMED, FillStatus.FAILED)
    return not is_final and age_s < FORGOTTEN_S
