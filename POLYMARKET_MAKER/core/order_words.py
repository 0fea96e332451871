"""The exchange's words for orders and trades, the same in REST rows and in the user channel."""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import FillStatus


def side_of(word: str) -> Side:
    """Read a side in either case; ``ValueError`` for any other word."""
    return Side(word.upper())


def order_status(word: str) -> str:
    """Read an order's status, with or without REST's ``ORDER_STATUS_`` prefix."""
    return word.upper().removeprefix("ORDER_STATUS_")


def fill_status(word: str) -> FillStatus:
    """Read a trade's status, with or without REST's ``TRADE_STATUS_`` prefix."""
    bare = word.upper().removeprefix("TRADE_STATUS_")
    return FillStatus("MATCHED" if bare == "MATCHED_NOT_BROADCASTED" else bare)


def maker_side(said: str | None, *, taker: str, is_same_token: bool) -> Side:
    """Return a resting order's side of a trade.

    A buyer meets a seller of the same token, or a buyer of the other one.

    Args:
        said: What the row says of it; it may say nothing.
        taker: The taker's side.
        is_same_token: Whether both traded the same token.
    """
    if said:
        return side_of(said)
    return side_of(taker).opposite if is_same_token else side_of(taker)


def finite(number: Decimal) -> Decimal:
    """Refuse ``NaN`` and infinity, which ``Decimal`` would take from a string."""
    if not number.is_finite():
        raise ValueError(f"number was {number}")
    return number
