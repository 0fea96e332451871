"""Frames change the books of tokens that sit on their line, and of no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.line import Frame
from POLYMARKET_MAKER.market_books import HASH_PROOFS_A_TICK, MarketBooks
from POLYMARKET_MAKER.market_line import MarketLine
from POLYMARKET_MAKER.seats import Seat
from POLYMARKET_MAKER.switchboard import Switchboard
from tests.support import market_text as market
from tests.support.market_text import AT_MS, NO, OTHER, YES, text

T0 = 1000.0  # an arbitrary monotonic reading
WALL = 1_795_187_463.0


class Desk:
    """Books on a switchboard whose lines are never started."""

    def __init__(self, *tokens: str) -> None:
        self.published: list[tuple[str, str]] = []
        self._lines: list[MarketLine] = []
        self.board = Switchboard(self._open, Seat)
        self.books = MarketBooks(self.board, self._publish)
        self.board.set_tokens(tokens, T0)

    def _open(self, _conn: int) -> Any:
        line = MarketLine("ws://127.0.0.1:1", lambda _frame: None, clock=Clock())
        self._lines.append(line)
        return _Unstarted(line)

    def _publish(self, seat: Seat) -> None:
        self.published.append((seat.token_id, seat.health.value))

    def hear(self, message: Any, *, conn: int = 0, now: float = T0) -> None:
        frame = message if isinstance(message, str) else text(message)
        events = wire.parse(frame, skip_book=self.books.is_nobodys)
        self.books.take(conn, Frame(frame, events, now, WALL))

    def close(self) -> None:
        for line in self._lines:
            line.stop()


class _Unstarted:
    def __init__(self, line: MarketLine) -> None:
        self._line = line

    def start(self) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(YES)
    yield desk
    desk.close()


def test_a_frame_of_another_line_is_not_ours(desk: Desk) -> None:
    desk.hear([market.book()])
    desk.hear([market.book(bids=[])], conn=1)

    quote = desk.board.seats[YES].book.quote
    assert quote is not None
    assert quote.best_bid is not None


def test_a_move_is_complete_with_the_first_book_on_the_new_line(desk: Desk) -> None:
    desk.hear([market.book()])
    seat = desk.board.seats[YES]
    desk.board.move(seat, T0, "the witness differs")
    assert (seat.conn, seat.next_conn) == (0, 1)

    desk.hear(market.price_change(market.change("0.49", "1"), at_ms=AT_MS + 1), conn=1)
    assert (seat.conn, seat.next_conn) == (0, 1)
    # A snapshot of the new line carries the time of the last change, which may be older.
    desk.hear([market.book(bids=[("0.4", "1")], at_ms=AT_MS - 60_000)], conn=1)

    assert [seat.conn, seat.next_conn] == [1, None]
    assert desk.published[-1] == (YES, "live")
    desk.hear(market.price_change(market.change("0.49", "1"), at_ms=AT_MS + 2), conn=0)
    assert str(seat.book.ladder_top[0]) == "0.4"


def test_books_of_nobody_are_not_read(desk: Desk) -> None:
    desk.hear(market.book(OTHER))
    desk.hear(market.book(NO))

    assert desk.books.counters.received == {"skipped": 2}
    assert desk.published == []


def test_a_known_sibling_s_book_is_read_while_ours_is_missing(desk: Desk) -> None:
    desk.hear(
        market.price_change(
            market.change("0.48", "1", best=("0.48", "0.52")),
            market.change("0.52", "1", "SELL", token=NO, best=("0.48", "0.52")),
        )
    )
    assert not desk.books.is_nobodys(NO)
    desk.hear(market.book(NO, bids=[("0.48", "1")], asks=[("0.52", "1")]))

    assert desk.published[-1] == (YES, "live")
    assert desk.books.is_nobodys(NO)
    desk.books.forget(YES)
    desk.books.lose_line(0, T0)
    assert desk.books.is_nobodys(NO)


def test_a_line_that_breaks_ends_quiet_batches_first(desk: Desk) -> None:
    desk.hear([market.book()])
    desk.books.lose_line(0, T0 + 1)

    assert desk.board.seats[YES].book.checks.top_ok == 1
    assert desk.published[-1] == (YES, "resync")


def test_hash_proofs_are_rationed_and_go_round() -> None:
    """Whoever waited longest comes first, so that no token is never proven."""
    tokens = [str(number) for number in range(5)]
    desk = Desk(*tokens)
    proven = []
    for second in range(1, 4):
        for token in tokens:
            desk.hear([market.book(token, at_ms=AT_MS + second)], now=T0 + second)
        desk.books.sample_hashes(T0 + second)
        due = [token for token in tokens if desk.board.seats[token].book.hash_checks_due]
        proven.append(len([t for t in due if desk.board.seats[t].proven_mono == T0 + second]))

    assert proven == [HASH_PROOFS_A_TICK] * 3
    assert all(desk.board.seats[token].proven_mono > 0 for token in tokens)
    desk.close()
