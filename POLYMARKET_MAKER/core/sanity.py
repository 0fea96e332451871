"""Whether a quote can be true; the same gate for WebSocket and REST."""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO

ONE = Decimal(1)


def fault_of(best_bid: Decimal | None, best_ask: Decimal | None) -> str | None:
    """Say what is wrong with a top of book; None when nothing is. A missing side is no fault."""
    for price in (best_bid, best_ask):
        if price is not None and not ZERO < price < ONE:
            return "range"
    if best_bid is not None and best_ask is not None and best_bid >= best_ask:
        return "crossed"
    return None
