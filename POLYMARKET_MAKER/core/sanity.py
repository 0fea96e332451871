"""Whether a top of book can be true; the same gate for WebSocket and REST.

What cannot be is refused always. What is only improbable (a sudden gap between bid and
ask as wide as the ghost books of py-clob-client #180, or a leap of the middle) is
refused until the ladder bears it out: news does move a market that far, and then the
levels move with it.
"""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO

ONE = Decimal(1)
WIDE = Decimal("1.8")
"""Spread over middle. 0.05 against 0.95 is as wide; 0.01 against 0.99 is wider."""
FAR = Decimal("0.25")
"""Leap of the middle, in USD."""

Top = tuple[Decimal | None, Decimal | None]


def fault_of(top: Top, *, before: Top | None = None, borne_out: bool = False) -> str | None:
    """Say what is wrong with a top of book; None when nothing is.

    Args:
        top: Best bid and ask; a missing side is no fault.
        before: The last accepted one; None when there is none to compare with.
        borne_out: Whether the whole ladder shows the same top.
    """
    bid, ask = top
    if (bid is not None and not ZERO < bid < ONE) or (ask is not None and not ZERO < ask < ONE):
        return "range"
    if bid is None or ask is None:
        return None
    if bid >= ask:
        return "crossed"
    if before is None or borne_out or top == before:
        return None
    return _improbable(bid, ask, before)


def _improbable(bid: Decimal, ask: Decimal, before: Top) -> str | None:
    old_bid, old_ask = before
    if old_bid is None or old_ask is None:
        return None
    if _is_wide(bid, ask) and not _is_wide(old_bid, old_ask):
        return "spread"
    if abs(bid + ask - old_bid - old_ask) > 2 * FAR:
        return "distance"
    return None


def _is_wide(bid: Decimal, ask: Decimal) -> bool:
    return 2 * (ask - bid) >= WIDE * (ask + bid)
