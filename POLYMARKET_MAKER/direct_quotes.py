"""A child's own connection to the exchange, for when the shared snapshot is of no use.

It does not ask for the events that every connection gets whether it wants them or not:
each new market is 10 KB. So it is not told of its market's end either, and asks.
"""

from __future__ import annotations

import threading

from msgspec.structs import replace

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.book import Book
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.health import HealthLimits, token_health
from POLYMARKET_MAKER.core.model import AgedQuote, Quote, Source
from POLYMARKET_MAKER.line import Frame, LineStats
from POLYMARKET_MAKER.market_end import MarketEnd
from POLYMARKET_MAKER.market_line import MarketLine
from POLYMARKET_MAKER.seats import BAD_BATCHES


class DirectQuotes:
    """One connection, one token, one book; what it asks is in :class:`.own_line.OwnQuotes`."""

    def __init__(
        self, url: str, token_id: str, *, clock: Clock, end: MarketEnd | None = None
    ) -> None:
        """Begin to dial *url* for *token_id*; *end* is closed with the connection."""
        self._end = end
        self._changed = threading.Event()
        self._clock = clock
        self._limits = HealthLimits(live_s=clock.real_s(HealthLimits().live_s))
        self._lock = threading.Lock()
        self._book = Book(token_id)
        self._quote: Quote | None = None
        self._line = MarketLine(
            url,
            self._on_frame,
            on_state=self._on_state,
            name=f"child-{token_id[:6]}",
            clock=clock,
        )
        self._line.start()
        self._line.want([token_id])

    def aged(self) -> AgedQuote | None:
        """Return the quote and its worth; None before the first one."""
        now = self._clock.boot()
        facts = self._line.stats().facts
        is_over = self._end is not None and self._end.look()
        with self._lock:
            quote, quote_mono = self._quote, self._book.quote_mono
            if quote is None or quote_mono is None:
                return None
            health = token_health(
                quote_mono=quote_mono,
                snapshot_mono=self._book.snapshot_mono,
                line_alive=facts.is_alive(now, grace_s=self._limits.grace_s),
                now=now,
                closed=is_over or self._book.closed,
                limits=self._limits,
            )
        return AgedQuote(quote, max(0.0, now - quote_mono), health, Source.DIRECT)

    def stats(self) -> LineStats:
        """Return the state of the connection."""
        return self._line.stats()

    def wait(self, timeout_s: float) -> None:
        """Wait until something is received or the line changes its state."""
        self._changed.wait(timeout_s)
        self._changed.clear()

    def close(self) -> None:
        """Close the connection and end its thread."""
        self._line.stop()
        if self._end is not None:
            self._end.close()

    def _on_frame(self, frame: Frame) -> None:
        with self._lock:
            for event in frame.events:
                quote = self._book.apply(event, now=frame.now, at=frame.at)
                if quote is not None:
                    self._take(quote)
            self._book.settle(frame.now)
            is_wrong = self._book.checks.bad_in_a_row >= BAD_BATCHES
        if is_wrong:
            self._line.renew("the ladder and the exchange's quotes disagree")
        self._changed.set()

    def _take(self, quote: Quote) -> None:
        """Number the quote: a new one when anything but its stamp differs."""
        last = self._quote
        seq = 0 if last is None else last.seq
        same = last is not None and replace(quote, seq=seq, received_at=last.received_at) == last
        self._quote = replace(quote, seq=seq if same else seq + 1)

    def _on_state(self, state: LineState, _reason: str) -> None:
        if state is not LineState.OPEN:
            with self._lock:
                self._book.lose_line()
        self._changed.set()
