"""The rolling window knows the high of a time, not of a number of quotes."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.window import SLOTS, HighWindow

ticks = st.lists(
    st.tuples(st.floats(0, 30), st.integers(1, 99)), min_size=1, max_size=60
)  # seconds since the one before, price in cents


@given(ticks=ticks)
def test_the_high_is_that_of_a_plain_list_up_to_one_slot(ticks: list[tuple[float, int]]) -> None:
    window, plain, now = HighWindow(100.0), [], 0.0
    for gap, cents in ticks:
        now += gap
        window = window.add(now, Decimal(cents))
        plain.append((now, cents))

        high = max(price for at, price in plain if at > now - 100.0)
        early = max(price for at, price in plain if at > now - 100.0 + 2 * 100.0 / SLOTS)
        assert window.high is not None
        assert early <= window.high <= high


def test_a_busy_market_does_not_shorten_the_window_or_grow_the_memory() -> None:
    """The ancestor kept 600 points: an hour's window held a minute of a busy market."""
    window = HighWindow(3600.0).add(0.0, Decimal("0.9"))
    for step in range(1, 30_000):
        window = window.add(step * 0.1, Decimal("0.8") - Decimal(step) / 100_000)

    assert window.high == Decimal("0.9")
    assert len(window.peaks) <= SLOTS + 2


def test_what_is_older_than_the_window_is_forgotten() -> None:
    window = HighWindow(60.0).add(0.0, Decimal("0.9")).add(61.0, Decimal("0.5"))

    assert window.high == Decimal("0.5")
    assert window.drop(Decimal("0.4")) == Decimal("0.2")
    assert window.drop(Decimal("0.6")) == 0


def test_before_the_first_sample_there_is_no_high_and_no_drop() -> None:
    window = HighWindow(60.0)

    assert window.high is None
    assert window.drop(Decimal("0.4")) == 0


def test_a_price_that_stands_leaves_the_window_what_it_is_for_one_slot() -> None:
    """Most quotes change no price; what is not new need not be made, kept and compared."""
    stands = HighWindow(240.0).add(0.0, Decimal("0.9")).add(0.1, Decimal("0.9"))
    assert stands.add(0.9, Decimal("0.9")) is stands
    assert stands.add(0.9, Decimal("0.91")).high == Decimal("0.91")
    later = stands.add(1.0, Decimal("0.9"))
    assert later is not stands
    assert later.add(240.5, Decimal("0.1")).high == Decimal("0.9"), "it stood until then"
