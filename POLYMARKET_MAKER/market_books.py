"""Frames into the books of the tokens that sit on the lines they came from."""

from __future__ import annotations

from collections.abc import Callable

from POLYMARKET_MAKER.core.events import BookSnapshot, Event, PriceChange
from POLYMARKET_MAKER.feed_stats import FeedCounters
from POLYMARKET_MAKER.line import Frame
from POLYMARKET_MAKER.seats import Seat
from POLYMARKET_MAKER.switchboard import Switchboard

HASH_PROOFS_A_TICK = 2
"""40 a second, at about 0.1 ms each, are less than half a percent of a core."""


class MarketBooks:
    """Applies what arrives, under the aggregator's lock.

    Args:
        board: Which token sits on which line.
        publish: Called with a seat whose quote or health changed.
    """

    def __init__(self, board: Switchboard, publish: Callable[[Seat], None]) -> None:
        self.counters = FeedCounters()
        self._board = board
        self._publish = publish
        self._siblings: dict[str, str] = {}  # a token nobody asked for -> ours of that market
        self._unsettled: set[str] = set()

    def take(self, conn: int, frame: Frame) -> None:
        """Apply one frame of a line."""
        for event in frame.events:
            self.counters.count(event, used=self._apply(conn, event, frame))

    def is_nobodys(self, token_id: str) -> bool:
        """Whether a book of this token can be dropped unread; from any thread."""
        seats = self._board.seats
        if token_id in seats:
            return False
        ours = seats.get(self._siblings.get(token_id, ""))
        return ours is None or not ours.needs_snapshot

    def lose_line(self, conn: int, now: float) -> None:
        """Note that a line broke: its quotes stay, and are no longer known to hold."""
        self.settle(now)
        for seat in self._board.seats_of(conn):
            if seat.lose_line():
                self._publish(seat)

    def settle(self, now: float) -> None:
        """End the batches that have gone quiet."""
        for token in list(self._unsettled):
            seat = self._board.seats.get(token)
            if seat is None or not seat.settle(now):
                self._unsettled.discard(token)

    def sample_hashes(self, now: float) -> None:
        """Have a few of the books that are moving proven, those that waited longest first."""
        moving = [self._board.seats[token] for token in self._unsettled]
        moving.sort(key=lambda seat: seat.proven_mono)
        for seat in moving[:HASH_PROOFS_A_TICK]:
            if not seat.book.proof.is_unsupported:
                seat.book.hash_checks_due = 1
                seat.proven_mono = now

    def forget(self, token: str) -> None:
        """Drop what is known of a token that has left."""
        self._siblings = {k: ours for k, ours in self._siblings.items() if ours != token}
        self._unsettled.discard(token)

    def _apply(self, conn: int, event: Event, frame: Frame) -> bool:
        """Apply an event to the books it concerns; return whether there were any."""
        used, seats = False, self._board.seats
        for token in event.token_ids:
            seat = seats.get(token)
            if seat is None:
                used |= self._apply_sibling(token, event, frame)
                continue
            if seat.conn != conn and not self._arrives(seat, conn, event):
                continue
            used = True
            if seat.apply(event, frame):
                self._publish(seat)
            if seat.book.in_batch:
                self._unsettled.add(token)
        return used

    def _arrives(self, seat: Seat, conn: int, event: Event) -> bool:
        """Whether this is the book that completes a token's move to another line."""
        if seat.next_conn != conn or not isinstance(event, BookSnapshot):
            return False
        seat.book.lose_line()
        self._board.arrived(seat, conn)
        return True

    def _apply_sibling(self, token: str, event: Event, frame: Frame) -> bool:
        """Learn siblings from changes; use a sibling's book while our own is missing."""
        seats = self._board.seats
        if isinstance(event, PriceChange):
            if token not in self._siblings:
                for other in event.token_ids:
                    if other in seats:
                        self._siblings[token] = other
        elif isinstance(event, BookSnapshot):
            seat = seats.get(self._siblings.get(token, ""))
            if seat is not None and seat.needs_snapshot and seat.apply_mirror(event, frame):
                self._publish(seat)
                return True
        self.counters.dropped_siblings += 1
        return False
