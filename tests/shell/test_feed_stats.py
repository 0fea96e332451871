"""What the feed tells of itself: bounded counters, the worst line first, no secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.events import NewMarket, Notice, Pong, Unknown, Unreadable
from POLYMARKET_MAKER.core.health import LineFacts
from POLYMARKET_MAKER.feed_stats import (
    MAX_UNKNOWN_TYPES,
    FeedCounters,
    count_health,
    feed_block,
    line_row,
    sum_checks,
    worst_state,
)
from POLYMARKET_MAKER.line import LineStats
from POLYMARKET_MAKER.seats import Seat

OPEN = LineStats(
    state=LineState.OPEN,
    opened_at=100.00049,
    last_frame_at=200.0,
    facts=LineFacts(1.0, 2.0),
    connects=1,
    wanted=("a", "b"),
    sent=frozenset("ab"),
    confirmed=frozenset("a"),
    frames=7,
    faults=0,
    refusals=0,
    last_reason="",
)
DOWN = replace(
    OPEN, state=LineState.DOWN, opened_at=None, last_frame_at=300.0, connects=3, last_reason="reset"
)
IDLE = replace(OPEN, state=LineState.IDLE, opened_at=None, last_frame_at=None, wanted=())
CONNECTING = replace(DOWN, state=LineState.CONNECTING)


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([], LineState.IDLE),
        ([IDLE], LineState.IDLE),
        ([OPEN, IDLE], LineState.OPEN),
        ([OPEN, CONNECTING], LineState.CONNECTING),
        ([OPEN, CONNECTING, DOWN], LineState.DOWN),
    ],
)
def test_the_feed_is_as_good_as_its_worst_line(lines: list[LineStats], state: LineState) -> None:
    assert worst_state(lines) is state


def test_the_feed_block_adds_the_lines_up() -> None:
    block = feed_block([OPEN, DOWN])

    assert {key: block[key] for key in block if key != "connections"} == {
        "state": "down",
        "opened_at": 100.00049,
        "last_frame_at": 300.0,
        "connects": 4,
        "wanted": 4,
        "confirmed": 2,
    }
    assert block["connections"] == [
        {
            "id": 0,
            "state": "open",
            "opened_at": 100.0,
            "last_frame_at": 200.0,
            "connects": 1,
            "wanted": 2,
            "confirmed": 1,
        },
        {
            "id": 1,
            "state": "down",
            "opened_at": None,
            "last_frame_at": 300.0,
            "connects": 3,
            "wanted": 2,
            "confirmed": 1,
        },
    ]


def test_a_row_says_why_the_line_last_closed() -> None:
    assert line_row(1, DOWN)["last_reason"] == "reset"


def test_received_is_not_used() -> None:
    counters = FeedCounters()
    counters.count(Pong(), used=False)
    counters.count(NewMarket(), used=False)

    assert counters.received == {"pong": 1, "new_market": 1}
    assert counters.used == {"pong": 1}


def test_the_first_of_each_kind_is_kept() -> None:
    counters = FeedCounters()
    for number in (1, 2):
        counters.count(Unknown("fee_change", f"sample {number}"), used=False)
        counters.count(Unreadable(f"reason {number}", f"sample {number}"), used=False)

    assert counters.unknown == {"fee_change": 2}
    assert counters.first_unknown == {"fee_change": "sample 1"}
    assert counters.unreadable == 2
    assert counters.first_unreadable == {"reason": "reason 1", "sample": "sample 1"}


def test_a_garbling_line_does_not_fill_the_memory() -> None:
    counters = FeedCounters()
    for number in range(1000):
        counters.count(Unknown(f"type {number}", ""), used=False)
        counters.count(Notice(f"text {number}"), used=False)

    assert len(counters.unknown) == MAX_UNKNOWN_TYPES + 1
    assert counters.unknown["other"] == 1000 - MAX_UNKNOWN_TYPES
    assert len(counters.notices) == MAX_UNKNOWN_TYPES + 1


def test_every_health_is_named() -> None:
    counts = count_health([Seat("a", 0), Seat("b", 0)])

    assert counts["pending"] == 2
    assert set(counts) >= {"live", "quiet", "suspect", "resync", "stale", "closed"}


def test_checks_of_all_tokens_are_added() -> None:
    seats = [Seat("a", 0), Seat("b", 0)]
    for seat in seats:
        seat.book.checks.hash_ok = 3

    assert sum_checks(seats)["hash_ok"] == 6
    assert sum_checks(seats)["hash_unsupported"] == 0
