"""The frame that nearly all frames are, read the short way.

A ``price_change`` as it is spelled in 2026-09. :mod:`POLYMARKET_MAKER.core.wire` reads every
frame, this one too; what is spelled in any other way, or is wrong somewhere, is left to it.
The two never differ in what they say of a text, but for members that nothing here uses: the
short way does not look at them, and core/wire refuses a frame in which one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from POLYMARKET_MAKER.core.bounds import ONE, finite, require_level
from POLYMARKET_MAKER.core.events import Change, PriceChange
from POLYMARKET_MAKER.core.model import ZERO

NUMBERS_KEPT = 4096
LONGEST_KEPT = 24
"""Characters of a text that is kept: a frame may not fill the memory."""
_END = '"event_type":"price_change"}'


class _Row(msgspec.Struct, gc=False):
    asset_id: Annotated[str, msgspec.Meta(min_length=1)]
    price: str
    size: str
    side: Literal["BUY", "SELL"]
    hash: str
    best_bid: str
    best_ask: str


class _Frame(msgspec.Struct, gc=False):
    market: str
    timestamp: str
    price_changes: list[_Row]
    event_type: Literal["price_change"]


class _Numbers(dict[str, Decimal]):
    """Texts to numbers: each is read and checked once while it is one of the last thousands.

    A number raises as it does in :mod:`.bounds`, and is not kept.
    """

    def __init__(self, check: Callable[[Decimal], object]) -> None:
        self._check = check

    def __missing__(self, text: str) -> Decimal:
        number = Decimal(text)
        self._check(number)
        if len(self) >= NUMBERS_KEPT:
            self.clear()
        if len(text) <= LONGEST_KEPT:
            self[text] = number
        return number


_prices = _Numbers(lambda price: require_level(price, ZERO))
_sizes = _Numbers(lambda size: require_level(ONE, size))
_bests = _Numbers(finite)
_decode = msgspec.json.Decoder(_Frame).decode


def read_changes(text: str) -> PriceChange | None:
    """Read *text*; None when it is anything else, or there is anything wrong with it."""
    if not text.endswith(_END):
        return None
    try:
        frame = _decode(text)
        changes = [
            Change(
                _prices[row.price],
                _sizes[row.size],
                row.side,
                row.asset_id,
                row.hash,
                _bests[row.best_bid],
                _bests[row.best_ask],
            )
            for row in frame.price_changes
        ]
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return None
    return PriceChange(frame.market, frame.timestamp, tuple(changes))
