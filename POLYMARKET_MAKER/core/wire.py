"""Exchange text to typed events.

The only module, with :mod:`.changes`, that says ``asset_id``, ``buys`` and ``sells``.
Market channel of 2026-09 and its older spellings: ``buys``/``sells`` for a book,
``changes`` or flat fields for a price change, one object or an array of objects
a frame, and a few frames that are not JSON at all.

:func:`parse` never raises: what it cannot read is an :class:`Unreadable`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from POLYMARKET_MAKER.core.bounds import BadFrame, finite, last_trade_text, require_level, share
from POLYMARKET_MAKER.core.changes import read_changes
from POLYMARKET_MAKER.core.events import (
    BestBidAsk,
    BookSnapshot,
    Change,
    Event,
    LastTrade,
    MarketResolved,
    NewMarket,
    Notice,
    Pong,
    PriceChange,
    Skipped,
    TickSizeChange,
    Unknown,
    Unreadable,
)
from POLYMARKET_MAKER.core.model import Level
from POLYMARKET_MAKER.core.redaction import redact

FLOOD_CHARS = 1000
_FLOOD = ('"event_type":"new_market"', '"event_type": "new_market"')
_JSON_HEADS = ("{", "[")
_FIRST_ID = '"asset_id"'


class _Rung(msgspec.Struct, gc=False):
    price: Decimal
    size: Decimal


class _Change(Change, frozen=True, gc=False):
    """The event as it is spelled on the wire."""

    token_id: str = msgspec.field(default="", name="asset_id")


class _Frame(msgspec.Struct):
    """The union of all market events: one decode, whatever the type and the order of keys."""

    event_type: str = ""
    market: str = ""
    asset_id: str = ""
    timestamp: str | int = ""
    hash: str | None = None
    bids: list[_Rung] | None = None
    asks: list[_Rung] | None = None
    buys: list[_Rung] | None = None
    sells: list[_Rung] | None = None
    tick_size: Decimal | None = None
    last_trade_price: str | None = None
    version: str | None = None
    price_changes: tuple[_Change, ...] | None = None
    changes: tuple[_Change, ...] | None = None
    price: Decimal | None = None
    size: Decimal | None = None
    side: str = ""
    best_bid: Decimal | None = None
    best_ask: Decimal | None = None
    new_tick_size: Decimal | None = None
    assets_ids: tuple[str, ...] | None = None
    winning_asset_id: str | None = None


_UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
_frames = msgspec.json.Decoder(_Frame | list[_Frame])
_pieces = msgspec.json.Decoder(list[msgspec.Raw])
_one = msgspec.json.Decoder(_Frame)


def parse(text: str, *, skip_book: Callable[[str], bool] | None = None) -> list[Event]:
    """Read one text frame of the market channel.

    Args:
        text: The frame as received.
        skip_book: Asked with the token id of a lone ``book`` before it is parsed;
            true drops it as :class:`Skipped`. It must be quick.

    Returns:
        The frame's events in order; one bad element of an array spoils only itself.
    """
    changes = read_changes(text)
    return _parse_any(text, skip_book) if changes is None else [changes]


def _parse_any(text: str, skip_book: Callable[[str], bool] | None) -> list[Event]:
    if text[:1] not in _JSON_HEADS:
        stripped = text.strip()
        if stripped[:1] not in _JSON_HEADS:
            return [Pong() if stripped == "PONG" else Notice(redact(stripped))]
        text = stripped
    if text[0] == "{":
        if skip_book is not None and (token_id := _lone_book_of(text)) and skip_book(token_id):
            return [Skipped(token_id)]
        if len(text) > FLOOD_CHARS and any(mark in text for mark in _FLOOD):
            return [NewMarket()]
    try:
        decoded = _frames.decode(text)
        if isinstance(decoded, list):
            return [_event(frame) for frame in decoded]
        return [_event(decoded)]
    except _UNREADABLE:
        return _parse_piecewise(text)


def _parse_piecewise(text: str) -> list[Event]:
    """Read a frame again, slowly, so that what is good in it is kept."""
    try:
        pieces = _pieces.decode(text) if text.startswith("[") else [msgspec.Raw(text.encode())]
    except _UNREADABLE as error:
        return [Unreadable(str(error), redact(text))]
    return [_parse_tolerant(bytes(piece)) for piece in pieces]


def _parse_tolerant(piece: bytes) -> Event:
    """Read one object; an empty text or null where a number belongs counts as absent."""
    try:
        raw = msgspec.json.decode(piece)
        if not isinstance(raw, dict):
            return Unreadable(
                f"element was {type(raw).__name__}, expected object", redact(piece.decode())
            )
        return _event(msgspec.convert(_without_blanks(raw), _Frame, strict=False))
    except _UNREADABLE as error:
        return Unreadable(str(error), redact(piece.decode(errors="replace")))


def _without_blanks(raw: dict[str, object]) -> dict[str, object]:
    kept = {
        key: value
        for key, value in raw.items()
        if value is not None and (value != "" or key == "last_trade_price")
    }
    changes = kept.get("price_changes")
    if isinstance(changes, list):
        kept["price_changes"] = [
            _without_blanks(change) if isinstance(change, dict) else change for change in changes
        ]
    return kept


def _event(frame: _Frame) -> Event:
    build = _BUILDERS.get(frame.event_type)
    if build is None:
        return Unknown(frame.event_type, f"market={frame.market} asset_id={frame.asset_id}")
    return build(frame)


def _price_change(frame: _Frame) -> Event:
    changes: tuple[Change, ...] | None = frame.price_changes
    if changes is None:
        changes = _old_changes(frame)
    for change in changes:
        require_level(change.price, change.size)
        finite(change.best_bid)
        finite(change.best_ask)
        if change.side not in ("BUY", "SELL"):
            raise BadFrame(f"side was {change.side!r}, expected BUY or SELL")
        if not change.token_id:
            raise BadFrame("price change without asset_id")
    return PriceChange(frame.market, str(frame.timestamp), changes)


def _old_changes(frame: _Frame) -> tuple[Change, ...]:
    """Read ``changes`` (until 2025-09-15) or the flat form (2024); neither has a best bid."""
    if frame.changes is not None:
        return tuple(
            msgspec.structs.replace(change, token_id=frame.asset_id, hash=frame.hash)
            for change in frame.changes
        )
    if frame.price is None or frame.size is None:
        raise BadFrame("price_change without price_changes, changes or price")
    return (Change(frame.price, frame.size, frame.side, frame.asset_id, frame.hash),)


def _book(frame: _Frame) -> Event:
    bids = frame.bids if frame.bids is not None else frame.buys
    asks = frame.asks if frame.asks is not None else frame.sells
    if bids is None or asks is None:
        raise BadFrame("book without bids or asks")
    return BookSnapshot(
        frame.market,
        str(frame.timestamp),
        _token_of(frame),
        _levels(bids),
        _levels(asks),
        frame.hash or "",
        share(frame.tick_size, "tick_size"),
        last_trade_text(frame.last_trade_price),
        frame.version or "",
    )


def _levels(rungs: list[_Rung]) -> tuple[Level, ...]:
    for rung in rungs:
        require_level(rung.price, rung.size)
    return tuple([Level(rung.price, rung.size) for rung in rungs])


def _best_bid_ask(frame: _Frame) -> Event:
    return BestBidAsk(
        frame.market,
        str(frame.timestamp),
        _token_of(frame),
        finite(frame.best_bid),
        finite(frame.best_ask),
    )


def _last_trade(frame: _Frame) -> Event:
    price = share(frame.price, "price")
    if price is None:
        raise BadFrame("last_trade_price without price")
    return LastTrade(
        frame.market,
        str(frame.timestamp),
        _token_of(frame),
        price,
        finite(frame.size),
        frame.side,
    )


def _tick_size_change(frame: _Frame) -> Event:
    tick_size = share(frame.new_tick_size, "new_tick_size")
    if tick_size is None:
        raise BadFrame("tick_size_change without new_tick_size")
    return TickSizeChange(frame.market, str(frame.timestamp), _token_of(frame), tick_size)


def _market_resolved(frame: _Frame) -> Event:
    return MarketResolved(
        frame.market, str(frame.timestamp), frame.assets_ids or (), frame.winning_asset_id
    )


def _token_of(frame: _Frame) -> str:
    if not frame.asset_id:
        raise BadFrame(f"{frame.event_type} without asset_id")
    return frame.asset_id


_BUILDERS: dict[str, Callable[[_Frame], Event]] = {
    "price_change": _price_change,
    "book": _book,
    "best_bid_ask": _best_bid_ask,
    "last_trade_price": _last_trade,
    "tick_size_change": _tick_size_change,
    "market_resolved": _market_resolved,
    "new_market": lambda _: NewMarket(),
}


def _lone_book_of(text: str) -> str:
    """Return the token of a frame that is one large ``book``, else "", without parsing it."""
    start = text.find(_FIRST_ID, 0, 400)
    if start < 0 or "price_change" in text[:start] or '"bids"' not in text[:400]:
        return ""
    opening = text.find('"', start + len(_FIRST_ID))
    closing = text.find('"', opening + 1)
    return text[opening + 1 : closing] if 0 < opening < closing else ""
