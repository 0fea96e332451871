"""Which numbers a frame of the exchange may carry: what cannot be true is not read."""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO

ONE = Decimal(1)
SMALLEST = Decimal("0.000001")
"""The exchange counts shares and collateral in millionths."""
MAX_SIZE = Decimal(10) ** 15
"""More shares than dollars exist; beyond it a number is an attack or an accident."""


class BadFrame(ValueError):
    """The frame is JSON of the right shape, with a value that cannot be."""


def require_level(price: Decimal, size: Decimal) -> None:
    """Refuse what can be no level; a comparison with NaN raises by itself."""
    if not (SMALLEST <= price <= ONE and (size == ZERO or SMALLEST <= size < MAX_SIZE)):
        raise BadFrame(f"level was {price} x {size}")


def share(number: Decimal | None, name: str) -> Decimal | None:
    """Pass a part of a dollar through: not nothing, and at most one."""
    if number is not None and not SMALLEST <= number <= ONE:
        raise BadFrame(f"{name} was {number}")
    return number


def last_trade_text(text: str | None) -> str | None:
    """Pass the text of a price through, which the hash needs as it is."""
    if text:
        share(Decimal(text), "last_trade_price")
    return text


def finite(number: Decimal | None) -> Decimal | None:
    """Pass a number through; NaN and Infinity are numbers to a decimal parser, not to a market."""
    if number is not None and not number.is_finite():
        raise BadFrame(f"number was {number}")
    return number
