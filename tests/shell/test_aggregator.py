"""The aggregator turns frames into the snapshot that children read, and says when it cannot."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.health import LineFacts
from POLYMARKET_MAKER.errors import CannotStart
from POLYMARKET_MAKER.line import Frame, Line, LineStats, OnFrame, OnState
from POLYMARKET_MAKER.lines import market_lines
from POLYMARKET_MAKER.recording import Recorder, read_recording
from POLYMARKET_MAKER.replay import Replay
from polyshared import Entry, Snapshot, SnapshotReader, SnapshotWriter
from tests.support import market_text as market
from tests.support.market_text import NO, OTHER, YES, text
from tests.support.scripted_ws import ScriptedServer

WAIT_S = 5.0


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until *condition* holds; the aggregator works in threads of its own."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True


class HandLine:
    """A line whose frames and states come from the test's hand."""

    def __init__(
        self, on_frame: OnFrame, on_state: OnState, skip_book: Callable[[str], bool]
    ) -> None:
        self.wanted: tuple[str, ...] = ()
        self.renewed: list[str] = []
        self.state = LineState.IDLE
        self.stopped = False
        self.last_frame_mono: float | None = None
        self._clock = Clock()
        self._on_frame, self._on_state, self._skip_book = on_frame, on_state, skip_book

    def start(self) -> None: ...

    def want(self, token_ids: Iterable[str]) -> None:
        self.wanted = tuple(token_ids)

    def renew(self, reason: str) -> None:
        self.renewed.append(reason)

    def stop(self, timeout_s: float = 1.0) -> None:
        self.stopped = timeout_s > 0

    def stats(self) -> LineStats:
        is_open = self.state is LineState.OPEN
        return LineStats(
            state=self.state,
            opened_at=1.0 if is_open else None,
            last_frame_at=2.0 if is_open else None,
            facts=LineFacts(self.last_frame_mono if is_open else None, self.last_frame_mono),
            connects=1,
            wanted=self.wanted,
            sent=frozenset(self.wanted),
            confirmed=frozenset(self.wanted[:1]),
            frames=0,
            faults=0,
            refusals=0,
            last_reason="",
        )

    def become(self, state: LineState, reason: str = "") -> None:
        self.state = state
        self.last_frame_mono = self._clock.boot()
        self._on_state(state, reason)

    def hear(self, message: Any) -> None:
        now = self.last_frame_mono = self._clock.boot()
        frame = message if isinstance(message, str) else text(message)
        events = wire.parse(frame, skip_book=self._skip_book)
        self._on_frame(Frame(frame, events, now, self._clock.now()))


class Stage:
    """An aggregator on hand-driven lines, and a reader of what it writes."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.lines: list[HandLine] = []
        self.aggregator = Aggregator(path, self._open, flush_interval_s=0.02, **options)
        self.reader = SnapshotReader(path)

    def _open(
        self, _conn: int, on_frame: OnFrame, on_state: OnState, *, skip_book: Callable[[str], bool]
    ) -> Line:
        self.lines.append(HandLine(on_frame, on_state, skip_book))
        return self.lines[-1]

    def start(self, *tokens: str) -> HandLine:
        self.aggregator.start(tokens)
        self.lines[0].become(LineState.OPEN)
        return self.lines[0]

    def entry(self, token: str = YES) -> Entry:
        return self.snapshot().tokens[token]

    def fields(self, token: str = YES) -> dict[str, Any]:
        return dict(self.entry(token).fields)

    def snapshot(self) -> Snapshot:
        """Read the file as it is when all that was heard is in it."""
        publisher = self.aggregator._publisher
        assert publisher is not None
        publisher._writer.flush()
        return self.reader.read()

    def status(self) -> Any:
        return self.aggregator.status()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "ws_cache.json")
    yield stage
    stage.aggregator.stop()
    stage.reader.close()


def test_a_book_becomes_an_entry(stage: Stage) -> None:
    line = stage.start(YES)
    line.hear([market.book(last_trade_price="0.500")])
    stage.snapshot()

    entry = json.loads(stage.path.read_text())["tokens"][YES]

    assert entry["best_bid"] == 0.49
    assert entry["best_ask"] == 0.51
    assert entry["price"] == 0.5
    assert entry["bids"][0] == [0.49, 120.0]
    assert entry["health"] == "live"
    assert entry["seq"] == 1
    assert entry["conn"] == 0


def test_the_feed_block_names_every_connection(stage: Stage) -> None:
    stage.start(YES, NO)
    assert eventually(lambda: stage.snapshot().feed.get("state") == "open")

    feed = json.loads(stage.path.read_text())["feed"]

    assert feed["wanted"] == 2
    assert feed["confirmed"] == 1
    assert [connection["id"] for connection in feed["connections"]] == [0]


def test_it_serves_when_a_line_is_open_and_the_file_is_written(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.aggregator.start([YES])
    assert not stage.aggregator.serves

    stage.lines[0].become(LineState.OPEN)
    assert eventually(lambda: stage.aggregator.serves)
    assert stage.path.exists()
    assert "[WS] 聚合订阅启动，tokens=1" in capfd.readouterr().err

    stage.lines[0].become(LineState.DOWN, "reset")
    assert eventually(lambda: not stage.aggregator.serves)


def test_a_network_that_does_not_answer_is_told_once(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    stage.aggregator.start([YES])
    for _ in range(3):
        stage.lines[0].become(LineState.CONNECTING)
        stage.lines[0].become(LineState.DOWN, "did not open")

    written = capfd.readouterr().err
    assert written.count("无法启动 WS 聚合器") == 1
    assert "ERROR" in written


def test_a_second_aggregator_cannot_start(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    with SnapshotWriter(stage.path), pytest.raises(CannotStart, match="cannot start the market"):
        stage.aggregator.start([YES])

    assert "无法启动 WS 聚合器" in capfd.readouterr().err


def test_a_directory_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "nowhere" / "ws_cache.json")

    with pytest.raises(CannotStart):
        stage.aggregator.start([YES])


def test_a_broken_line_makes_its_quotes_resync_and_stamps_nothing(stage: Stage) -> None:
    line = stage.start(YES)
    line.hear([market.book()])
    before = stage.fields()

    line.become(LineState.DOWN, "reset")
    after = stage.fields()

    assert after["health"] == "resync"
    assert after["updated_at"] == before["updated_at"]
    assert after["best_bid"] == before["best_bid"]

    line.become(LineState.OPEN)
    line.hear(market.price_change(market.change("0.48", "1")))
    assert stage.fields()["health"] == "resync"
    line.hear([market.book()])
    assert stage.fields()["health"] == "live"


def test_a_quote_before_any_snapshot_is_published_as_resync(stage: Stage) -> None:
    line = stage.start(YES)

    line.hear(market.price_change(market.change("0.48", "1", best=("0.49", "0.51"))))

    fields = stage.fields()
    assert (fields["best_bid"], fields["health"]) == (0.49, "resync")


def test_seq_grows_when_a_published_field_changes_and_only_then(stage: Stage) -> None:
    line = stage.start(YES)
    line.hear([market.book()])
    first = stage.entry()

    line.hear(market.price_change(market.change("0.30", "5"), at_ms=market.AT_MS))
    line.hear(market.price_change(market.change("0.30", "5"), at_ms=market.AT_MS))
    second = stage.entry()
    line.hear(market.price_change(market.change("0.30", "5"), at_ms=market.AT_MS))
    third = stage.entry()

    assert second.seq == first.seq + 1  # event_type
    assert third.seq == second.seq
    assert third.fields["updated_at"] > second.fields["updated_at"]


def test_a_sibling_is_dropped_and_counted(stage: Stage) -> None:
    line = stage.start(YES)
    line.hear([market.book()])
    line.hear(market.price_change(market.change("0.48", "1"), market.change("0.52", "1", token=NO)))
    line.hear(market.book(NO))

    status = stage.status()
    assert status["dropped_siblings"] == 1
    assert status["received"]["skipped"] == 1
    assert set(json.loads(json.dumps(status))["health"]) >= {"live", "resync"}


def test_a_sibling_s_book_helps_a_token_that_has_none(stage: Stage) -> None:
    """Both tokens of a market are one book seen from two sides."""
    line = stage.start(YES)
    line.hear(
        market.price_change(
            market.change("0.48", "1", best=("0.48", "0.52")),
            market.change("0.52", "1", "SELL", token=NO, best=("0.48", "0.52")),
        )
    )
    assert stage.fields()["health"] == "resync"

    line.hear(market.book(NO, bids=[("0.48", "80")], asks=[("0.52", "120")]))

    fields = stage.fields()
    assert fields["health"] == "live"
    assert fields["bids"] == [[0.48, 120.0]]


def test_events_are_counted_by_type_with_the_first_of_what_was_not_understood(
    stage: Stage,
) -> None:
    line = stage.start(YES)
    line.hear([market.book()])
    line.hear("PONG")
    line.hear("INVALID OPERATION")
    line.hear({"event_type": "fee_change", "market": "0x1", "asset_id": YES})
    line.hear('{"event_type":"book","owner":"3e2c-secret"}')
    line.hear(market.last_trade("0.5", token=OTHER))

    status = stage.status()

    assert status["received"]["book"] == 1
    assert status["used"] == {"book": 1, "pong": 1, "notice": 1}
    assert status["notices"] == {"INVALID OPERATION": 1}
    assert status["unknown"] == {"fee_change": 1}
    assert status["unreadable"] == 1
    assert "secret" not in json.dumps(status)
    assert json.dumps(status)  # all of it is JSON


def test_tokens_that_come_are_subscribed_and_those_that_leave_stay_for_a_while(
    stage: Stage,
) -> None:
    line = stage.start(YES)
    line.hear([market.book()])

    stage.aggregator.set_tokens([NO])
    assert line.wanted == (NO,)
    assert stage.fields()["best_bid"] == 0.49
    assert stage.status()["tokens"] == 1

    stage.aggregator.set_tokens([NO, YES])
    assert set(line.wanted) == {YES, NO}
    line.hear(market.price_change(market.change("0.49", "0", best=("0.48", "0.51"))))
    assert stage.fields()["best_bid"] == 0.48


def test_a_token_that_left_is_dropped_after_the_grace(tmp_path: Path) -> None:
    now = [1000.0]
    stage = Stage(tmp_path / "ws_cache.json", mono=lambda: now[0])
    line = stage.start(YES, NO)
    line.hear([market.book(YES), market.book(NO)])
    stage.aggregator.set_tokens([NO])

    now[0] += 121
    assert eventually(lambda: YES not in stage.snapshot().tokens)
    assert NO in stage.snapshot().tokens
    stage.aggregator.stop()
    stage.reader.close()


def test_more_tokens_than_a_line_may_carry_open_another(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "ws_cache.json", tokens_per_line=2)
    stage.start("1", "2", "3", "4", "5")

    assert [line.wanted for line in stage.lines] == [("1", "2"), ("3", "4"), ("5",)]
    stage.lines[2].become(LineState.OPEN)
    stage.lines[2].hear([market.book("5")])
    assert stage.fields("5")["conn"] == 2
    stage.aggregator.stop()
    stage.reader.close()
    assert all(line.stopped for line in stage.lines)


def test_the_end_of_a_market_is_published(stage: Stage) -> None:
    line = stage.start(YES)
    line.hear([market.book()])
    line.hear(market.resolved(YES, NO))

    assert stage.fields()["health"] == "closed"


def test_a_lost_lock_is_a_failure_and_not_a_silence(stage: Stage) -> None:
    line = stage.start(YES)
    line.hear([market.book()])
    os.unlink(f"{stage.path}.lock")
    usurper = SnapshotWriter(stage.path, take_over=True)

    line.hear([market.book(bids=[])])
    assert eventually(lambda: bool(stage.aggregator.failure))
    assert not stage.aggregator.serves
    usurper.close()


def test_every_raw_frame_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    recorder = Recorder(path)
    stage = Stage(tmp_path / "ws_cache.json", recorder=recorder)
    line = stage.start(YES)
    line.hear([market.book()])
    line.hear("PONG")
    stage.aggregator.stop()
    recorder.close()
    stage.reader.close()

    assert [frame.text for frame in read_recording(path)] == [text([market.book()]), "PONG"]


def test_a_real_connection_reaches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ws_cache.json"
    with ScriptedServer() as server:
        lines = market_lines(server.url, Clock())
        with Aggregator(path, lines, flush_interval_s=0.02) as aggregator:
            aggregator.start([YES])
            peer = server.accept().upgrade()
            assert peer.read_json()["custom_feature_enabled"] is True
            peer.send([market.book()])

            assert eventually(lambda: aggregator.serves)
            with SnapshotReader(path) as reader:
                assert eventually(lambda: YES in reader.read().tokens)
        assert peer.is_gone()


def test_a_recording_is_played_into_the_file(tmp_path: Path) -> None:
    message = market.book()
    rows = [
        {"sequence": 1, "receivedAt": 1000.0, "data": text([message])},
        {
            "sequence": 2,
            "receivedAt": 1060.0,
            "data": text(market.price_change(market.change("0.49", "0", best=("0.48", "0.51")))),
        },
    ]
    path = tmp_path / "frames.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    replay = Replay(path, speed=500.0)
    with Aggregator(tmp_path / "ws_cache.json", replay.open_line, mono=replay.mono) as aggregator:
        aggregator.start(replay.tokens)
        assert replay.finished.wait(WAIT_S)
        status: Any = aggregator.status()

    assert status["checks"]["top_ok"] == 2
    assert status["checks"]["top_bad"] == 0
    entry = json.loads((tmp_path / "ws_cache.json").read_text())["tokens"][YES]
    assert entry["best_bid"] == 0.48


def test_recorded_market_is_played_without_a_disagreement(frames: Path, tmp_path: Path) -> None:
    """After every batch our best prices are those that the exchange stated."""
    replay = Replay(frames / "market-ws-frames-2026-09-30.jsonl", speed=300.0)
    with Aggregator(tmp_path / "ws_cache.json", replay.open_line, mono=replay.mono) as aggregator:
        aggregator.start(replay.tokens)
        assert replay.finished.wait(WAIT_S)
        status: Any = aggregator.status()

    assert status["checks"]["top_ok"] == 31
    assert status["checks"]["top_bad"] == 0
    assert status["unreadable"] == 0
    assert status["received"] == status["used"]
