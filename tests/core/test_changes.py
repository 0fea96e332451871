"""The short way through a price change says what the long way says, or leaves it to it."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from benchmarks.moving_market import MovingMarket
from POLYMARKET_MAKER.core import changes, wire
from POLYMARKET_MAKER.core.changes import read_changes
from POLYMARKET_MAKER.core.events import Event

LETTERS = '{}[]",:0123456789.eE+-NaInfity_ \u00e9\\ulBUYSEL'
WORDS = ("NaN", "sNaN", "-Infinity", "1e-7", "1e-6", "1_0", " 0.5", "2", "-0", "0", "0.50", "")
NAMES = ("price", "size", "best_bid", "best_ask", "side", "asset_id", "hash", "timestamp")


def frames() -> list[str]:
    market = MovingMarket()
    market.books()
    return [market.change() for _ in range(20)]


def spoiled(text: str, chance: random.Random) -> str:
    """Change a few characters of a frame, or one of its values, but not how it ends."""
    letters = list(text)
    for _ in range(chance.randint(0, 2)):
        place = chance.randrange(len(letters) - 30)
        letters[place : place + chance.randint(0, 2)] = chance.choice([chance.choice(LETTERS), ""])
    text, name = "".join(letters), chance.choice(NAMES)
    value = chance.choice([f'"{word}",' for word in WORDS] + ["0.5,", "7,", "null,", "[],"])
    return text if chance.random() < 0.6 else text.replace(f'"{name}":', f'"{name}":{value}"x":', 1)


def the_long_way(text: str, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    with monkeypatch.context() as patch:
        patch.setattr(wire, "read_changes", lambda _text: None)
        return wire.parse(text)


def test_an_ordinary_frame_goes_the_short_way() -> None:
    event = read_changes(frames()[0])

    assert event is not None
    assert event.timestamp == "1790766966316"
    assert [type(change.price) for change in event.changes] == [Decimal, Decimal]
    assert event.changes[0].price + event.changes[1].price == 1


@pytest.mark.parametrize(
    "end", ['"x\\"event_type":"price_change"}', '"event_type ":"price_change"}']
)
def test_a_frame_is_no_price_change_because_its_text_ends_like_one(end: str) -> None:
    frame = frames()[0].replace('"event_type":"price_change"}', end)

    assert read_changes(frame) is None


def test_both_ways_say_the_same_of_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, whole, ways = random.Random(4), frames(), [0, 0]  # noqa: S311 - a load
    for _ in range(4000):
        text = spoiled(chance.choice(whole), chance)
        ways[read_changes(text) is None] += 1
        said = [repr(each) for each in (wire.parse(text), the_long_way(text, monkeypatch))]

        assert len({each.replace("_Change(", "Change(") for each in said}) == 1, text
    assert min(ways) > 500  # or nothing was compared


def test_a_number_is_read_once_and_one_that_cannot_be_is_never_kept() -> None:
    prices = changes._Numbers(changes._prices._check)

    assert prices["0.50"] is prices["0.50"]
    assert str(prices["0.50"]) == "0.50"
    for text in ("1.01", "-0.5", "0", "NaN", "Infinity"):
        with pytest.raises((ValueError, ArithmeticError)):
            prices[text]
    assert list(prices) == ["0.50"]


def test_the_numbers_that_are_kept_do_not_fill_the_memory() -> None:
    sizes = changes._Numbers(changes._sizes._check)
    for number in range(changes.NUMBERS_KEPT + 10):
        assert sizes[f"{number}.5"] == Decimal(number) + Decimal("0.5")
    long = f"1.{'0' * changes.LONGEST_KEPT}"

    assert sizes[long] == 1
    assert len(sizes) == 10
    assert long not in sizes
