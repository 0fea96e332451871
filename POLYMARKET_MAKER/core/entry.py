"""A quote as an entry of the snapshot file, and back: one pair of functions.

The names and units of the entry are a contract with other programs, see
``docs/ws_cache.md``. A missing side is null there, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from POLYMARKET_MAKER.core.model import Level, Quote, TokenHealth

Entry = dict[str, object]


def to_entry(quote: Quote, health: TokenHealth, conn: int) -> Entry:
    """Write a quote as an entry; ``seq`` is the snapshot writer's and not in it.

    Args:
        quote: The quote.
        health: What it is worth now.
        conn: Id of the connection that brought it.
    """
    bids, asks = _pairs(quote.bids), _pairs(quote.asks)
    return {
        "price": _float(_price_of(quote)),
        "best_bid": _float(quote.best_bid),
        "best_ask": _float(quote.best_ask),
        "bid_size": bids[0][1] if bids and quote.bids[0].price == quote.best_bid else None,
        "ask_size": asks[0][1] if asks and quote.asks[0].price == quote.best_ask else None,
        "last_trade_price": _float(quote.last_trade_price),
        "tick_size": _float(quote.tick_size),
        "ts": quote.received_at if quote.exchange_at is None else quote.exchange_at,
        "updated_at": quote.received_at,
        "bids": bids,
        "asks": asks,
        "event_type": quote.event_type,
        "health": health.value,
        "conn": conn,
    }


class _Fields(msgspec.Struct):
    """What is read of an entry. Keys that are absent are facts that the writer did not have."""

    updated_at: float
    best_bid: float | None = None
    best_ask: float | None = None
    bids: tuple[tuple[float, float], ...] = ()
    asks: tuple[tuple[float, float], ...] = ()
    last_trade_price: float | None = None
    tick_size: float | None = None
    ts: float | None = None
    seq: int = 0
    event_type: str = ""


def from_entry(token_id: str, entry: Mapping[str, object], *, seq: int | None = None) -> Quote:
    """Read an entry back as a quote; keys that are not known come from a newer writer.

    The prices are exact: an entry holds the shortest text of each number.

    Args:
        token_id: The entry's key.
        entry: Its fields.
        seq: Its version, where the reader of the file keeps that apart from the fields.

    Raises:
        ValueError: A field has the wrong type, or ``updated_at`` is missing.
    """
    try:
        fields = msgspec.convert(entry, _Fields)
    except msgspec.ValidationError as error:
        raise ValueError(f"entry of {token_id}: {error}") from error
    return Quote(
        token_id=token_id,
        best_bid=_decimal(fields.best_bid),
        best_ask=_decimal(fields.best_ask),
        bids=_levels(fields.bids),
        asks=_levels(fields.asks),
        last_trade_price=_decimal(fields.last_trade_price),
        tick_size=_decimal(fields.tick_size),
        exchange_at=fields.ts,
        received_at=fields.updated_at,
        seq=fields.seq if seq is None else seq,
        event_type=fields.event_type,
    )


def _price_of(quote: Quote) -> Decimal | None:
    """Return the last trade when it lies within the quote, else the middle, else None."""
    last, bid, ask = quote.last_trade_price, quote.best_bid, quote.best_ask
    if bid is None and ask is None:
        return None
    if last is not None and (bid is None or bid <= last) and (ask is None or last <= ask):
        return last
    return quote.mid


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def _pairs(levels: Sequence[Level]) -> list[list[float]]:
    return [[float(price), float(size)] for price, size in levels]


def _decimal(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(repr(number))


def _levels(rows: tuple[tuple[float, float], ...]) -> tuple[Level, ...]:
    return tuple([Level(Decimal(repr(price)), Decimal(repr(size))) for price, size in rows])
