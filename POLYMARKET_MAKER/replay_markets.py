"""Facts of the markets in a recording, where no exchange can be asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion
from POLYMARKET_MAKER.recording import read_recording

USUAL_TICK_SIZE = Decimal("0.01")
USUAL_MIN_ORDER_SIZE = Decimal(5)
"""What the exchange asks of most markets; a recording of frames does not say it."""


def markets_of(path: Path) -> list[MarketInfo]:
    """Return the markets whose books are in a recording.

    Raises:
        RecordingError: The file cannot be read.
    """
    books: dict[str, BookSnapshot] = {}
    for frame in read_recording(path):
        for event in wire.parse(frame.text):
            if isinstance(event, BookSnapshot):
                books.setdefault(event.token_id, event)
    return [_market(book, list(books.values())) for book in books.values()]


def _market(book: BookSnapshot, books: Sequence[BookSnapshot]) -> MarketInfo:
    siblings = [
        each.token_id
        for each in books
        if each.market == book.market and each.token_id != book.token_id
    ]
    return MarketInfo(
        token_id=book.token_id,
        condition_id=book.market,
        sibling_id=siblings[0] if len(siblings) == 1 else None,
        outcome="",
        title="recorded market",
        tick_size=book.tick_size or USUAL_TICK_SIZE,
        min_order_size=USUAL_MIN_ORDER_SIZE,
        neg_risk=False,
        order_version=OrderVersion.V3 if book.version == "v2" else OrderVersion.V2,
    )
