"""Both sources of one child: which one is acted on, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.failover import Limits
from POLYMARKET_MAKER.core.model import AgedQuote, Quote, Source, TokenHealth
from POLYMARKET_MAKER.line import LineStats
from POLYMARKET_MAKER.own_line import OwnLine, Places
from POLYMARKET_MAKER.quotes import NoQuote, Quotes
from POLYMARKET_MAKER.shared_quotes import SharedQuotes
from POLYMARKET_MAKER.slots import Pause, Slots
from polyshared import SnapshotWriter
from tests.support.hand_clock import HandClock
from tests.support.still_line import line_stats

TOKEN = "7132"
SEEN_S = 1.1
"""A reader looks at the feed's own state once a second."""
LIMITS = Limits(after_s=10, token_after_s=30, jitter_s=2, return_after_s=30)


QUOTE = Quote(
    token_id=TOKEN,
    best_bid=Decimal("0.30"),
    best_ask=Decimal("0.32"),
    bids=(),
    asks=(),
    last_trade_price=None,
    tick_size=Decimal("0.01"),
    exchange_at=None,
    received_at=0.0,
    seq=1,
    event_type="book",
)


@dataclass
class Line:
    """An own line that has the quote that the test gives it."""

    quote: Quote | None = None
    health: TokenHealth = TokenHealth.LIVE
    is_closed: bool = False
    waits: int = 0

    def aged(self) -> AgedQuote | None:
        if self.quote is None:
            return None
        return AgedQuote(self.quote, 0.001, self.health, Source.DIRECT)

    def wait(self, timeout_s: float) -> None:
        del timeout_s
        self.waits += 1

    def close(self) -> None:
        self.is_closed = True

    def stats(self) -> LineStats:
        return line_stats(LineState.OPEN)


class House:
    """One child's quotes over a real snapshot, with a line and a clock of the test's."""

    def __init__(self, directory: Path, *, begin_shared: bool, has_shared: bool = True) -> None:
        self.clock = HandClock(mono=1000)
        self.line = Line()
        self.slots = Slots(directory, "dial", 1)
        self.path = directory / "ws_cache.json"
        self.writer = SnapshotWriter(self.path)
        own = OwnLine(
            lambda: self.line,
            Places(self.slots, Slots(directory, "line", 1), Pause(directory / "pause")),
            self.clock,
        )
        shared = SharedQuotes(self.path, TOKEN, max_age_s=10.0, clock=self.clock)
        self.quotes = Quotes(
            TOKEN,
            shared=shared if has_shared else None,
            begin_shared=begin_shared,
            own=own,
            limits=LIMITS,
            clock=self.clock,
        )

    def publish(self, bid: float = 0.49, *, health: str = "live", state: str = "open") -> None:
        now = time.time()
        line = {"id": 0, "state": state, "last_frame_at": now}
        self.writer.set_feed({**line, "connections": [line]})
        fields: dict[str, Any] = {"best_bid": bid, "best_ask": 0.6, "bids": [], "asks": []}
        fields |= {"updated_at": now, "health": health, "conn": 0, "event_type": "book"}
        self.writer.put(TOKEN, fields)
        self.writer.flush()
        time.sleep(SEEN_S)

    def live(self, seconds: int) -> AgedQuote | NoQuote:
        for _ in range(seconds):
            self.clock.advance(1)
            reading = self.quotes.read()
        return reading

    def close(self) -> None:
        self.quotes.close()
        self.writer.close()


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[House]:
    """A child that was told of the snapshot."""
    house = House(tmp_path, begin_shared=True)
    yield house
    house.close()


@pytest.fixture
def direct(tmp_path: Path) -> Iterator[House]:
    """A child that began on its own line, with a snapshot to come back to."""
    house = House(tmp_path, begin_shared=False)
    yield house
    house.close()


def bid(reading: AgedQuote | NoQuote) -> Decimal | None:
    assert isinstance(reading, AgedQuote)
    return reading.quote.best_bid


def test_a_child_that_was_told_of_the_file_reads_it_and_dials_nobody(shared: House) -> None:
    shared.publish()

    reading = shared.live(60)

    assert bid(reading) == Decimal("0.49")
    assert shared.quotes.source is Source.SHARED
    assert shared.quotes.epoch == shared.writer.epoch
    assert shared.slots.take() is not None


def test_without_a_quote_there_is_a_reason(shared: House) -> None:
    assert shared.quotes.read() == NoQuote("line_down")


@pytest.fixture
def log_on_stdout() -> Iterator[None]:
    """Write the log where a test reads it, and afterwards where it was."""
    log.configure(stream="stdout")
    yield
    log.configure()


@pytest.mark.usefixtures("log_on_stdout")
def test_the_old_source_is_used_until_the_new_one_has_a_quote(
    shared: House, capsys: pytest.CaptureFixture[str]
) -> None:
    shared.publish()
    shared.live(1)
    shared.publish(health="resync", state="down")
    before = shared.live(20)
    shared.line.quote = QUOTE
    after = shared.live(1)

    assert (bid(before), bid(after)) == (Decimal("0.49"), Decimal("0.30"))
    assert isinstance(before, AgedQuote)
    assert not before.health.is_tradable
    assert shared.quotes.status()["last_switch"] | {"at": 0} == {
        "at": 0,
        "from": "shared",
        "to": "direct",
        "reason": "line_down",
        "age_s": 20.0,
        "limit_s": 12.0,
    }
    line = next(each for each in capsys.readouterr().out.splitlines() if "[FALLBACK]" in each)
    assert "from=shared to=direct reason=line_down age_s=20 limit_s=12" in line


def test_the_file_is_used_again_after_half_a_minute_of_health(direct: House) -> None:
    direct.line.quote = QUOTE
    direct.live(2)
    direct.publish()
    on_the_line = direct.live(30)
    on_the_file = direct.live(1)

    assert (bid(on_the_line), bid(on_the_file)) == (Decimal("0.30"), Decimal("0.49"))
    assert direct.line.is_closed
    assert direct.quotes.status()["last_switch"]["reason"] == "shared_healthy"


def test_a_child_whose_own_line_has_nothing_does_not_wait_half_a_minute(direct: House) -> None:
    assert direct.live(2) == NoQuote("line_opening")
    direct.publish()

    reading = direct.live(4)

    assert bid(reading) == Decimal("0.49")
    assert direct.quotes.status()["last_switch"]["reason"] == "own_line_down"


def test_a_child_that_is_refused_a_line_says_so_and_starves(direct: House) -> None:
    slot = direct.slots.take()
    assert slot is not None
    direct.live(1)

    assert direct.live(600) == NoQuote("no_dialling_slot")
    assert direct.quotes.status()["fallback_refused"] == "no_dialling_slot"
    assert direct.quotes.starved_s() == 600
    slot.free()
    direct.live(1)
    assert direct.quotes.status()["fallback_refused"] is None
    assert direct.quotes.starved_s() == 0


def test_a_child_on_a_good_file_never_starves(shared: House) -> None:
    assert shared.slots.take() is not None
    shared.publish()
    shared.live(700)

    assert shared.quotes.starved_s() == 0


def test_without_a_file_to_come_back_to_it_stays_on_its_line(tmp_path: Path) -> None:
    house = House(tmp_path, begin_shared=True, has_shared=False)
    house.line.quote = QUOTE
    reading = [house.live(1), house.live(1)][-1]
    status = house.quotes.status()
    house.close()

    assert bid(reading) == Decimal("0.30")
    assert (status["source"], status["shared_ws_cache_path"]) == ("direct", None)


def test_waiting_without_any_line_takes_its_time(tmp_path: Path) -> None:
    """A turn that does not wait would be a busy loop."""
    house = House(tmp_path, begin_shared=False, has_shared=False)
    began = time.monotonic()
    house.quotes.wait(0.1)
    waited_s = time.monotonic() - began
    house.close()

    assert waited_s >= 0.1


def test_on_its_own_line_it_waits_for_that_line(direct: House) -> None:
    direct.line.quote = QUOTE
    direct.live(1)
    direct.quotes.wait(5.0)

    assert direct.line.waits == 1


def test_what_was_skipped_and_how_late_it_was_stands_in_the_status(direct: House) -> None:
    direct.live(1)
    for seq in (1, 2, 6):
        direct.line.quote = replace(QUOTE, seq=seq)
        direct.live(1)
    status = direct.quotes.status()

    assert status["conflated"] == 3
    assert status["lag_ms"] == {"p50": 1.0, "p99": 1.0, "count": 2}


def test_what_was_skipped_on_the_file_is_counted_too(shared: House) -> None:
    """Nothing has to be chosen there, as nearly always; what is read is counted all the same."""
    shared.publish()
    shared.live(2)
    shared.publish(0.48)
    shared.publish(0.47)
    shared.live(2)

    status = shared.quotes.status()
    assert status["conflated"] == 1
    assert status["lag_ms"]["count"] == 1
