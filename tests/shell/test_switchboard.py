"""Tokens find room on lines, move to fresh ones, and old connections are replaced unnoticed."""

from __future__ import annotations

from POLYMARKET_MAKER.line import Line
from POLYMARKET_MAKER.seats import Seat
from POLYMARKET_MAKER.switchboard import Switchboard
from tests.support.still_line import StillLine

T0 = 1000.0  # an arbitrary monotonic reading


class Exchange:
    """A switchboard of two tokens a line."""

    def __init__(self, *tokens: str, planned_s: float | None = None) -> None:
        self.lines: list[StillLine] = []
        self.lingering = False
        self.board = Switchboard(self._open, Seat, tokens_per_line=2, planned_s=planned_s)
        self.board.set_tokens(tokens, T0)

    def _open(self, conn: int) -> Line:
        assert conn == len(self.lines)
        self.lines.append(StillLine(opened_mono=T0))
        self.lines[-1].lingers = self.lingering
        return self.lines[-1]

    @property
    def wanted(self) -> list[tuple[str, ...]]:
        return [line.wanted for line in self.lines]

    def plan(self, now: float) -> None:
        self.board.plan([line.stats() for line in self.lines], now)


def test_a_full_line_gets_a_neighbour() -> None:
    exchange = Exchange("a", "b", "c")

    assert exchange.wanted == [("a", "b"), ("c",)]
    assert all(line.started for line in exchange.lines)


def test_no_token_is_no_line() -> None:
    assert Exchange().lines == []


def test_a_token_that_leaves_keeps_its_seat_for_the_grace() -> None:
    exchange = Exchange("a", "b")
    exchange.board.set_tokens(["a"], T0)

    assert exchange.wanted == [("a",)]
    assert exchange.board.wanted == ["a"]
    assert exchange.board.drop_left(T0 + 119.9) == []
    assert exchange.board.drop_left(T0 + 120) == ["b"]
    assert list(exchange.board.seats) == ["a"]


def test_a_token_that_comes_back_in_time_finds_its_seat() -> None:
    exchange = Exchange("a", "b")
    seat = exchange.board.seats["b"]
    exchange.board.set_tokens(["a"], T0)
    exchange.board.set_tokens(["a", "b"], T0 + 100)

    assert exchange.board.seats["b"] is seat
    assert exchange.board.drop_left(T0 + 500) == []


def test_a_move_makes_before_it_breaks() -> None:
    exchange = Exchange("a", "b")
    seat = exchange.board.seats["a"]

    exchange.board.move(seat, T0, "no book came")
    assert exchange.wanted == [("a", "b"), ("a",)]
    assert seat.conn == 0

    exchange.board.arrived(seat, 1)
    assert exchange.wanted == [("b",), ("a",)]
    assert (seat.conn, seat.next_conn) == (1, None)


def test_tokens_that_move_together_share_a_line() -> None:
    exchange = Exchange("a", "b", "c")
    for token in ("a", "b", "c"):
        exchange.board.move(exchange.board.seats[token], T0 + 1, "no book came")

    assert exchange.wanted[2:] == [("a", "b"), ("c",)]


def test_a_line_that_nobody_uses_is_taken_again() -> None:
    """Line ids stay few: children look their line up by its id."""
    exchange = Exchange("a", "b")
    seat = exchange.board.seats["a"]
    for number in range(1, 6):
        exchange.board.move(seat, T0 + 100 * number, "no book came")
        assert seat.next_conn is not None
        exchange.board.arrived(seat, seat.next_conn)
        exchange.board.set_tokens(["a"], T0)

    assert len(exchange.lines) <= 3


def test_one_convicted_token_moves_two_convict_the_line() -> None:
    exchange = Exchange("a", "b")
    exchange.board.convict(exchange.board.seats["a"], T0)
    assert exchange.board.moves == 1
    assert exchange.lines[0].renewed == []

    exchange.board.convict(exchange.board.seats["b"], T0 + 60)
    assert exchange.lines[0].renewed == ["the witness of two tokens differs"]
    assert exchange.board.renewals == 1


def test_the_same_token_twice_or_long_ago_is_no_second_witness() -> None:
    exchange = Exchange("a", "b")
    exchange.board.convict(exchange.board.seats["a"], T0)
    exchange.board.convict(exchange.board.seats["a"], T0 + 60)
    exchange.board.convict(exchange.board.seats["b"], T0 + 60 + 121)

    assert exchange.board.renewals == 0


def test_lines_do_not_multiply_without_end() -> None:
    exchange = Exchange("a", "b")
    exchange.lingering = True
    for number in range(50):
        exchange.board.move(exchange.board.seats["a"], T0 + 100 * number, "no book came")

    assert len(exchange.lines) <= 1 + 4 + 2
    assert exchange.board.renewals > 0


def test_an_old_connection_is_replaced_when_all_its_tokens_have_arrived() -> None:
    exchange = Exchange("a", "b", planned_s=1000.0)
    exchange.plan(T0 + 999)
    assert len(exchange.lines) == 1

    exchange.plan(T0 + 1000)
    assert exchange.wanted == [("a", "b"), ("a", "b")]
    exchange.board.arrived(exchange.board.seats["a"], 1)
    exchange.plan(T0 + 1001)
    assert exchange.lines[0].renewed == []

    exchange.board.arrived(exchange.board.seats["b"], 1)
    exchange.plan(T0 + 1002)
    assert exchange.wanted == [(), ("a", "b")]
    assert exchange.lines[0].renewed == ["replaced by a fresh connection"]
    assert exchange.board.replaced == 1


def test_a_replacement_that_does_not_come_changes_nothing() -> None:
    exchange = Exchange("a", "b", planned_s=1000.0)
    exchange.plan(T0 + 1000)
    exchange.board.arrived(exchange.board.seats["a"], 1)

    exchange.plan(T0 + 1061)

    assert exchange.board.seats["b"].conn == 0
    assert exchange.board.seats["b"].next_conn is None
    assert exchange.wanted == [("b",), ("a",)]
    assert exchange.lines[0].renewed == []


def test_one_connection_is_replaced_at_a_time() -> None:
    exchange = Exchange("a", "b", "c", planned_s=1000.0)
    exchange.plan(T0 + 1000)
    exchange.plan(T0 + 1001)

    assert exchange.wanted == [("a", "b"), ("c",), ("a", "b")]
