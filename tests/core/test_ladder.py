"""A ladder is a sorted set of levels, whatever order they come in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.ladder import TOP, Asks, Bids, Ladder
from POLYMARKET_MAKER.core.model import Level

PRICES = st.integers(1, 12).map(lambda hundredths: Decimal(hundredths) / 100)
SIZES = st.integers(0, 3).map(Decimal)


def level(price: str, size: str = "1") -> Level:
    return Level(Decimal(price), Decimal(size))


def test_levels_may_come_in_any_order() -> None:
    levels = [level("0.2"), level("0.9"), level("0.1")]

    assert Bids(levels).best == Decimal("0.9")
    assert Asks(levels).best == Decimal("0.1")


def test_size_zero_is_no_level() -> None:
    ladder = Bids([level("0.2"), level("0.9", "0")])
    ladder.set(Decimal("0.2"), Decimal("0.00"))
    ladder.set(Decimal("0.3"), Decimal(0))

    assert len(ladder) == 0
    assert ladder.best is None


def test_prices_are_numbers_not_texts() -> None:
    ladder = Asks([level("0.5")])
    ladder.set(Decimal("0.50"), Decimal(7))

    assert ladder.ascending() == [level("0.50", "7")]


def test_top_levels_begin_at_the_given_price() -> None:
    """Inside a batch the ladder may still hold levels beyond the published best."""
    levels = [level(f"0.{number}") for number in range(1, 10)]

    assert [str(price) for price, _ in Bids(levels).top(Decimal("0.75"))] == [
        "0.7", "0.6", "0.5", "0.4", "0.3",
    ]  # fmt: skip
    assert [str(price) for price, _ in Asks(levels).top(Decimal("0.75"))] == ["0.8", "0.9"]


@given(st.lists(st.tuples(PRICES, SIZES)), PRICES)
def test_a_ladder_is_the_last_size_at_each_price(
    changes: list[tuple[Decimal, Decimal]], limit: Decimal
) -> None:
    bids, asks = Bids(), Asks()
    for price, size in changes:
        for ladder in (bids, asks):
            ladder.set(price, size)
            ladder.top(limit)  # what was asked before must not be remembered for too long
    expected = sorted((price, size) for price, size in dict(changes).items() if size > 0)
    falling = expected[::-1]

    assert bids.ascending() == asks.ascending() == expected
    assert bids.descending() == asks.descending() == falling
    assert list(bids.top(limit)) == [each for each in falling if each[0] <= limit][:TOP]
    assert list(asks.top(limit)) == [each for each in expected if each[0] >= limit][:TOP]
    assert bids.best == (falling[0][0] if falling else None)
    assert asks.best == (expected[0][0] if expected else None)


@pytest.mark.parametrize(
    ("side", "prices", "limit"),
    [
        (Bids, ("0.6", "0.5", "0.4", "0.3", "0.2"), "0.6"),
        (Asks, ("0.1", "0.2", "0.3", "0.4", "0.5"), "0.1"),
    ],
)
def test_a_change_of_the_last_of_the_top_levels_shows(
    side: type[Ladder], prices: tuple[str, ...], limit: str
) -> None:
    ladder = side(level(price) for price in prices)
    before = ladder.top(Decimal(limit))
    ladder.set(Decimal(prices[-1]), Decimal(9))

    assert before[-1] == level(prices[-1])
    assert ladder.top(Decimal(limit))[-1] == level(prices[-1], "9")


def test_what_did_not_change_is_the_same_object() -> None:
    """By that, who writes a quote as text knows that it need not."""
    bids = Bids(level(f"0.{n}") for n in range(1, 10))
    before = bids.top(Decimal("0.9"))
    bids.set(Decimal("0.1"), Decimal(7))
    unchanged = bids.top(Decimal("0.9"))
    bids.set(Decimal("0.8"), Decimal(7))
    after = bids.top(Decimal("0.9"))

    assert unchanged is before
    assert [one is other for one, other in zip(after, before, strict=True)] == [
        True,
        False,
        True,
        True,
        True,
    ]
