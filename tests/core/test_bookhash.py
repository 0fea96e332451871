"""The exchange's hash proves a ladder, also when some hashed fields must be guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.bookhash import HashProof, book_hash, hash_prefix, three_decimals
from POLYMARKET_MAKER.core.events import BookSnapshot
from tests.support import market_text as market
from tests.support.market_text import text

TICK = Decimal("0.01")


def prefix(message: dict[str, Any]) -> bytes:
    book = wire.parse(text(message))[0]
    assert isinstance(book, BookSnapshot)
    return hash_prefix(book.market, book.token_id, book.timestamp, book.bids, book.asks)


def test_hash_is_that_of_the_rest_book() -> None:
    message = market.book()

    digest = book_hash(prefix(message), tick_size=TICK, last_trade_price="0.490")

    assert digest == market.rest_hash(message, last_trade_price="0.490")


def test_protocol_v2_books_hash_their_version_too() -> None:
    """As the last key, on an empty book as well."""
    message = market.book(bids=[], asks=[])

    digest = book_hash(prefix(message), tick_size=TICK, last_trade_price="", version="v2")

    assert digest == market.rest_hash(message, version="v2")


def test_sizes_keep_the_digits_they_came_with() -> None:
    message = market.book(bids=[("0.4", "0.000001"), ("0.41", "100000000000000.10")])

    assert book_hash(prefix(message), tick_size=TICK, last_trade_price="") == market.rest_hash(
        message
    )


@pytest.mark.parametrize("last_trade_price", ["", "0.490", "0.001", "1.000"])
@pytest.mark.parametrize("neg_risk", [False, True])
def test_proof_finds_the_fields_that_were_not_sent(
    last_trade_price: str,
    neg_risk: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A book that follows a trade already holds that trade's price."""
    message = market.book()
    expected = market.rest_hash(message, last_trade_price=last_trade_price, neg_risk=neg_risk)
    proof = HashProof()

    assert proof.check(prefix(message), TICK, expected, search=True)
    assert (proof.last_trade_price, proof.neg_risk) == (last_trade_price, neg_risk)
    assert (proof.ok, proof.bad) == (1, 0)


def test_without_search_only_likely_prices_are_tried() -> None:
    message = market.book()
    expected = market.rest_hash(message, last_trade_price="0.490")

    assert not HashProof().check(prefix(message), TICK, expected, search=False)
    assert HashProof(last_trade_price="0.490").check(prefix(message), TICK, expected, search=False)


def test_a_ladder_that_differs_by_one_size_does_not_match() -> None:
    ours = market.book(bids=[("0.49", "120.5")])
    theirs = market.book(bids=[("0.49", "120")])

    assert not HashProof().check(prefix(ours), TICK, market.rest_hash(theirs), search=True)


def test_a_hash_that_never_matches_is_unsupported() -> None:
    """The rule has changed before; then the hash convicts nobody."""
    proof = HashProof()
    for _ in range(5):
        proof.check(prefix(market.book()), TICK, "another rule", search=False)

    assert proof.is_unsupported


def test_a_hash_that_matched_once_stays_supported() -> None:
    message = market.book()
    proof = HashProof()
    proof.check(prefix(message), TICK, market.rest_hash(message), search=False)
    for _ in range(10):
        proof.check(prefix(message), TICK, "wrong", search=False)

    assert not proof.is_unsupported
    assert (proof.ok, proof.bad) == (1, 10)


def test_last_trade_prices_have_three_decimals_at_every_tick() -> None:
    assert [three_decimals(Decimal(price)) for price in ("0.5", "0.51", "0.638")] == [
        "0.500",
        "0.510",
        "0.638",
    ]
