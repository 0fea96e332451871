"""Reads over REST for the feed: a few a second, in one thread, never in a line's way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, Protocol, TypeVar

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import MarketInfo
from POLYMARKET_MAKER.core.witness import ANSWER_S
from POLYMARKET_MAKER.errors import VenueError, VenueUnreachable
from POLYMARKET_MAKER.exchange.public import RestBook

LEAST_GAP_S = 0.05
"""20 reads a second: a hundredth of what the exchange allows one address for books."""


class MarketReads(Protocol):
    """What is read; ``exchange.public.Public`` is one."""

    def book(self, token_id: str) -> RestBook: ...
    def market_info(self, token_id: str) -> MarketInfo: ...


@dataclass(slots=True)
class ReadCounters:
    """Questions, and reads by outcome.

    Attributes:
        asked: Every question; what is not yet a book, a market or expired is waiting.
        books: Books that were read, also without success.
        markets: The same of markets.
        failed: Those of both that brought no answer.
        expired: Questions that waited for so long that nobody needed the answer.
    """

    asked: int = 0
    books: int = 0
    markets: int = 0
    failed: int = 0
    expired: int = 0


class _Question(NamedTuple):
    """Ordered as asked, books before markets: a doubt cannot wait, the end of a market can."""

    about_market: bool
    number: int
    token_id: str
    asked_mono: float


OnBook = Callable[[str, RestBook | VenueError], None]
OnMarket = Callable[[str, MarketInfo | VenueError], None]
T = TypeVar("T")


class RestReader:
    """Answers questions about tokens, one after another.

    Args:
        reads: The exchange.
        on_book: Called in the reader's thread with the book, or with why there is none.
        on_market: The same for a market.
        clock: Monotonic clock; deadlines of questions are real time.
    """

    def __init__(
        self, reads: MarketReads, on_book: OnBook, on_market: OnMarket, *, clock: Clock
    ) -> None:
        self.counters = ReadCounters()
        self._reads = reads
        self._on_book = on_book
        self._on_market = on_market
        self._clock = clock
        self._questions: queue.PriorityQueue[_Question] = queue.PriorityQueue()
        self._numbers = count()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rest-reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_book(self, token_id: str) -> None:
        """Have a token's book read; the answer comes to *on_book*."""
        self._ask(token_id, about_market=False)

    def ask_market(self, token_id: str) -> None:
        """Have a token's market read; the answer comes to *on_market*."""
        self._ask(token_id, about_market=True)

    def _ask(self, token_id: str, *, about_market: bool) -> None:
        number, now = next(self._numbers), self._clock.mono()
        self.counters.asked = number + 1
        self._questions.put(_Question(about_market, number, token_id, now))

    def stop(self) -> None:
        """End the thread; a read that is going on ends by its own deadline."""
        self._stopping.set()
        self._ask("", about_market=False)  # wakes the thread
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            question = self._questions.get()
            if self._stopping.is_set():
                return
            try:
                self._answer(question)
            except Exception as error:  # noqa: BLE001 - the last line of a thread
                self.counters.failed += 1
                log.error("[WS]", event="rest_reader_fault", exc=error)
            self._stopping.wait(LEAST_GAP_S)

    def _answer(self, question: _Question) -> None:
        token = question.token_id
        if question.about_market:
            self._on_market(token, self._read(self._reads.market_info, token))
            self.counters.markets += 1
        elif self._clock.mono() - question.asked_mono > ANSWER_S:
            self._on_book(token, VenueUnreachable("the question waited for too long"))
            self.counters.expired += 1
        else:
            self._on_book(token, self._read(self._reads.book, token))
            self.counters.books += 1

    def _read(self, read: Callable[[str], T], token_id: str) -> T | VenueError:
        try:
            return read(token_id)
        except VenueError as error:
            self.counters.failed += 1
            if log.every(60.0, "rest_reader", type(error).__name__):
                log.warning("[WS]", event="rest_read_failed", token=token_id, reason=str(error))
            return error
