"""Questions about tokens are answered one by one, and never with silence."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion
from POLYMARKET_MAKER.errors import VenueError, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.public import RestBook
from POLYMARKET_MAKER.rest_reader import RestReader
from tests.support import market_text as market
from tests.support.market_text import YES, text

WAIT_S = 5.0


class Venue:
    """An exchange that answers, refuses, or breaks."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()

    def book(self, token_id: str) -> RestBook:
        self.may_answer.wait(WAIT_S)
        if self.trouble is not None:
            raise self.trouble
        book = wire.parse(text(market.book(token_id)))[0]
        assert isinstance(book, BookSnapshot)
        return RestBook(book, "5", neg_risk=False)

    def market_info(self, token_id: str) -> MarketInfo:
        return MarketInfo(
            token_id=token_id,
            condition_id=market.MARKET,
            sibling_id=None,
            outcome="Yes",
            title="",
            tick_size=Decimal("0.01"),
            min_order_size=Decimal(5),
            neg_risk=False,
            order_version=OrderVersion.V2,
            closed=True,
        )


class Desk:
    def __init__(self, venue: Venue) -> None:
        self.books: queue.Queue[tuple[str, RestBook | VenueError]] = queue.Queue()
        self.markets: queue.Queue[tuple[str, MarketInfo | VenueError]] = queue.Queue()
        self.reader = RestReader(
            venue,
            lambda *answer: self.books.put(answer),
            lambda *answer: self.markets.put(answer),
            clock=Clock(),
        )


@contextmanager
def reading(venue: Venue) -> Iterator[Desk]:
    desk = Desk(venue)
    desk.reader.start()
    try:
        yield desk
    finally:
        desk.reader.stop()


def test_a_doubt_is_answered_before_the_markets_that_wait() -> None:
    """At the start every market is asked about; a suspect token cannot wait for all of them."""
    desk = Desk(Venue())
    for _ in range(50):
        desk.reader.ask_market(YES)
    desk.reader.ask_book(YES)
    desk.reader.start()
    desk.books.get(timeout=WAIT_S)

    assert desk.markets.qsize() == 0
    desk.reader.stop()


def test_books_and_markets_are_answered() -> None:
    with reading(Venue()) as desk:
        desk.reader.ask_book(YES)
        desk.reader.ask_market(YES)

        token, book = desk.books.get(timeout=WAIT_S)
        assert token == YES
        assert isinstance(book, RestBook)
        _, info = desk.markets.get(timeout=WAIT_S)
        assert isinstance(info, MarketInfo)
        assert info.closed


def test_no_answer_is_an_error_and_not_an_empty_book() -> None:
    venue = Venue()
    with reading(venue) as desk:
        for trouble in (VenueUnreachable("time-out"), VenueRefused("404", status_code=404)):
            venue.trouble = trouble
            desk.reader.ask_book(YES)

            assert desk.books.get(timeout=WAIT_S) == (YES, trouble)
        assert desk.reader.counters.failed == 2


def test_a_fault_does_not_end_the_reading() -> None:
    venue = Venue()
    with reading(venue) as desk:
        venue.trouble = ZeroDivisionError("broken on purpose")
        desk.reader.ask_book(YES)
        desk.reader.ask_market(YES)
        desk.markets.get(timeout=WAIT_S)

        assert desk.reader.counters.failed == 1
        assert desk.books.empty()


def test_a_question_that_waited_too_long_is_not_asked_any_more() -> None:
    """Nobody needs the answer, and the next question is already due."""
    desk = Desk(Venue())
    late = Clock()
    desk.reader._clock = _Shifted(late)
    desk.reader.ask_book(YES)
    desk.reader._clock = late
    desk.reader.start()

    _, answer = desk.books.get(timeout=WAIT_S)
    assert isinstance(answer, VenueUnreachable)
    assert desk.reader.counters.expired == 1
    desk.reader.stop()


class _Shifted(Clock):
    """A clock eleven seconds ago."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock.scale)

    def mono(self) -> float:
        return super().mono() - 11.0


def test_reads_keep_their_distance() -> None:
    with reading(Venue()) as desk:
        started = time.monotonic()
        for _ in range(5):
            desk.reader.ask_book(YES)
        for _ in range(5):
            desk.books.get(timeout=WAIT_S)

        assert time.monotonic() - started >= 4 * 0.05


def test_stop_does_not_wait_for_an_answer() -> None:
    venue = Venue()
    desk = Desk(venue)
    desk.reader.start()
    venue.may_answer.clear()
    desk.reader.ask_book(YES)
    started = time.monotonic()
    desk.reader.stop()

    assert time.monotonic() - started < 2.0
    venue.may_answer.set()
