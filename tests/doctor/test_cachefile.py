"""The snapshot file read many times, and the lane beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from polyshared import SnapshotWriter, _clock
from polyshared.doctor import lanefile
from polyshared.doctor.cachefile import (
    READS,
    Cache,
    Outcome,
    Read,
    find_strays,
    is_locked,
    look,
    read_once,
)
from polyshared.doctor.lanefile import LaneLook


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "ws_cache.json"


def no_sleep(_: float) -> None:
    """Reads follow each other at once; nothing here waits for anybody."""


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (None, Outcome.MISSING),
        (b"", Outcome.EMPTY),
        (b"{", Outcome.CORRUPT),
        (b"\xff\x00", Outcome.CORRUPT),
        (b"[" * 100_000, Outcome.CORRUPT),
        (b'{"schema": 99}', Outcome.TOO_NEW),
    ],
)
def test_each_way_to_fail_is_an_outcome_of_its_own(
    cache: Path, content: bytes | None, outcome: Outcome
) -> None:
    if content is not None:
        cache.write_bytes(content)

    read = read_once(cache)

    assert read.outcome is outcome
    assert read.detail
    assert read.snapshot is None


def test_a_pipe_in_the_files_place_does_not_hold_us_up(cache: Path) -> None:
    os.mkfifo(cache)

    assert read_once(cache).outcome is Outcome.CORRUPT


def test_a_living_writer_is_seen_to_advance(cache: Path) -> None:
    with SnapshotWriter(cache, heartbeat_s=0.2, min_interval_s=0.05).start() as writer:
        writer.put("71", {"price": 0.5})
        writer.flush()
        found = look(cache)

    assert found.advanced
    assert found.count(Outcome.OK) == len(found.reads) >= READS
    assert found.owner is not None
    assert found.owner.pid == os.getpid()


def test_a_silent_writer_is_seen_not_to(cache: Path) -> None:
    with SnapshotWriter(cache) as writer:
        writer.put("71", {"price": 0.5})
        writer.flush()
        found = look(cache, expect_writer=False, sleep=no_sleep)

    assert not found.advanced
    assert len(found.reads) == READS


@pytest.mark.parametrize(
    ("outcomes", "vanished"),
    [
        ([Outcome.MISSING, Outcome.OK], 0),  # its writer has just started
        ([Outcome.OK, Outcome.MISSING, Outcome.OK, Outcome.MISSING], 2),
        ([Outcome.MISSING], 0),
    ],
)
def test_a_file_that_was_there_and_is_not_has_vanished(
    cache: Path, outcomes: list[Outcome], vanished: int
) -> None:
    reads = tuple(Read(outcome, "", _clock.now()) for outcome in outcomes)

    assert Cache(cache, reads, None, locked=None, strays=()).vanished == vanished


def test_a_held_lock_is_seen_without_being_touched(cache: Path) -> None:
    assert is_locked(cache) is False
    with SnapshotWriter(cache):
        assert is_locked(cache) is True
    assert is_locked(cache) is False


def test_other_files_of_the_name_are_found_below(cache: Path) -> None:
    stray = cache.parent / "demo" / "ws_cache.json"
    stray.parent.mkdir()
    stray.touch()
    cache.touch()

    assert list(find_strays(cache)) == [stray]


def test_lane_and_file_tell_the_same_change(cache: Path) -> None:
    with SnapshotWriter(cache) as writer:
        writer.put("71", {"price": 0.5})
        writer.flush()
        found = look(cache, expect_writer=False, sleep=no_sleep)

    lane = found.lane_before
    if lane is None:
        pytest.skip("this machine has no lane")
    assert lane.error is None
    assert lane.epoch == found.good[-1].epoch
    assert lane.revs == {"71": found.good[-1].tokens["71"].rev}


def test_a_file_in_the_lanes_place_is_an_error_not_a_crash(cache: Path) -> None:
    cache.with_suffix(".board").write_bytes(b"not a board")

    found = lanefile.look(cache, ["71"])

    assert found is not None
    assert found.error


def test_without_a_board_there_is_no_lane(cache: Path) -> None:
    assert lanefile.look(cache, []) is None
    assert LaneLook().revs is None
