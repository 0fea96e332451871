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
_make = tuple.__new__  # an EntryText of its parts in half the time of its own constructor

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
    """One side as text; a level that stands where it stood is not written anew.

    Attributes:
        levels: What was last written.
        best: The best price beside it.
        text: As it was written.
        size: The text of the size at *best*; ``null`` where its level has not come.
    """

    def __init__(self) -> None:
        self.levels: tuple[Level, ...] = ()
        self.best: Decimal | None = None
        self.text = b"[]"
        self.size = b"null"
        self._texts: list[bytes] = []

    def write(self, levels: tuple[Level, ...], best: Decimal | None) -> None:
        was, texts = self.levels, self._texts
        if len(levels) != len(was):
            self._texts = texts = [_level(level) for level in levels]
        else:
            for place, level in enumerate(levels):
                if level is not was[place]:
                    texts[place] = _level(level)
        self.text = b"[%b]" % b",".join(texts)
        self.levels, self.best = levels, best
        has_come = levels and best is not None and levels[0].price == best
        self.size = _encode(float(levels[0].size)) if has_come else b"null"


class EntryMaker:
    """Writes one token's quotes as entries.

    Most events change one level or none that is published, so what has not changed since
    the last entry is not written anew. A book keeps the objects of what it does not change,
    so it is enough to ask whether they are the same; a wrong no costs only time.
    """

    def __init__(self) -> None:
        self._bids = _Side()
        self._asks = _Side()
        self._last_trade_price: Decimal | None = None
        self._tick_size: Decimal | None = None
        self._head = b""  # the members before the sizes; none: nothing was written yet
        self._facts = b""  # those between the sizes and the time

    def to_entry(self, quote: Quote, health: TokenHealth, conn: int) -> EntryText:
        """Write a quote as an entry; ``seq`` is the snapshot writer's and not in it.

        Args:
            quote: The quote.
            health: What it is worth now.
            conn: Id of the connection that brought it.
        """
        bids, asks, at = self._bids, self._asks, quote.received_at
        if (
            quote.best_bid is not bids.best
            or quote.best_ask is not asks.best
            or quote.last_trade_price is not self._last_trade_price
            or quote.tick_size is not self._tick_size
            or not self._head
        ):
            self._write_prices(quote)
        if quote.bids is not bids.levels or quote.best_bid is not bids.best:
            bids.write(quote.bids, quote.best_bid)
        if quote.asks is not asks.levels or quote.best_ask is not asks.best:
            asks.write(quote.asks, quote.best_ask)
        versioned = (
            b'%b,"bid_size":%b,"ask_size":%b,%b,"ts":%b,"bids":%b,"asks":%b,"event_type":"%b"}'
            % (
                self._head,
                bids.size,
                asks.size,
                self._facts,
                _encode(at if quote.exchange_at is None else quote.exchange_at),
                bids.text,
                asks.text,
                quote.event_type.encode(),
            )
        )
        rest = b'{"updated_at":%b,"health":"%b","conn":%d}' % (_encode(at), health.encode(), conn)
        return _make(EntryText, (versioned, rest))

    def _write_prices(self, quote: Quote) -> None:
        self._last_trade_price, self._tick_size = quote.last_trade_price, quote.tick_size
        self._head = b'{"price":%b,"best_bid":%b,"best_ask":%b' % (
            _number(_price_of(quote)),
            _number(quote.best_bid),
            _number(quote.best_ask),
        )
        self._facts = b'"last_trade_price":%b,"tick_size":%b' % (
            _number(quote.last_trade_price),
            _number(quote.tick_size),
        )


def _level(level: Level) -> bytes:
    return _encode((float(level.price), float(level.size)))


def _number(number: Decimal | None) -> bytes:
    return b"null" if number is None else _encode(float(number))


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


@lru_cache(maxsize=2048)
def _exact(price: float) -> Decimal:
    """Return a price as its shortest text says it; a grid of 0.001 has 999 of them."""
    return Decimal(repr(price))


def _decimal(price: float | None) -> Decimal | None:
    return None if price is None else _exact(price)


def _level_of(row: tuple[float, float]) -> Level:
    price, size = row
    return Level(_exact(price), Decimal(repr(size)))
