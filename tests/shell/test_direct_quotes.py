"""A child's own connection, against the simulator: real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.model import AgedQuote, Source, TokenHealth
from POLYMARKET_MAKER.direct_quotes import DirectQuotes
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.market_end import MarketEnd
from tests.support.program import eventually
from tests.support.simulator import Simulator, running_simulator

TRADABLE = (TokenHealth.LIVE, TokenHealth.QUIET)

pytestmark = pytest.mark.timeout(40)


@contextmanager
def dialled(
    *, before: Callable[[Simulator], object] | None = None, **options: Any
) -> Iterator[tuple[Simulator, DirectQuotes]]:
    with running_simulator(tokens=1, **options) as sim:
        if before is not None:
            before(sim)
        quotes = DirectQuotes(sim.urls["ws_market"], sim.tokens[0], clock=Clock())
        try:
            yield sim, quotes
        finally:
            quotes.close()


def health(quotes: DirectQuotes) -> TokenHealth | None:
    aged = quotes.aged()
    return None if aged is None else aged.health


def newest(quotes: DirectQuotes) -> AgedQuote:
    aged = quotes.aged()
    assert aged is not None
    return aged


def until(quotes: DirectQuotes, wanted: TokenHealth) -> None:
    eventually(lambda: health(quotes) is wanted, within_s=60, what=f"a quote that is {wanted}")


def test_the_first_book_is_a_quote_of_our_own() -> None:
    with dialled(no_flow=True) as (sim, quotes):
        until(quotes, TokenHealth.LIVE)
        book = sim.control(do="book", token=sim.tokens[0])

        aged = newest(quotes)
        assert aged.source is Source.DIRECT
        assert aged.quote.best_bid == max(Decimal(row["price"]) for row in book["bids"])
        assert aged.quote.best_ask == min(Decimal(row["price"]) for row in book["asks"])
        assert aged.quote.seq == 1
        assert 0 <= aged.age_s < 10


def test_changes_are_numbered_and_wake_who_waits() -> None:
    with dialled(tempers="busy") as (_, quotes):
        until(quotes, TokenHealth.LIVE)
        first = newest(quotes).quote.seq

        eventually(lambda: newest(quotes).quote.seq >= first + 10, within_s=18, what="ten changes")
        began = time.monotonic()
        quotes.wait(10.0)
        assert time.monotonic() - began < 8


def test_a_cut_line_is_no_quote_to_trade_on_until_its_book_is_back() -> None:
    with dialled(no_flow=True) as (sim, quotes):
        until(quotes, TokenHealth.LIVE)
        sim.control(do="refuse_upgrades", count=1)
        sim.control(do="drop", channel="market")

        until(quotes, TokenHealth.RESYNC)
        assert not newest(quotes).health.is_tradable
        until(quotes, TokenHealth.LIVE)
        assert quotes.stats().connects == 2


def test_a_refusal_says_how_long_to_wait() -> None:
    with dialled(before=lambda sim: sim.control(do="refuse_upgrades", count=99)) as (_, quotes):
        eventually(
            lambda: quotes.stats().state is LineState.DOWN and quotes.stats().connects == 0,
            within_s=60,
            what="a refused dial",
        )
        eventually(
            lambda: quotes.stats().retry_after_s is not None, within_s=60, what="what to wait"
        )

        assert quotes.aged() is None
        assert (quotes.stats().retry_after_s or 0) >= 1


def test_events_of_other_markets_are_not_asked_for() -> None:
    """Each new market is 10 KB, and every connection that asks for them gets them all."""
    with dialled(no_flow=True) as (sim, quotes):
        until(quotes, TokenHealth.LIVE)
        frames = quotes.stats().frames
        sim.control(do="new_markets", count=50)
        sim.control(do="trade", token=sim.tokens[0], side="BUY", size="1")

        eventually(lambda: quotes.stats().frames > frames, within_s=20, what="the trade")
        assert quotes.stats().frames - frames < 10


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
def test_the_end_of_the_market_is_found_by_asking(*, announced: bool) -> None:
    """The event is not always sent, and not to this kind of line."""
    with running_simulator(tokens=1, no_flow=True) as sim:
        token, clock = sim.tokens[0], Clock(60)
        http = Http()
        reads = Public(http, clob_url=sim.urls["clob"], gamma_url=sim.urls["gamma"])
        end = MarketEnd(token, reads, end_at=clock.now(), clock=clock)
        quotes = DirectQuotes(sim.urls["ws_market"], token, clock=clock, end=end)
        try:
            eventually(lambda: health(quotes) in TRADABLE, within_s=30, what="a quote")
            sim.control(do="resolve", token=token, event=announced)

            until(quotes, TokenHealth.CLOSED)
        finally:
            quotes.close()
            http.close()


def test_closing_ends_the_connection() -> None:
    with dialled(no_flow=True) as (sim, quotes):
        until(quotes, TokenHealth.LIVE)
        quotes.close()

        eventually(
            lambda: sim.stats()["connections"]["market"] == 0, within_s=60, what="no connection"
        )
