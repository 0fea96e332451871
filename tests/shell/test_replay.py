"""A recording that is played back is a living line."""

from __future__ import annotations

import json
import math
import queue
import time
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.line import Frame
from POLYMARKET_MAKER.recording import RecordingError
from POLYMARKET_MAKER.replay import Replay
from tests.support import market_text as market
from tests.support.market_text import NO, YES, text

AT = 1_790_766_981.25  # 2026-09-30T11:16:21.250Z
WAIT_S = 5.0


def write(path: Path, *rows: Any) -> Path:
    path.write_text(
        "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    )
    return path


def recorded(at: float, message: Any) -> dict[str, Any]:
    frame = message if isinstance(message, str) else text(message)
    return {"sequence": 1, "receivedAt": at, "data": frame}


class Player:
    def __init__(self, path: Path, speed: float) -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.states: list[LineState] = []
        self.replay = Replay(path, speed=speed)
        self.line = self.replay.open_line(
            0, self.frames.put, lambda state, _reason: self.states.append(state)
        )


def test_frames_are_played_by_recorded_time(tmp_path: Path) -> None:
    path = write(
        tmp_path / "frames.jsonl",
        recorded(AT, [market.book(YES), market.book(NO)]),
        recorded(AT + 20, market.price_change(market.change("0.48", "1"))),
        recorded(AT + 40, "PONG"),
    )
    player = Player(path, speed=100.0)
    assert player.replay.tokens == (YES, NO)
    assert player.replay.mono() == AT
    started = time.monotonic()
    player.line.start()

    played = [player.frames.get(timeout=WAIT_S) for _ in range(3)]
    assert player.replay.finished.wait(WAIT_S)

    assert time.monotonic() - started >= 0.4
    assert [frame.now for frame in played] == [AT, AT + 20, AT + 40]
    assert abs(played[2].at - time.time()) < WAIT_S
    assert player.states == [LineState.OPEN, LineState.DOWN]
    assert player.replay.mono() >= AT + 40


def test_a_pause_in_a_recording_is_no_dead_line(tmp_path: Path) -> None:
    path = write(tmp_path / "frames.jsonl", recorded(AT, "PONG"), recorded(AT + 3600, "PONG"))
    player = Player(path, speed=10.0)
    player.line.start()
    player.frames.get(timeout=WAIT_S)

    assert player.line.stats().facts.is_alive(player.replay.mono(), grace_s=25)
    player.line.stop()
    assert player.replay.finished.is_set()


@pytest.mark.parametrize("speed", [0.0, math.inf])
def test_without_a_pace_an_hour_is_over_at_once(tmp_path: Path, speed: float) -> None:
    """``--replay FILE@0`` is as fast as it goes; the clock still is the recording's."""
    path = write(tmp_path / "frames.jsonl", recorded(AT, "PONG"), recorded(AT + 3600, "PONG"))
    player = Player(path, speed=speed)
    player.line.start()

    assert player.replay.finished.wait(WAIT_S)
    assert [frame.now for frame in player.frames.queue] == [AT, AT + 3600]
    assert player.replay.mono() >= AT + 3600
    assert player.line.stats().faults == 0


def test_stamps_that_step_back_do_not_stop_the_clock(tmp_path: Path) -> None:
    path = write(
        tmp_path / "frames.jsonl",
        recorded(AT + 1, "PONG"),
        recorded(AT, "17"),
        recorded(AT + 2, ""),
    )
    player = Player(path, speed=1000.0)
    player.line.start()

    played = [player.frames.get(timeout=WAIT_S) for _ in range(3)]

    assert [frame.now for frame in played] == [AT + 1, AT + 1, AT + 2]


def test_a_recording_without_a_frame_cannot_be_played(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="has no incoming frame"):
        Replay(write(tmp_path / "frames.jsonl", "\n"))


def test_recorded_sessions_are_understood_completely(frames: Path) -> None:
    for name in ("market-ws-frames-2026-09-30.jsonl", "ws-market-v2-session-2026-10-05.jsonl"):
        player = Player(frames / name, speed=1000.0)
        player.line.start()
        assert player.replay.finished.wait(WAIT_S)
        kinds = {event.kind for frame in player.frames.queue for event in frame.events}

        assert kinds <= {"book", "price_change", "pong", "last_trade_price", "new_market"}
        assert player.replay.tokens
