"""Which token sits on which line: room, moves to a fresh connection, planned reconnects.

A move is make before break: the token is asked for on the other line as well, and its
old line's events count until the new line has sent a book of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.feed import FeedLimits
from POLYMARKET_MAKER.line import Line, LineStats
from POLYMARKET_MAKER.seats import Seat

TOKENS_PER_LINE = 200
"""Above about 500 tokens a connection the exchange sends nothing (nautilus_trader #2915)."""
GATHER_S = 5.0
"""Tokens that move within this time share one fresh connection."""
SAME_FAULT_S = 120.0
"""Two tokens of one line convicted within this time convict the line."""
SPARE_LINES = 4
PLANNED_S = 2700.0
PLANNED_LIMIT_S = 60.0


@dataclass(slots=True)
class _Fresh:
    """The line that tokens are moving to."""

    conn: int
    since_mono: float


class Switchboard:
    """Lines and seats, under the aggregator's lock.

    Args:
        open_line: Makes the line of an id; not started.
        make_seat: Makes the seat of a token on a line.
        tokens_per_line: Tokens that one line may carry.
        planned_s: Age at which a connection is replaced while it still works; None
            never. It bounds the damage of a fault that no witness sees.

    Attributes:
        lines: By id.
        seats: By token.
        moves: Tokens moved to a fresh connection.
        renewals: Lines reconnected because two of their tokens were convicted.
        replaced: Planned reconnects.
    """

    def __init__(
        self,
        open_line: Callable[[int], Line],
        make_seat: Callable[[str, int], Seat],
        *,
        tokens_per_line: int = TOKENS_PER_LINE,
        planned_s: float | None = None,
    ) -> None:
        self.lines: list[Line] = []
        self.seats: dict[str, Seat] = {}
        self.moves = 0
        self.renewals = 0
        self.replaced = 0
        self._open_line = open_line
        self._make_seat = make_seat
        self._tokens_per_line = tokens_per_line
        self._planned_s = planned_s
        self._fresh: _Fresh | None = None
        self._convicted: dict[int, tuple[str, float]] = {}
        self._leaving: tuple[int, float] | None = None  # a line being replaced, and until when

    @property
    def wanted(self) -> list[str]:
        return [token for token, seat in self.seats.items() if seat.leaves_mono is None]

    def set_tokens(self, token_ids: Iterable[str], now: float) -> None:
        """Replace the set of wanted tokens; one that leaves keeps its seat for the grace."""
        wanted = dict.fromkeys(token_ids)
        grace_s = FeedLimits().unsubscribe_grace_s
        for token, seat in self.seats.items():
            if token in wanted:
                seat.leaves_mono = None
            elif seat.leaves_mono is None:
                seat.leaves_mono = now + grace_s
        loads = self._loads()
        for token in wanted:
            if token not in self.seats:
                conn = self._line_with_room(loads)
                loads[conn] += 1
                self.seats[token] = self._make_seat(token, conn)
        self.tell_lines()

    def drop_left(self, now: float) -> list[str]:
        """Remove the seats whose grace is over; return their tokens."""
        gone = [
            token
            for token, seat in self.seats.items()
            if seat.leaves_mono is not None and now >= seat.leaves_mono
        ]
        for token in gone:
            del self.seats[token]
        return gone

    def seats_of(self, conn: int) -> list[Seat]:
        return [seat for seat in self.seats.values() if seat.conn == conn]

    def move(self, seat: Seat, now: float, reason: str) -> None:
        """Take a token to a fresh connection."""
        if len(self.lines) > self._lines_needed() + SPARE_LINES and self._idle_line() is None:
            self.renew(seat.conn, reason)
            return
        seat.next_conn = self._fresh_line(now, other_than=seat.conn)
        self.moves += 1
        log.warning(
            "[WS]",
            event="token_moved",
            token=seat.token_id,
            line=seat.conn,
            to=seat.next_conn,
            reason=reason,
        )
        self.tell_lines()

    def arrived(self, seat: Seat, conn: int) -> None:
        """Note that the line a token moves to has sent a book of it."""
        seat.conn, seat.next_conn = conn, None
        self.tell_lines()

    def convict(self, seat: Seat, now: float) -> None:
        """Act on a token whose line does not deliver: it moves; with a second one the line goes."""
        earlier = self._convicted.get(seat.conn)
        self._convicted[seat.conn] = (seat.token_id, now)
        if earlier and earlier[0] != seat.token_id and now - earlier[1] <= SAME_FAULT_S:
            del self._convicted[seat.conn]
            self.renew(seat.conn, "the witness of two tokens differs")
        else:
            self.move(seat, now, "the witness differs")

    def renew(self, conn: int, reason: str) -> None:
        """Reconnect a line at once."""
        self.renewals += 1
        self.lines[conn].renew(reason)

    def plan(self, stats: list[LineStats], now: float) -> None:
        """Replace one connection that has become old, while it still works."""
        if self._planned_s is None:
            return
        if self._leaving is not None:
            self._finish_replacing(now)
            return
        for conn, each in enumerate(stats):
            opened = each.facts.opened_mono
            if opened is not None and now - opened >= self._planned_s and self.seats_of(conn):
                self._begin_replacing(conn, now)
                return

    def tell_lines(self) -> None:
        """Tell each line what is wanted of it."""
        wanted: list[list[str]] = [[] for _ in self.lines]
        for token, seat in self.seats.items():
            if seat.leaves_mono is None:
                wanted[seat.conn].append(token)
                if seat.next_conn is not None and seat.next_conn != seat.conn:
                    wanted[seat.next_conn].append(token)
        for line, tokens in zip(self.lines, wanted, strict=True):
            line.want(tokens)

    def _begin_replacing(self, conn: int, now: float) -> None:
        self._leaving = (conn, now + PLANNED_LIMIT_S)
        self._fresh = None
        fresh = self._fresh_line(now, other_than=conn)
        for seat in self.seats_of(conn):
            seat.next_conn = fresh
        self.tell_lines()

    def _finish_replacing(self, now: float) -> None:
        """Close the old connection when all its tokens have arrived, or give up for now."""
        assert self._leaving is not None
        conn, until_mono = self._leaving
        stay = self.seats_of(conn)
        if stay and now < until_mono:
            return
        self._leaving = None
        if stay:
            for seat in stay:
                seat.next_conn = None
            log.warning("[WS]", event="replace_failed", line=conn, tokens=len(stay))
            self.tell_lines()
            return
        self.replaced += 1
        self.lines[conn].renew("replaced by a fresh connection")

    def _lines_needed(self) -> int:
        return -(-len(self.seats) // self._tokens_per_line)

    def _loads(self) -> list[int]:
        """Count the tokens on each line, those that move to it included."""
        loads = [0] * len(self.lines)
        for seat in self.seats.values():
            loads[seat.conn] += 1
            if seat.next_conn is not None:
                loads[seat.next_conn] += 1
        return loads

    def _line_with_room(self, loads: list[int]) -> int:
        for conn, load in enumerate(loads):
            if load < self._tokens_per_line:
                return conn
        loads.append(0)
        return self._new_line()

    def _fresh_line(self, now: float, *, other_than: int) -> int:
        fresh = self._fresh
        if (
            fresh is not None
            and fresh.conn != other_than
            and now - fresh.since_mono <= GATHER_S
            and self._loads()[fresh.conn] < self._tokens_per_line
        ):
            return fresh.conn
        idle = self._idle_line()
        conn = self._new_line() if idle is None else idle
        self._fresh = _Fresh(conn, now)
        return conn

    def _idle_line(self) -> int | None:
        for conn, load in enumerate(self._loads()):
            if load == 0 and self.lines[conn].stats().state is LineState.IDLE:
                return conn
        return None

    def _new_line(self) -> int:
        conn = len(self.lines)
        self.lines.append(self._open_line(conn))
        self.lines[conn].start()
        return conn
