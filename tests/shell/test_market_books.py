"""Frames change the books of tokens that sit on their line, and of no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.line import Frame
from POLYMARKET_MAKER.market_books import HASH_PROOFS_A_TICK, MarketBooks
from POLYMARKET_MAKER.seats import Seat
from POLYMARKET_MAKER.switchboard import Switchboard
from tests.support import market_text as market
from tests.support.market_text import AT_MS, NO, OTHER, YES, text
from tests.support.still_line import StillLine

T0 = 1000.0  # an arbitrary monotonic reading
WALL = 1_795_187_463.0


class Desk:
    """Books on a switchboard whose lines are never started."""

    def __init__(self, *tokens: str) -> None:
        self.published: list[tuple[str, str]] = []
        self.board = Switchboard(lambda _conn: StillLine(opened_mono=T0), Seat)
        self.books = MarketBooks(self.board, self._publish)
        self.board.set_tokens(tokens, T0)

    def _publish(self, seat: Seat) -> None:
        self.published.append((seat.token_id, seat.health.value))

    def hear(self, message: Any, *, conn: int = 0, now: float = T0) -> None:
        frame = message if isinstance(message, str) else text(message)
        events = wire.parse(frame, skip_book=self.books.is_nobodys)
        self.books.take(conn, Frame(frame, events, now, WALL))


@pytest.fixture
def desk() -> Desk:
    return Desk(YES)


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


NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("", "-1", "0", "1", "2", "0.5", "NaN", "sNaN", "-Infinity", "1E+400", "1E-400", "abc"),
        *("9" * 5000, "0." + "0" * 400 + "1", "\ud800", "٣", " 1", "1_0", "true"),
        *(None, True, -1, 0, 1.5, 1e308, 10**400, [], {}, [[]]),
    ]
)
MESSAGES = [
    [market.book(last_trade_price="0.5", hash="h")],
    market.price_change(market.change("0.48", "5"), market.change("0.52", "5", token=NO)),
    market.best_bid_ask("0.48", "0.52"),
    market.last_trade("0.5"),
    market.tick_size_change("0.001"),
    market.resolved(YES, NO),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every place in a message."""
    yield path
    if isinstance(value, dict | list):
        places = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in places:
            yield from paths(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], by)
    return copy


@settings(deadline=None)
@given(st.data())
def test_no_value_in_any_place_breaks_the_feed_or_is_published(data: st.DataObject) -> None:
    """A fault here would close the line, and the next frame might be the same."""
    desk = Desk(YES)
    desk.hear([market.book()])
    for number in range(8):
        message = data.draw(st.sampled_from(MESSAGES))
        place = data.draw(st.sampled_from(list(paths(message))))
        text_in = json.dumps(replaced(message, place, data.draw(NASTY)))
        desk.hear(text_in, now=T0 + number)
        desk.books.settle(T0 + number + 0.5)

    written = desk.board.seats[YES].entry()
    assert written is not None
    entry = json.loads(written.versioned)  # a NaN would be null here
    for side in ("bids", "asks"):
        levels = entry[side]
        assert isinstance(levels, list)
        assert all(0 <= price <= 1 and size > 0 for price, size in levels)


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
