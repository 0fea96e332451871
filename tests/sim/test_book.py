"""The mirrored book and its hash."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import sha1
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.sim.book import Book, book_hash
from POLYMARKET_MAKER.sim.canonical import text, three_decimals
from POLYMARKET_MAKER.sim.model import Order, Side

prices = st.integers(1, 99).map(lambda cents: Decimal(cents) / 100)
sizes = st.integers(1, 100_000).map(lambda hundredths: Decimal(hundredths) / 100)
rests = st.lists(st.tuples(st.sampled_from(Side), st.integers(0, 1), prices, sizes), max_size=30)


def order(number: int, side: Side, token: int, price: str | Decimal, size: str | Decimal) -> Order:
    return Order(
        id=f"0x{number:x}",
        wallet="0xw",
        owner="",
        condition_id="0xc",
        token=token,
        side=side,
        price=Decimal(price),
        size=Decimal(size),
    )


def shown(book: Book, token: int, *, is_bid: bool) -> list[tuple[str, str]]:
    bids, asks = book.sides_json(token)
    return [(each["price"], each["size"]) for each in json.loads(bids if is_bid else asks)]


def test_buying_one_token_is_offering_the_other_at_the_rest_of_a_dollar() -> None:
    book = Book()

    book.add(order(1, Side.BUY, 0, "0.49", "20"))

    assert shown(book, 0, is_bid=True) == [("0.49", "20")]
    assert shown(book, 1, is_bid=False) == [("0.51", "20")]


def test_bids_ascend_and_asks_descend_so_that_the_best_is_last() -> None:
    book = Book()
    for number, (side, price) in enumerate(
        [(Side.BUY, "0.4"), (Side.BUY, "0.42"), (Side.SELL, "0.5"), (Side.SELL, "0.45")]
    ):
        book.add(order(number, side, 0, price, "5"))

    assert [price for price, _ in shown(book, 0, is_bid=True)] == ["0.4", "0.42"]
    assert [price for price, _ in shown(book, 0, is_bid=False)] == ["0.5", "0.45"]
    assert book.top(0) == (Decimal("0.42"), Decimal("0.45"))
    assert book.top(1) == (Decimal("0.55"), Decimal("0.58"))


def test_a_level_is_gone_with_its_last_order() -> None:
    book = Book()
    first, second = order(1, Side.SELL, 1, "0.3", "4"), order(2, Side.BUY, 0, "0.7", "6")
    book.add(first)
    book.add(second)

    book.reduce(first, Decimal(4))
    assert book.size_at(Decimal("0.7"), is_bid=True) == 6
    book.reduce(second, Decimal(6))

    assert book.top(0) == (None, None)


@given(rests)
def test_the_two_books_of_a_market_are_exact_mirrors(
    orders: list[tuple[Side, int, Decimal, Decimal]],
) -> None:
    book = Book()
    for number, (side, token, price, size) in enumerate(orders):
        book.add(order(number, side, token, price, size))

    for is_bid in (True, False):
        own = shown(book, 0, is_bid=is_bid)
        other = shown(book, 1, is_bid=not is_bid)
        assert [(text(1 - Decimal(price)), size) for price, size in own] == other


def plain_hash(fields: dict[str, Any]) -> str:
    """Hash as the exchange's own client libraries do it, from one JSON object."""
    data = json.dumps(fields, separators=(",", ":"))
    return sha1(data.encode(), usedforsecurity=False).hexdigest()


def test_the_hash_is_the_sha1_of_the_compact_book_with_an_empty_hash() -> None:
    book = Book()
    book.add(order(1, Side.BUY, 0, "0.01", "92790"))
    book.add(order(2, Side.SELL, 0, "0.5", "45.2"))
    fields = {
        "market": "0xm",
        "asset_id": "7",
        "timestamp": "1790766966313",
        "hash": "",
        "bids": [{"price": "0.01", "size": "92790"}],
        "asks": [{"price": "0.5", "size": "45.2"}],
        "min_order_size": "5",
        "tick_size": "0.01",
        "neg_risk": False,
        "last_trade_price": "0.490",
    }

    for is_position, expected in ((False, fields), (True, {**fields, "version": "v2"})):
        assert plain_hash(expected) == book_hash(
            market="0xm",
            asset_id="7",
            timestamp_ms=1790766966313,
            sides=book.sides_json(0),
            min_order_size="5",
            tick_size="0.01",
            neg_risk=False,
            last_trade_price="0.490",
            is_position=is_position,
        )


def test_a_last_trade_price_has_three_decimals() -> None:
    assert three_decimals(Decimal("0.49")) == "0.490"
    assert three_decimals(Decimal("0.5")) == "0.500"
    assert three_decimals(Decimal("0.0325")) == "0.0325"


def test_the_hash_is_that_of_the_recorded_snapshots(frames: Path) -> None:
    """Real books, so that the simulator cannot be wrong together with its own tests."""
    books = [book for line in frames.glob("*.jsonl") for book in snapshots(line)]

    assert books
    for book in books:
        sides = (compact(book["bids"]), compact(book["asks"]))
        assert book["hash"] == book_hash(
            market=book["market"],
            asset_id=book["asset_id"],
            timestamp_ms=int(book["timestamp"]),
            sides=sides,
            min_order_size="5",
            tick_size=book["tick_size"],
            neg_risk=False,
            last_trade_price=book["last_trade_price"],
            is_position="version" in book,
        )


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def snapshots(recording: Path) -> list[dict[str, Any]]:
    found = []
    for line in recording.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        payload = record.get("payloadUtf8", record.get("data", ""))
        if isinstance(payload, str) and payload.startswith('[{"market"'):
            found += [book for book in json.loads(payload) if book["event_type"] == "book"]
    return found
