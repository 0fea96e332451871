"""A recording is written frame by frame, read in three shapes and played by its own time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.errors import CannotStart
from POLYMARKET_MAKER.recording import RecordedFrame, Recorder, RecordingError, read_recording
from tests.support.market_text import text

AT = 1_790_766_981.25  # 2026-09-30T11:16:21.250Z


def write(path: Path, *rows: Any) -> Path:
    path.write_text(
        "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    )
    return path


def recorded(at: float, message: Any) -> dict[str, Any]:
    frame = message if isinstance(message, str) else text(message)
    return {"sequence": 1, "receivedAt": at, "data": frame}


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    recorder = Recorder(path)
    recorder.write('{"a":"ü\\n"}\n', AT)
    recorder.write("PONG", AT + 1)
    recorder.close()

    assert list(read_recording(path)) == [
        RecordedFrame(AT, '{"a":"ü\\n"}\n'),
        RecordedFrame(AT + 1, "PONG"),
    ]
    assert json.loads(path.read_text().splitlines()[1]) == {
        "sequence": 2,
        "receivedAt": "2026-09-30T11:16:22.250000Z",
        "data": "PONG",
    }


def test_a_recording_is_continued_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    for number in (1, 2):
        recorder = Recorder(path)
        recorder.write(str(number), AT)
        recorder.close()

    assert [frame.text for frame in read_recording(path)] == ["1", "2"]


def test_a_kill_loses_no_frame_that_was_taken(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "frames.jsonl"
    program = (
        "import sys; from pathlib import Path; from POLYMARKET_MAKER.recording import Recorder\n"
        "recorder = Recorder(Path(sys.argv[1]))\n"
        "for number in range(1000): recorder.write(f'frame {number}', 1.0)\n"
        "print('written', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)

    assert len(list(read_recording(path))) == 1000


def test_frames_of_several_lines_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    recorder = Recorder(path)

    def record() -> None:
        for _ in range(100):
            recorder.write("x" * 500, AT)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()

    assert [frame.text for frame in read_recording(path)] == ["x" * 500] * 400


def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot record to"):
        Recorder(tmp_path / "nowhere" / "frames.jsonl")


def test_a_full_disk_ends_the_recording_and_not_the_program() -> None:
    recorder = Recorder(Path("/dev/full"))

    recorder.write("one", AT)
    recorder.write("two", AT)

    assert recorder.failure is not None
    assert recorder.failure.errno == 28


@pytest.mark.parametrize(
    "row",
    [
        {"receivedAt": "2026-09-30T11:16:21.250Z", "payloadUtf8": "PONG"},
        {"t": "2026-09-30T11:16:21.250Z", "dir": "recv", "data": "PONG"},
        {"sequence": 4, "receivedAt": "2026-09-30T13:16:21.250+02:00", "data": "PONG"},
        {"sequence": 4, "receivedAt": AT, "data": "PONG"},
        {"sequence": 4, "receivedAt": AT * 1000, "data": "PONG"},
    ],
)
def test_three_shapes_are_read(tmp_path: Path, row: dict[str, Any]) -> None:
    path = write(tmp_path / "frames.jsonl", row, "\n")

    assert list(read_recording(path)) == [RecordedFrame(AT, "PONG")]


def test_only_incoming_frames_are_fed(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"t": "2026-10-05T23:15:25.682Z", "dir": "open", "data": "wss://example/ws/market"},
        {"t": "2026-10-05T23:15:25.682Z", "dir": "send", "data": "PING"},
        {"t": "2026-10-05T23:15:25.847Z", "dir": "recv", "data": "PONG"},
        {"t": "2026-10-05T23:16:25.276Z", "dir": "close", "data": {"code": 1000}},
    ]

    assert [frame.text for frame in read_recording(write(tmp_path / "f.jsonl", *rows))] == ["PONG"]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{half\n", "not JSON"),
        ("[1]\n", "was list, expected an object"),
        ({"receivedAt": AT}, "neither payloadUtf8 nor data"),
        ({"receivedAt": AT, "data": 7}, "neither payloadUtf8 nor data"),
        ({"data": "PONG"}, "was None, expected a time"),
        ({"receivedAt": "yesterday", "data": "PONG"}, "was 'yesterday', expected a time"),
        ({"receivedAt": float("nan"), "data": "PONG"}, "was nan, expected a time"),
    ],
)
def test_a_line_that_is_no_frame_is_named(tmp_path: Path, row: Any, complaint: str) -> None:
    path = write(tmp_path / "frames.jsonl", recorded(AT, "PONG"), row)

    with pytest.raises(RecordingError, match=rf"frames\.jsonl:2: .*{complaint}"):
        list(read_recording(path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")

    with pytest.raises(RecordingError, match=r"missing\.jsonl: cannot be read"):
        list(read_recording(tmp_path / "missing.jsonl"))
    with pytest.raises(RecordingError, match="binary: cannot be read"):
        list(read_recording(tmp_path / "binary"))
