"""One wanted token in the aggregator: its book, its line and what its quote is worth."""

from __future__ import annotations

from dataclasses import asdict

from POLYMARKET_MAKER.core.book import Book
from POLYMARKET_MAKER.core.entry import Entry, to_entry
from POLYMARKET_MAKER.core.events import BookSnapshot, Event
from POLYMARKET_MAKER.core.health import token_health
from POLYMARKET_MAKER.core.model import TokenHealth
from POLYMARKET_MAKER.line import Frame


class Seat:
    """A token's place on a line. Not thread-safe: the aggregator's lock guards it.

    Attributes:
        conn: Id of its line.
        health: As last judged.
        leaves_mono: When it is dropped; None while it is wanted.
    """

    def __init__(self, token_id: str, conn: int) -> None:
        self.token_id = token_id
        self.conn = conn
        self.book = Book(token_id)
        self.health = TokenHealth.PENDING
        self.leaves_mono: float | None = None

    @property
    def needs_snapshot(self) -> bool:
        return self.book.snapshot_mono is None

    def apply(self, event: Event, frame: Frame) -> bool:
        """Apply an event that just arrived; return whether there is something to publish."""
        quote = self.book.apply(event, now=frame.now, at=frame.at)
        return self.judge(frame.now, line_alive=True) or quote is not None

    def apply_mirror(self, event: BookSnapshot, frame: Frame) -> bool:
        """Apply the sibling's snapshot in place of our own."""
        quote = self.book.apply_mirror(event, now=frame.now, at=frame.at)
        return self.judge(frame.now, line_alive=True) or quote is not None

    def lose_line(self) -> bool:
        """Note that the line broke; return whether the health changed."""
        self.book.lose_line()
        before = self.health
        if self.health not in (TokenHealth.PENDING, TokenHealth.CLOSED):
            self.health = TokenHealth.RESYNC
        return self.health is not before

    def judge(self, now: float, *, line_alive: bool) -> bool:
        """Judge the quote anew; return whether the health changed."""
        book, before = self.book, self.health
        self.health = token_health(
            quote_mono=book.quote_mono,
            snapshot_mono=book.snapshot_mono,
            line_alive=line_alive,
            now=now,
            closed=book.closed,
        )
        return self.health is not before

    def settle(self, now: float) -> bool:
        """End the batch if it has gone quiet; return whether one is still going on."""
        self.book.settle(now)
        return self.book.in_batch

    def entry(self) -> Entry | None:
        """Write the quote as an entry; None before the first quote, when there is nothing."""
        if self.book.quote is None:
            return None
        return to_entry(self.book.quote, self.health, self.conn)

    def check_counts(self) -> dict[str, int]:
        """Return the counters that may be summed over tokens."""
        counts = asdict(self.book.checks)
        del counts["bad_in_a_row"]
        return counts
