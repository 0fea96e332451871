"""What was skipped is counted, what was read is timed."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.model import AgedQuote, Quote, Source, TokenHealth
from POLYMARKET_MAKER.core.tally import LAGS_KEPT, Tally


def aged(seq: int, *, age_s: float = 0.002, source: Source = Source.SHARED) -> AgedQuote:
    quote = Quote(
        token_id="1",
        best_bid=Decimal("0.49"),
        best_ask=Decimal("0.51"),
        bids=(),
        asks=(),
        last_trade_price=None,
        tick_size=None,
        exchange_at=None,
        received_at=0.0,
        seq=seq,
        event_type="book",
    )
    return AgedQuote(quote, age_s, TokenHealth.LIVE, source)


def test_quotes_that_were_replaced_before_they_were_read_are_conflated() -> None:
    tally = Tally()
    for seq in (7, 8, 12, 12, 13):
        tally.took(aged(seq), 1)

    assert tally.conflated == 3
    assert tally.lag().count == 3


def test_another_life_of_the_writer_misses_nothing() -> None:
    tally = Tally()
    tally.took(aged(90), 1)
    tally.took(aged(3), 2)
    tally.took(aged(500, source=Source.DIRECT), None)

    assert tally.conflated == 0


def test_the_first_quote_of_a_life_says_nothing_of_our_speed() -> None:
    """It may have stood there for an hour."""
    tally = Tally()
    tally.took(aged(1, age_s=3600), 1)

    assert tally.lag().count == 0
    assert tally.lag().p50_ms is None


def test_the_percentiles_are_those_of_the_last_quotes() -> None:
    tally = Tally()
    tally.took(aged(0), 1)
    for seq in range(1, 101):
        tally.took(aged(seq, age_s=seq / 1000), 1)

    lag = tally.lag()
    assert lag.p50_ms is not None
    assert lag.p99_ms is not None
    assert round(lag.p50_ms) == 50
    assert round(lag.p99_ms) == 99
    assert lag.count == 100


def test_its_memory_is_bounded_and_its_count_is_not() -> None:
    tally = Tally()
    for seq in range(LAGS_KEPT + 501):
        tally.took(aged(seq, age_s=9.0 if seq <= 500 else 0.001), 1)

    assert tally.lag().p99_ms == 1.0
    assert tally.lag().count == LAGS_KEPT + 500


@given(st.lists(st.integers(1, 40), max_size=60))
def test_every_quote_of_a_life_is_either_read_or_conflated(steps: list[int]) -> None:
    tally, seq = Tally(), 1
    tally.took(aged(seq), 1)
    for step in steps:
        seq += step
        tally.took(aged(seq), 1)

    assert tally.conflated + tally.lag().count == seq - 1
