"""The loop itself: what becomes of a feed that ended, or cannot be started anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.brakes import Brakes
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.lines import market_lines
from POLYMARKET_MAKER.operator_desk import OperatorDesk
from POLYMARKET_MAKER.supervisor import AGGREGATOR_FAILED, AGGREGATOR_RETRY_S, Supervisor
from polyshared import SnapshotWriter
from tests.support.hand_clock import HandClock
from tests.support.program import eventually
from tests.support.waiting_fleet import waiting_fleet

pytestmark = pytest.mark.timeout(60)


@dataclass
class House:
    """A supervisor without tokens, and the directory of every feed after the first."""

    supervisor: Supervisor
    folder: Path
    clock: HandClock

    def ask(self, verb: str) -> dict[str, Any]:
        """Ask by file, as another process does, and return the answer."""
        data_dir = self.supervisor.settings.data_dir
        desk = OperatorDesk(SimpleQueue(), Brakes(data_dir), data_dir, Clock())
        (data_dir / "control" / "q.json").write_text(json.dumps({"request": verb}))
        desk.act(self.supervisor)
        answer: dict[str, Any] = json.loads((data_dir / "control" / "q.answer.json").read_text())
        return answer

    def block(self) -> None:
        """Have no further feed start: a file is where its directory should be."""
        self.folder.touch()

    def clear(self) -> None:
        self.folder.unlink()
        self.folder.mkdir()

    def usurp(self) -> SnapshotWriter:
        """Take the running feed's lock from it, and wait until it has noticed."""
        usurper = SnapshotWriter(self.writer().path, take_over=True, max_age_s=-1)
        self.wait_for_failure()
        return usurper

    def crash(self) -> None:
        """End the feed's flushing by what nobody expects, and wait until it has noticed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.writer()._flusher, "_flush_if_due", lambda: 1 // 0)
            self.writer()._flusher.wake()
            self.wait_for_failure()

    def writer(self) -> SnapshotWriter:
        aggregator = self.supervisor.aggregator
        assert aggregator is not None
        assert aggregator._publisher is not None
        return aggregator._publisher._writer

    def wait_for_failure(self) -> None:
        aggregator = self.supervisor.aggregator
        assert aggregator is not None

        def has_failed() -> bool:
            aggregator.set_tokens(())  # its clock stands still: say that there is work
            return bool(aggregator.failure)

        eventually(has_failed, within_s=10, what="the feed has failed")

    def epoch(self) -> int | None:
        """Return the life of the writer, None while nobody writes."""
        aggregator = self.supervisor.aggregator
        assert aggregator is not None
        publisher = aggregator._publisher
        return None if publisher is None else publisher._writer.epoch


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    folder, clock = tmp_path / "feed", HandClock(mono=1000)

    def make(directory: Path = folder) -> Aggregator:
        lines = market_lines("ws://127.0.0.1:9/ws/market", clock)
        return Aggregator(directory / "ws_cache.json", lines, clock=clock)

    with waiting_fleet(tmp_path) as fleet:
        supervisor = Supervisor(
            fleet._settings,
            clock=clock,
            aggregator=make(tmp_path),
            fleet=fleet,
            desk=fleet._desk,
            tokens=tuple,
            make_aggregator=make,
        )
        assert supervisor.aggregator is not None
        supervisor.aggregator.start()
        try:
            yield House(supervisor, folder, clock)
        finally:
            supervisor.aggregator.stop()


def test_a_feed_that_cannot_be_started_anew_ends_nobody_and_is_tried_again(house: House) -> None:
    """Somebody asked for it while the disk was full: the children are what must go on."""
    supervisor, first = house.supervisor, house.epoch()
    house.block()
    assert "cannot start" in house.ask("restart")["message"]
    supervisor._turn()
    assert supervisor.stop_reason is None
    assert house.epoch() is None
    assert supervisor.aggregator is not None
    assert "cannot start" in supervisor.aggregator.failure, "the status file says why"

    house.clear()
    house.clock.advance(AGGREGATOR_RETRY_S - 1)
    supervisor._turn()
    assert house.epoch() is None, "not before its time"
    house.clock.advance(1)
    supervisor._turn()
    assert house.epoch() not in (None, first)
    assert supervisor.stop_reason is None


def test_a_feed_that_lost_its_lock_ends_nobody_and_is_started_anew_at_once(house: House) -> None:
    supervisor, first = house.supervisor, house.epoch()
    house.folder.mkdir()
    with house.usurp():
        supervisor._turn()
    assert house.epoch() not in (None, first)
    assert supervisor.stop_reason is None


def test_a_feed_whose_writer_ended_is_started_anew(house: House) -> None:
    supervisor, first = house.supervisor, house.epoch()
    house.folder.mkdir()
    house.crash()
    assert supervisor.aggregator is not None
    assert not supervisor.aggregator.serves
    supervisor._turn()
    assert house.epoch() not in (None, first)
    assert supervisor.stop_reason is None


def test_a_feed_that_loses_its_lock_again_and_again_is_started_once_a_minute(house: House) -> None:
    supervisor = house.supervisor
    house.folder.mkdir()
    with house.usurp():
        supervisor._turn()
    again = house.epoch()
    with house.usurp():
        house.clock.advance(AGGREGATOR_RETRY_S - 1)
        supervisor._turn()
        assert house.epoch() == again, "not before its time"
    house.clock.advance(1)
    supervisor._turn()
    assert house.epoch() != again


def test_a_replay_ends_with_its_feed(house: House) -> None:
    house.supervisor._make_aggregator = None
    with house.usurp():
        house.supervisor._turn()
    assert house.supervisor.stop_reason == AGGREGATOR_FAILED
