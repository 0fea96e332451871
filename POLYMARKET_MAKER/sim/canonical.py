"""Write numbers and JSON the way the exchange does."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

ONE = Decimal(1)
ZERO = Decimal(0)


def text(value: Decimal) -> str:
    """Return *value* without exponent and without trailing zeros: ``0.5``, never ``0.50``."""
    return format(value.normalize(), "f")


def three_decimals(price: Decimal) -> str:
    """Return a last trade price as books carry it, ``0.490``.

    Three decimals were seen at ticks 0.01 and 0.001. Finer prices are not
    established; they keep all their digits here.
    """
    short = format(price, ".3f")
    return short if Decimal(short) == price else text(price)


def compact(value: Any) -> str:
    """Encode *value* as snapshots and REST bodies are: no blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def spaced(value: Any) -> str:
    """Encode *value* as later market frames are: a blank after each comma only."""
    return json.dumps(value, separators=(", ", ":"), ensure_ascii=False)
