"""A quote survives the way through the snapshot file exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from POLYMARKET_MAKER.core.entry import EntryMaker, EntryReader
from POLYMARKET_MAKER.core.model import Level, Quote, TokenHealth

QUOTE = Quote(
    token_id="7132",
    best_bid=Decimal("0.49"),
    best_ask=Decimal("0.51"),
    bids=(Level(Decimal("0.49"), Decimal("120.5")), Level(Decimal("0.48"), Decimal(300))),
    asks=(Level(Decimal("0.51"), Decimal(80)),),
    last_trade_price=Decimal("0.5"),
    tick_size=Decimal("0.01"),
    exchange_at=1_795_187_463.2,
    received_at=1_795_187_463.4,
    seq=0,
    event_type="price_change",
)

PRICES = st.none() | st.integers(1, 9999).map(lambda each: Decimal(each) / 10_000)
SIZES = st.decimals("0.01", "10000000", places=2)
LEVELS = st.lists(
    st.builds(Level, st.integers(1, 9999).map(lambda each: Decimal(each) / 10_000), SIZES),
    max_size=5,
).map(tuple)
QUOTES = st.builds(
    Quote,
    token_id=st.just("7132"),
    best_bid=PRICES,
    best_ask=PRICES,
    bids=LEVELS,
    asks=LEVELS,
    last_trade_price=PRICES,
    tick_size=PRICES,
    exchange_at=st.floats(1e9, 2e9),
    received_at=st.floats(1e9, 2e9),
    seq=st.just(7),
    event_type=st.sampled_from(["book", "price_change"]),
)


def fields(quote: Quote, health: TokenHealth, conn: int) -> dict[str, Any]:
    """Return an entry as readers see it."""
    versioned, rest = EntryMaker().to_entry(quote, health, conn)
    return {**json.loads(versioned), **json.loads(rest)}


def test_an_entry_has_the_fields_that_other_programs_rely_on() -> None:
    assert fields(QUOTE, TokenHealth.LIVE, 0) == {
        "price": 0.5,
        "best_bid": 0.49,
        "best_ask": 0.51,
        "bid_size": 120.5,
        "ask_size": 80.0,
        "last_trade_price": 0.5,
        "tick_size": 0.01,
        "ts": 1_795_187_463.2,
        "updated_at": 1_795_187_463.4,
        "bids": [[0.49, 120.5], [0.48, 300.0]],
        "asks": [[0.51, 80.0]],
        "event_type": "price_change",
        "health": "live",
        "conn": 0,
    }


@given(QUOTES)
def test_a_quote_comes_back_as_it_was(quote: Quote) -> None:
    entry = fields(quote, TokenHealth.QUIET, 3)

    assert EntryReader("7132").read(entry, seq=7) == quote


@given(QUOTES)
def test_an_entry_is_text_as_msgspec_writes_it(quote: Quote) -> None:
    """The file's readers take the short way only for such a text."""
    for text in EntryMaker().to_entry(quote, TokenHealth.LIVE, 1):
        assert msgspec.json.encode(msgspec.json.decode(text)) == text


FEW_LEVELS = st.lists(
    st.sampled_from([Level(Decimal(f"0.{n}"), Decimal(size)) for n in (4, 5) for size in (1, 2)]),
    max_size=3,
).map(tuple)


@given(st.lists(st.tuples(FEW_LEVELS, FEW_LEVELS), min_size=2, max_size=6))
def test_what_was_read_before_changes_nothing_in_a_quote(
    books: list[tuple[tuple[Level, ...], tuple[Level, ...]]],
) -> None:
    reader = EntryReader("7132")
    for bids, asks in books:
        quote = replace(QUOTE, bids=bids, asks=asks)
        assert reader.read(fields(quote, TokenHealth.LIVE, 0), seq=0) == quote


def test_levels_that_stand_where_they_stood_are_not_read_anew() -> None:
    reader = EntryReader("7132")
    before = reader.read(fields(QUOTE, TokenHealth.LIVE, 0))
    top = Level(Decimal("0.49"), Decimal("99.5"))
    after = reader.read(fields(replace(QUOTE, bids=(top, *QUOTE.bids[1:])), TokenHealth.LIVE, 0))

    assert after.bids[0] == top
    assert after.bids[1] is before.bids[1]
    assert after.asks is before.asks


def test_a_missing_side_is_null_and_never_zero() -> None:
    empty = replace(QUOTE, best_bid=None, bids=(), last_trade_price=None)

    entry = fields(empty, TokenHealth.LIVE, 0)

    assert [entry[key] for key in ("best_bid", "bid_size", "price")] == [None, None, None]
    assert entry["bids"] == []
    assert EntryReader("7132").read(entry).best_bid is None


@pytest.mark.parametrize(
    ("last", "bid", "ask", "price"),
    [
        ("0.5", "0.49", "0.51", 0.5),
        ("0.49", "0.49", "0.51", 0.49),
        ("0.30", "0.48", "0.51", 0.495),
        (None, "0.48", "0.51", 0.495),
        ("0.5", None, "0.51", 0.5),
        ("0.6", None, "0.51", None),
        ("0.5", None, None, None),
    ],
)
def test_price_is_the_last_trade_within_the_quote_else_the_middle(
    last: str | None, bid: str | None, ask: str | None, price: float | None
) -> None:
    quote = replace(
        QUOTE,
        last_trade_price=None if last is None else Decimal(last),
        best_bid=None if bid is None else Decimal(bid),
        best_ask=None if ask is None else Decimal(ask),
    )

    assert fields(quote, TokenHealth.LIVE, 0)["price"] == price


def test_a_best_price_without_its_level_has_no_size() -> None:
    """The exchange may state a best price before the change that brings its level."""
    quote = replace(QUOTE, best_bid=Decimal("0.5"))

    assert fields(quote, TokenHealth.LIVE, 0)["bid_size"] is None


def test_ts_is_our_time_when_the_exchange_gave_none() -> None:
    quote = replace(QUOTE, exchange_at=None)

    assert fields(quote, TokenHealth.LIVE, 0)["ts"] == QUOTE.received_at


def test_unknown_keys_are_a_newer_writer_s() -> None:
    entry = {
        **fields(QUOTE, TokenHealth.LIVE, 0),
        "seq": 9,
        "rev": 1,
        "mood": {"a": 1},
    }

    assert EntryReader("7132").read(entry) == replace(QUOTE, seq=9)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("best_bid", "0.49"),
        ("best_bid", True),
        ("bids", [[0.49]]),
        ("bids", {"0.49": 1}),
        ("updated_at", None),
        ("seq", 1.5),
    ],
)
def test_a_wrong_type_is_an_error_that_names_the_field(key: str, value: object) -> None:
    entry = {**fields(QUOTE, TokenHealth.LIVE, 0), key: value}

    with pytest.raises(ValueError, match=key):
        EntryReader("7132").read(entry)


@given(QUOTES)
def test_what_a_maker_remembers_never_shows(quote: Quote) -> None:
    """Quotes in a row share most of their parts; each entry is as if it were the first."""
    maker, live = EntryMaker(), TokenHealth.LIVE
    part = Decimal("0.37")
    for other in (
        replace(quote, received_at=1.0),
        replace(quote, exchange_at=None),
        replace(quote, best_bid=part),
        replace(quote, best_ask=None),
        replace(quote, bids=(Level(part, part),)),
        replace(quote, bids=(Level(quote.best_bid or part, Decimal("1.5")),)),
        replace(quote, asks=(Level(quote.best_ask or part, Decimal("1.5")),)),
        replace(quote, asks=(*quote.asks, Level(part, part))),
        replace(quote, last_trade_price=part),
        replace(quote, tick_size=part),
        replace(quote, event_type="best_bid_ask"),
    ):
        for each in (quote, other):
            assert maker.to_entry(each, live, 0) == EntryMaker().to_entry(each, live, 0)

    assert b'"health":"quiet","conn":0' in maker.to_entry(other, TokenHealth.QUIET, 0).rest
    assert b'"health":"quiet","conn":1' in maker.to_entry(other, TokenHealth.QUIET, 1).rest
