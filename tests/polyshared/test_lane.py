"""A lane that cannot be used says so; the file is still there."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from polyshared import _board, _linux
from polyshared._board_writer import BoardWriter
from polyshared._lane import Lane, LaneLostError
from polyshared._lane_source import LaneSource
from tests.polyshared.kit import Clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.board"


@pytest.fixture
def board(path: Path) -> Iterator[BoardWriter]:
    board = BoardWriter(path, epoch=7, boot_id="", feed=b"{}", entries={"a": b"1"})
    yield board
    board.close()


@pytest.fixture
def lane(path: Path, board: BoardWriter) -> Iterator[Lane]:
    del board
    lane = Lane(path)
    yield lane
    lane.close()


def broken(*_: object) -> bytes:
    raise OSError(5, "Input/output error")


def test_no_board_is_lost(path: Path) -> None:
    with pytest.raises(LaneLostError):
        Lane(path)


@pytest.mark.parametrize("where", ["pread", "map"])
def test_a_board_that_cannot_be_opened_is_lost_and_leaves_no_descriptor(
    path: Path, board: BoardWriter, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    del board
    before = len(os.listdir("/proc/self/fd"))
    if where == "pread":
        monkeypatch.setattr(os, "pread", broken)
    else:
        monkeypatch.setattr(_linux, "SUPPORTED", False)

    with pytest.raises(LaneLostError):
        Lane(path)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_board_shorter_than_its_header_says_is_lost(path: Path, board: BoardWriter) -> None:
    del board
    os.truncate(path, 2000)

    with pytest.raises(LaneLostError, match="not a board of this version"):
        Lane(path)


@pytest.mark.parametrize("key", ["a", "unknown"])
def test_a_read_that_fails_is_lost(lane: Lane, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    lane.payload("a")
    monkeypatch.setattr(os, "pread", broken)

    with pytest.raises(LaneLostError):
        lane.payload(key)
    assert not lane.is_current()


def test_a_slot_or_directory_that_was_cut_off_is_lost(lane: Lane, path: Path) -> None:
    lane.payload("a")
    os.truncate(path, 0)

    for key in ("a", "unknown"):
        with pytest.raises(LaneLostError):
            lane.payload(key)


def test_a_feed_that_is_no_pulse_is_lost(lane: Lane) -> None:
    with pytest.raises(LaneLostError):
        lane.pulse()


def test_a_digest_that_lies_across_two_places_of_the_directory_is_not_found(
    lane: Lane, path: Path
) -> None:
    """Bytes of two neighbours may look like a third; only aligned ones count."""
    wanted = _board.digest("b")
    with path.open("r+b") as file:
        file.seek(_board.DIRECTORY + 40)
        file.write(wanted)

    assert lane.payload("b") == b""
    with path.open("r+b") as file:
        file.seek(_board.DIRECTORY + 64)
        file.write(wanted)
    with pytest.raises(LaneLostError, match="slot has no whole copy"):
        lane.payload("b")


def test_a_source_looks_for_a_board_twice_a_second(path: Path) -> None:
    clock = Clock()
    source = LaneSource(path.with_suffix(".json"))
    before = source.beat(clock())
    pulse = b'{"written_at":0,"boot_s":0,"flush_seq":1,"failing_since":null,"feed":{}}'
    board = BoardWriter(path, epoch=7, boot_id="", feed=pulse, entries={})
    clock.pass_s(0.4)
    too_early = source.beat(clock())
    clock.pass_s(0.1)
    found = source.beat(clock())
    board.close()
    source.drop()

    assert before is None
    assert too_early is None
    assert found is not None
    assert found.epoch == 7


def test_a_wait_says_whether_the_key_was_written(lane: Lane, board: BoardWriter) -> None:
    lane.payload("a")
    in_vain = lane.wait("a", 0.01)
    board.put("a", b"2")

    assert not in_vain
    assert lane.wait("a", 15)


def test_a_wait_at_a_board_that_was_cut_off_is_lost(lane: Lane, path: Path) -> None:
    lane.payload("a")
    os.truncate(path, 0)

    with pytest.raises(LaneLostError):
        lane.wait("a", 1)


def test_a_follower_is_woken_when_another_board_takes_the_path(
    lane: Lane, path: Path, board: BoardWriter
) -> None:
    """It need not wait for its next look at the path."""
    del board
    lane.payload("a")
    began = time.monotonic()
    waiter = threading.Thread(target=lane.wait, args=("a", 15))
    waiter.start()
    while not is_waiting(waiter):
        time.sleep(0.001)
    BoardWriter(path, epoch=8, boot_id="", feed=b"{}", entries={}).close()
    waiter.join()

    assert time.monotonic() - began < 10


def is_waiting(thread: threading.Thread) -> bool:
    """Say whether a thread sleeps in the kernel at a futex."""
    text = Path(f"/proc/self/task/{thread.native_id}/wchan").read_text(encoding="ascii")
    return "futex" in text


def test_the_bell_rings_when_its_32_bits_are_used_up(lane: Lane, board: BoardWriter) -> None:
    """The futex compares 32 bits; the generation has 64."""
    lane.payload("a")
    board._places["a"].generation = 2**32 - 3
    seen = []
    for number in range(4):
        board.put("a", b"%d" % number)
        seen.append((lane.wait("a", 15), lane.payload("a")))

    assert seen == [(True, b"0"), (True, b"1"), (True, b"2"), (True, b"3")]


@pytest.mark.parametrize("copy", [0, 1])
def test_a_write_wakes_who_waits_at_its_key(lane: Lane, board: BoardWriter, copy: int) -> None:
    board.put("a", b"%d" % copy)
    for _ in range(copy):
        board.put("a", b"1")
    lane.payload("a")
    began = time.monotonic()
    waiter = threading.Thread(target=lane.wait, args=("a", 15))
    waiter.start()
    while not is_waiting(waiter):
        time.sleep(0.001)
    board.put("a", b"2")
    waiter.join()

    assert time.monotonic() - began < 10


def test_a_new_key_wakes_who_waits_for_it(lane: Lane, board: BoardWriter) -> None:
    lane.payload("b")
    began = time.monotonic()
    waiter = threading.Thread(target=lane.wait, args=("b", 15))
    waiter.start()
    while not is_waiting(waiter):
        time.sleep(0.001)
    board.put("b", b"2")
    waiter.join()

    assert time.monotonic() - began < 10
    assert lane.payload("b") == b"2"


def test_a_copy_that_was_read_while_it_was_written_is_read_again(
    lane: Lane, board: BoardWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.put("a", b"2")
    real = os.pread
    spoilt: list[int] = []

    def spoil_once(fd: int, length: int, offset: int) -> bytes:
        data = real(fd, length, offset)
        if offset == lane.geometry.slot(0).offset and not spoilt:
            spoilt.append(offset)
            data = data.replace(b"2", b"3")
        return data

    monkeypatch.setattr(os, "pread", spoil_once)

    assert lane.payload("a") == b"2"
    assert spoilt
