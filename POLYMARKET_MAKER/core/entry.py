"""A quote as an entry of the snapshot file, and back.

The names and units of the entry are a contract with other programs, see
``docs/ws_cache.md``. A missing side is null there, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from POLYMARKET_MAKER.core.model import Level, Quote, TokenHealth

_encode = msgspec.json.Encoder().encode


_Rows = tuple[tuple[float, float], ...]


class EntryText(NamedTuple):
    """An entry as two JSON objects, as ``SnapshotWriter.put_text`` takes them.

    Attributes:
        versioned: The fields of which each change is a new version.
        rest: The others: ``updated_at``, ``health``, ``conn``.
    """

    versioned: bytes
    rest: bytes


class _Side:
    """The levels of one side as text; a level that stands where it stood is not written anew."""

    def __init__(self) -> None:
        self._levels: tuple[Level, ...] = ()
        self._texts: list[bytes] = []
        self._text = b"[]"

    def write(self, levels: tuple[Level, ...]) -> bytes:
        if levels is not self._levels:
            known = zip(levels, self._levels, self._texts, strict=False)
            texts = [text if level is was else _level(level) for level, was, text in known]
            texts += [_level(level) for level in levels[len(texts) :]]
            self._levels, self._texts, self._text = levels, texts, b"[%b]" % b",".join(texts)
        return self._text


class EntryMaker:
    """Writes one token's quotes as entries.

    Most events change one level or none that is published, so what has not changed since
    the last entry is not written anew.
    """

    def __init__(self) -> None:
        self._quote: Quote | None = None
        self._top = b""  # the members that stand before ``ts``
        self._bids = _Side()
        self._asks = _Side()

    def to_entry(self, quote: Quote, health: TokenHealth, conn: int) -> EntryText:
        """Write a quote as an entry; ``seq`` is the snapshot writer's and not in it.

        Args:
            quote: The quote.
            health: What it is worth now.
            conn: Id of the connection that brought it.
        """
        last, self._quote = self._quote, quote
        if last is None or not _same_top(quote, last):
            self._top = _encode(_top_of(quote))[1:-1]
        at = quote.received_at
        return EntryText(
            b'{%b,"ts":%b,"bids":%b,"asks":%b,"event_type":"%b"}'
            % (
                self._top,
                _encode(at if quote.exchange_at is None else quote.exchange_at),
                self._bids.write(quote.bids),
                self._asks.write(quote.asks),
                quote.event_type.encode(),
            ),
            b'{"updated_at":%b,"health":"%b","conn":%d}' % (_encode(at), health.encode(), conn),
        )


def _top_of(quote: Quote) -> dict[str, float | None]:
    return {
        "price": _float(_price_of(quote)),
        "best_bid": _float(quote.best_bid),
        "best_ask": _float(quote.best_ask),
        "bid_size": _size_at(quote.best_bid, quote.bids),
        "ask_size": _size_at(quote.best_ask, quote.asks),
        "last_trade_price": _float(quote.last_trade_price),
        "tick_size": _float(quote.tick_size),
    }


def _same_top(quote: Quote, last: Quote) -> bool:
    """Whether two quotes have the same top of book; a wrong no costs only time."""
    return (
        quote.bids[:1] == last.bids[:1]
        and quote.asks[:1] == last.asks[:1]
        and quote.best_bid == last.best_bid
        and quote.best_ask == last.best_ask
        and quote.last_trade_price == last.last_trade_price
        and quote.tick_size == last.tick_size
    )


def _size_at(best: Decimal | None, levels: tuple[Level, ...]) -> float | None:
    """Return the size at the best price, where its level has come."""
    return float(levels[0].size) if levels and levels[0].price == best else None


def _level(level: Level) -> bytes:
    return _encode((float(level.price), float(level.size)))


class _Fields(msgspec.Struct):
    """What is read of an entry. Keys that are absent are facts that the writer did not have."""

    updated_at: float
    best_bid: float | None = None
    best_ask: float | None = None
    bids: _Rows = ()
    asks: _Rows = ()
    last_trade_price: float | None = None
    tick_size: float | None = None
    ts: float | None = None
    seq: int = 0
    event_type: str = ""


class EntryReader:
    """Reads one token's entries back as quotes.

    Most entries differ from the last one in one level or none, so what has not changed is not
    read anew. The numbers are exact: an entry holds the shortest text of each.
    """

    def __init__(self, token_id: str) -> None:
        """Read entries whose key is *token_id*."""
        self._token_id = token_id
        self._bids = _Levels()
        self._asks = _Levels()

    def read(self, entry: Mapping[str, object], *, seq: int | None = None) -> Quote:
        """Return the quote; keys that are not known come from a newer writer.

        Args:
            entry: The entry's fields.
            seq: Its version, where the reader of the file keeps that apart from the fields.

        Raises:
            ValueError: A field has the wrong type, or ``updated_at`` is missing.
        """
        try:
            fields = msgspec.convert(entry, _Fields)
        except msgspec.ValidationError as error:
            raise ValueError(f"entry of {self._token_id}: {error}") from error
        return Quote(
            self._token_id,
            _decimal(fields.best_bid),
            _decimal(fields.best_ask),
            self._bids.read(fields.bids),
            self._asks.read(fields.asks),
            _decimal(fields.last_trade_price),
            _decimal(fields.tick_size),
            fields.ts,
            fields.updated_at,
            fields.seq if seq is None else seq,
            fields.event_type,
        )


class _Levels:
    """The levels of one side as numbers; one that stands where it stood is not read anew."""

    def __init__(self) -> None:
        self._rows: _Rows = ()
        self._levels: tuple[Level, ...] = ()

    def read(self, rows: _Rows) -> tuple[Level, ...]:
        if rows != self._rows:
            known = zip(rows, self._rows, self._levels, strict=False)
            levels = [level if row == was else _level_of(row) for row, was, level in known]
            levels += [_level_of(row) for row in rows[len(levels) :]]
            self._rows, self._levels = rows, tuple(levels)
        return self._levels


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


@lru_cache(maxsize=2048)
def _exact(price: float) -> Decimal:
    """Return a price as its shortest text says it; a grid of 0.001 has 999 of them."""
    return Decimal(repr(price))


def _decimal(price: float | None) -> Decimal | None:
    return None if price is None else _exact(price)


def _level_of(row: tuple[float, float]) -> Level:
    price, size = row
    return Level(_exact(price), Decimal(repr(size)))
