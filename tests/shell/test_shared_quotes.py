"""One token of a real snapshot: what it is worth, and why it is of no use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.failover import Fault
from POLYMARKET_MAKER.core.model import Source, TokenHealth
from POLYMARKET_MAKER.shared_quotes import Look, SharedQuotes
from polyshared import SnapshotWriter
from polyshared._clock import Moment, now
from tests.support.program import eventually

TOKEN = "7132"


@dataclass(frozen=True, slots=True)
class ShiftedClock(Clock):
    """A clock that was set, or that has run on."""

    wall_s: float = 0.0
    boot_s: float = 0.0

    def now(self) -> float:
        return time.time() + self.wall_s

    def boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self.boot_s


class SetClock:
    """The writer's clock; somebody sets its wall clock."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> Moment:
        moment = now()
        return Moment(moment.boot_id, moment.boot_s, moment.wall_s + self.ahead_s)


def entry(**more: Any) -> dict[str, Any]:
    return {
        "best_bid": 0.49,
        "best_ask": 0.51,
        "bids": [[0.49, 120.0]],
        "asks": [[0.51, 80.0]],
        "last_trade_price": None,
        "tick_size": 0.01,
        "ts": None,
        "updated_at": time.time(),
        "event_type": "book",
        "health": "live",
        "conn": 0,
        **more,
    }


def feed(state: str = "open", *, heard_at: float | None = None) -> dict[str, Any]:
    at = time.time() if heard_at is None else heard_at
    line = {"id": 0, "state": state, "last_frame_at": at}
    return {**line, "connections": [line, {"id": 1, "state": "down", "last_frame_at": None}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ws_cache.json"


@pytest.fixture
def writer(path: Path) -> Iterator[SnapshotWriter]:
    with SnapshotWriter(path) as writer:
        yield writer


def reader(path: Path, clock: Clock | None = None) -> SharedQuotes:
    return SharedQuotes(path, TOKEN, max_age_s=10.0, clock=clock or Clock())


def look(path: Path, clock: Clock | None = None) -> Look:
    quotes = reader(path, clock)
    try:
        return quotes.look()
    finally:
        quotes.close()


def publish(writer: SnapshotWriter, state: str = "open", **fields: Any) -> None:
    writer.set_feed(feed(state))
    writer.put(TOKEN, entry(**fields))
    writer.flush()


def test_a_quote_on_an_open_line_can_be_traded_on(path: Path, writer: SnapshotWriter) -> None:
    publish(writer, updated_at=time.time() - 2)

    found = look(path)

    assert found.fault is None
    assert found.epoch == writer.epoch
    assert found.aged is not None
    assert found.aged.health is TokenHealth.LIVE
    assert found.aged.source is Source.SHARED
    assert found.aged.quote.best_bid == Decimal("0.49")
    assert found.aged.age_s == pytest.approx(2, abs=0.5)


def test_a_quiet_quote_keeps_its_age_whatever_stamps_its_entry_anew(
    path: Path, writer: SnapshotWriter
) -> None:
    publish(writer, updated_at=time.time() - 3600, health="quiet")

    found = look(path)

    assert found.fault is None
    assert found.aged is not None
    assert found.aged.health is TokenHealth.QUIET
    assert found.aged.age_s == pytest.approx(3600, abs=1)


def test_no_file_is_missing_and_there_is_no_quote(path: Path) -> None:
    assert look(path) == Look(None, Fault.MISSING, None)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", Fault.MISSING),
        ("{", Fault.CORRUPT),
        ('{"updated_at": "2026-11-20T15:11:03Z", "tokens": {}}', Fault.CORRUPT),
        ('{"schema": 99, "tokens": {}}', Fault.TOO_NEW),
        ('{"schema": 1, "epoch": 1, "tokens": {}, "written_at": 1}', Fault.WRITER_SILENT),
    ],
    ids=["empty", "half", "ancestor", "newer", "old"],
)
def test_a_file_that_says_nothing_says_why(path: Path, content: str, fault: Fault) -> None:
    path.write_text(content, "utf-8")

    assert look(path).fault is fault


def test_a_token_that_the_feed_does_not_have_is_absent(path: Path, writer: SnapshotWriter) -> None:
    writer.set_feed(feed())
    writer.put("1", entry())
    writer.flush()

    assert look(path).fault is Fault.TOKEN_ABSENT


def test_a_feed_without_a_line_has_no_token_either(path: Path, writer: SnapshotWriter) -> None:
    writer.set_feed(feed("down"))
    writer.flush()

    assert look(path).fault is Fault.LINE_DOWN


@pytest.mark.parametrize(
    ("health", "fault"),
    [
        ("suspect", Fault.TOKEN_SUSPECT),
        ("resync", Fault.TOKEN_RESYNC),
        ("pending", Fault.TOKEN_PENDING),
        ("closed", None),
    ],
)
def test_on_an_open_line_the_writer_s_own_verdict_counts(
    path: Path, writer: SnapshotWriter, health: str, fault: Fault | None
) -> None:
    publish(writer, health=health)

    found = look(path)

    assert found.fault is fault
    assert found.aged is not None
    assert found.aged.health == health


@pytest.mark.parametrize("health", ["live", "resync", "suspect"])
def test_a_line_that_is_down_is_the_line_s_fault(
    path: Path, writer: SnapshotWriter, health: str
) -> None:
    publish(writer, "down", health=health)

    assert look(path).fault is Fault.LINE_DOWN


def test_the_line_of_the_token_counts_not_its_neighbour(path: Path, writer: SnapshotWriter) -> None:
    writer.set_feed(feed())
    writer.put(TOKEN, entry(conn=1))
    writer.flush()

    assert look(path).fault is Fault.LINE_DOWN


def test_a_line_without_a_frame_for_25_seconds_is_down(path: Path, writer: SnapshotWriter) -> None:
    """The aggregator lives and says "open", but what it has heard is old."""
    writer.set_feed(feed(heard_at=time.time() - 26))
    writer.put(TOKEN, entry())
    writer.flush()

    found = look(path)

    assert found.fault is Fault.LINE_DOWN
    assert found.aged is not None
    assert not found.aged.health.is_tradable


@pytest.mark.parametrize("ahead_s", [-7200.0, 7200.0])
def test_a_wall_clock_that_is_set_moves_no_reader(
    path: Path, writer: SnapshotWriter, ahead_s: float
) -> None:
    publish(writer)

    found = look(path, ShiftedClock(wall_s=ahead_s))

    assert found.fault is None
    assert found.aged is not None
    assert found.aged.age_s < 1


@pytest.mark.parametrize("ahead_s", [-7200.0, 7200.0])
def test_a_writer_whose_wall_clock_is_set_ages_no_quote(path: Path, ahead_s: float) -> None:
    clock = SetClock()
    with SnapshotWriter(path, clock=clock) as writer:
        at = time.time()
        publish(writer, updated_at=at)
        quotes = reader(path)
        quotes.look()
        clock.ahead_s = ahead_s
        writer.set_feed(feed(heard_at=time.time() + ahead_s))
        writer.put(TOKEN, entry(updated_at=at, health="quiet"))
        writer.flush()

        found = quotes.look()
        quotes.close()

    assert found.fault is None
    assert found.aged is not None
    assert found.aged.age_s < 2


@pytest.mark.parametrize("ahead_s", [-7200.0, -60.0, 60.0, 7200.0])
@pytest.mark.parametrize("silent_s", [1.0, 60.0])
def test_the_silence_of_a_line_is_told_however_long_ago_a_quiet_token_spoke(
    path: Path, ahead_s: float, silent_s: float
) -> None:
    """The entry is of the clock before it was set, the feed's block of the one after."""
    clock = SetClock()
    with SnapshotWriter(path, clock=clock) as writer:
        publish(writer, updated_at=time.time())
        quotes = reader(path)
        quotes.look()
        clock.ahead_s = ahead_s
        writer.set_feed(feed(heard_at=time.time() - silent_s + ahead_s))
        writer.flush()
        quotes.wait(0.7)  # nothing changes: the entry is the one that was read before

        found = quotes.look()
        quotes.close()

    assert found.fault is (None if silent_s < 25 else Fault.LINE_DOWN)


def test_a_file_that_cannot_be_read_any_more_is_worth_no_order_and_then_no_wait(
    path: Path,
) -> None:
    """One bad read moves nobody and cancels nothing at once; ten seconds of them do."""
    clock = ShiftedClock()
    with SnapshotWriter(path) as writer:
        publish(writer)
        quotes = reader(path, clock)
        quotes.look()
    for each in path.parent.glob("ws_cache*"):
        each.unlink()
    time.sleep(1.1)  # a reader looks once a second whether its lane is still the one

    at_once = quotes.look()
    object.__setattr__(clock, "boot_s", 11.0)
    later = quotes.look()
    quotes.close()

    assert (at_once.fault, later.fault) == (Fault.MISSING, Fault.MISSING)
    assert at_once.aged is not None
    assert later.aged is not None
    assert at_once.aged.health is TokenHealth.RESYNC
    assert later.aged.health is TokenHealth.STALE
    assert later.aged.age_s >= 11


@pytest.mark.parametrize(
    "fields", [{"best_bid": "cheap"}, {"updated_at": None}, {"health": "fine"}], ids=str
)
def test_an_entry_that_is_no_quote_is_corrupt(
    path: Path, writer: SnapshotWriter, fields: dict[str, Any]
) -> None:
    publish(writer, **fields)

    assert look(path).fault is Fault.CORRUPT


DAMAGED_FEEDS = [
    {"state": 7},
    {"state": "half"},
    {"last_frame_at": "abc"},
    {"last_frame_at": True},
    {"connections": [1]},
    {"connections": {"0": "open"}},
    {"connections": [{"id": 0, "state": "open", "last_frame_at": []}]},
]


@pytest.mark.parametrize("damage", DAMAGED_FEEDS)
def test_a_feed_block_that_is_none_is_corrupt(
    path: Path, writer: SnapshotWriter, damage: dict[str, Any]
) -> None:
    """Another program may have written it: a child says so, and ends up on its own line."""
    publish(writer)
    quotes = reader(path)
    before = quotes.look()
    writer.set_feed({**feed(), **damage})
    writer.flush()
    eventually(lambda: quotes.look().fault is Fault.CORRUPT, within_s=60, what="the damage seen")
    found = quotes.look()
    quotes.close()

    assert before.fault is None
    assert found.aged is not None
    assert found.aged.health is TokenHealth.RESYNC
    assert look(path).fault is Fault.CORRUPT


@pytest.mark.parametrize("damage", DAMAGED_FEEDS)
def test_a_token_that_is_not_in_a_damaged_snapshot_is_no_crash_either(
    path: Path, writer: SnapshotWriter, damage: dict[str, Any]
) -> None:
    writer.set_feed({**feed(), **damage})
    writer.flush()

    assert look(path) == Look(None, Fault.CORRUPT, None)


def test_a_file_by_another_program_is_aged_by_the_wall_clock(path: Path) -> None:
    at = time.time()
    tokens = {TOKEN: {**entry(updated_at=at - 3), "seq": 5}}
    content = {"schema": 1, "epoch": 1, "written_at": at, "feed": feed(), "tokens": tokens}
    path.write_text(json.dumps(content), "utf-8")

    found = look(path)

    assert found.fault is None
    assert found.aged is not None
    assert found.aged.quote.seq == 5
    assert found.aged.age_s == pytest.approx(3, abs=1)


def test_looks_are_counted_by_their_outcome(path: Path) -> None:
    quotes = reader(path)
    quotes.look()
    path.write_text("{", "utf-8")
    quotes.look()
    quotes.close()

    assert (quotes.reads["missing"], quotes.reads["corrupt"], quotes.reads["ok"]) == (1, 1, 0)


def test_waiting_ends_with_a_change(path: Path, writer: SnapshotWriter) -> None:
    publish(writer)
    quotes = reader(path)
    quotes.look()
    writer.put(TOKEN, entry(best_bid=0.48))
    writer.flush()

    began = time.monotonic()
    quotes.wait(5.0)
    waited_s = time.monotonic() - began
    found = quotes.look()
    quotes.close()

    assert waited_s < 3
    assert found.aged is not None
    assert found.aged.quote.best_bid == Decimal("0.48")
