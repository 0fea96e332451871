"""What a reader promises: the newest state with its age, or one of four errors, and never back."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polyshared import (
    Cursor,
    SnapshotCorrupt,
    SnapshotMissing,
    SnapshotReader,
    SnapshotStale,
    SnapshotTooNew,
    SnapshotWriter,
    _file,
    write_atomic,
)
from polyshared._board_writer import BoardWriter
from polyshared._codec import HEAD_BYTES
from polyshared._lane import Ear, Lane
from polyshared._lock import owner_path
from tests.polyshared.kit import QUOTE, TOKEN, WRITER, Clock, line_of, program


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ws_cache.json"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(path: Path, clock: Clock) -> Iterator[SnapshotWriter]:
    with SnapshotWriter(path, clock=clock) as writer:
        writer.put(TOKEN, QUOTE)
        writer.put("b", {"n": 1})
        writer.set_feed({"state": "open"})
        writer.flush()
        yield writer


@pytest.fixture(params=["lane", "file"])
def reader(
    request: pytest.FixtureRequest, path: Path, clock: Clock, writer: SnapshotWriter
) -> Iterator[SnapshotReader]:
    """Both ways must keep the same promises."""
    del writer
    with SnapshotReader(path, lane=request.param == "lane", clock=clock) as reader:
        yield reader


@pytest.fixture
def by_file(path: Path, clock: Clock) -> Iterator[SnapshotReader]:
    with SnapshotReader(path, lane=False, clock=clock) as reader:
        yield reader


@pytest.fixture
def by_lane(path: Path, clock: Clock) -> Iterator[SnapshotReader]:
    with SnapshotReader(path, clock=clock) as reader:
        yield reader


def ear_of(reader: SnapshotReader, key: str) -> Ear:
    """Return where *reader* hears of *key*."""
    assert reader._lane is not None
    assert reader._lane._lane is not None
    return reader._lane._lane.ears[key]


def test_an_entry_comes_with_its_fields_version_and_ages(
    reader: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    clock.pass_s(3)
    entry = reader.entry(TOKEN)

    assert entry.fields == QUOTE
    assert entry.cursor == Cursor(writer.epoch, 1)
    assert entry.age_s == pytest.approx(3)
    assert entry.writer_age_s == pytest.approx(3)


def test_ages_do_not_follow_the_wall_clock(reader: SnapshotReader, clock: Clock) -> None:
    clock.wall_s += 86_400

    assert reader.entry(TOKEN).age_s == pytest.approx(0)
    assert reader.read().age_s == pytest.approx(0)


def test_a_whole_snapshot_has_all_entries_and_the_feed(
    reader: SnapshotReader, writer: SnapshotWriter
) -> None:
    snapshot = reader.read()

    assert {key: entry.fields for key, entry in snapshot.tokens.items()} == {
        TOKEN: QUOTE,
        "b": {"n": 1},
    }
    assert snapshot.feed == {"state": "open"}
    assert snapshot.cursor == Cursor(writer.epoch, 2)
    assert snapshot.written_at == 1_795_187_463.0


def test_the_feed_is_told_without_reading_the_entries(
    reader: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    clock.pass_s(2)
    feed = reader.feed()

    assert feed.fields == {"state": "open"}
    assert (feed.epoch, feed.flush_seq, feed.flush_failing_since) == (writer.epoch, 1, None)
    assert feed.age_s == pytest.approx(2)


def test_a_silent_writer_is_stale_and_nothing_is_given_out(
    reader: SnapshotReader, clock: Clock
) -> None:
    reader.entry(TOKEN)
    clock.pass_s(10.1)

    for call in (reader.read, reader.feed, lambda: reader.entry(TOKEN), lambda: reader.entry("b")):
        with pytest.raises(SnapshotStale) as caught:
            call()
        assert caught.value.age_s == pytest.approx(10.1)
        assert caught.value.limit_s == 10


def test_a_reader_without_limit_gives_everything_with_its_age(
    path: Path, writer: SnapshotWriter, clock: Clock
) -> None:
    del writer
    clock.pass_s(1e6)

    assert SnapshotReader(path, max_age_s=math.inf, clock=clock).read().age_s == 1e6


def test_a_snapshot_of_another_boot_is_stale_at_once(reader: SnapshotReader, clock: Clock) -> None:
    """After a power cut the file may be whole and is still worth nothing."""
    clock.boot_id = "another"

    with pytest.raises(SnapshotStale, match="before the last boot"):
        reader.entry(TOKEN)


def test_a_key_that_is_not_there_is_missing_and_named(reader: SnapshotReader) -> None:
    with pytest.raises(SnapshotMissing) as caught:
        reader.entry("c")

    assert caught.value.key == "c"


def test_no_file_is_missing_without_a_key(tmp_path: Path) -> None:
    reader = SnapshotReader(tmp_path / "none" / "ws_cache.json")

    for call in (reader.read, reader.feed, lambda: reader.entry("a")):
        with pytest.raises(SnapshotMissing) as caught:
            call()
        assert caught.value.key is None


def put_garbage(path: Path) -> None:
    path.write_bytes(b"\0" * 1000)


def put_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def put_link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def put_too_much(path: Path) -> None:
    os.truncate(path, 100_000_000)


@pytest.mark.parametrize(
    ("damage", "detail"),
    [
        (put_garbage, "invalid character"),
        (put_directory, "is not a regular file"),
        (put_fifo, "is not a regular file"),
        (put_link, "is a symbolic link"),
        (put_too_much, "was 100000000 bytes, limit is 67108864"),
    ],
)
def test_what_is_no_snapshot_is_corrupt_and_said_at_once(
    by_file: SnapshotReader, writer: SnapshotWriter, damage: Any, detail: str
) -> None:
    by_file.read()
    damage(writer.path)

    for call in (by_file.read, lambda: by_file.entry(TOKEN)):
        with pytest.raises(SnapshotCorrupt, match=detail):
            call()


def test_a_file_that_cannot_be_opened_is_corrupt(
    by_file: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    del writer

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(SnapshotCorrupt, match="cannot be opened: Permission denied"):
        by_file.read()


def test_a_file_that_cannot_be_read_is_corrupt(
    by_file: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    del writer
    by_file.read()

    def refuse(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", refuse)

    for call in (by_file.read, lambda: by_file.entry(TOKEN)):
        with pytest.raises(SnapshotCorrupt, match="cannot be read"):
            call()


def test_a_later_schema_is_too_new(by_file: SnapshotReader, writer: SnapshotWriter) -> None:
    write_atomic(writer.path, b'{"schema":2}')

    with pytest.raises(SnapshotTooNew):
        by_file.entry(TOKEN)


def test_garbage_in_the_file_does_not_reach_readers_of_the_lane(
    by_lane: SnapshotReader, writer: SnapshotWriter
) -> None:
    put_garbage(writer.path)

    assert by_lane.entry(TOKEN).fields == QUOTE


def test_the_next_flush_mends_a_damaged_file(
    by_file: SnapshotReader, writer: SnapshotWriter
) -> None:
    put_fifo(writer.path)
    writer.flush()

    assert by_file.entry(TOKEN).fields == QUOTE


def test_own_line_is_found_without_reading_the_others(
    by_file: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(500):
        writer.put(str(number), QUOTE)
    writer.flush()
    by_file.entry("77")
    read = 0
    real = os.pread

    def count(fd: int, length: int, offset: int) -> bytes:
        nonlocal read
        data = real(fd, length, offset)
        read += len(data)
        return data

    monkeypatch.setattr(os, "pread", count)
    entry = by_file.entry("77")

    assert entry.fields == QUOTE
    assert 500 < read < 2000


def test_a_line_that_says_what_it_said_is_not_parsed_again(
    by_file: SnapshotReader,
    writer: SnapshotWriter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its ages are those of each read all the same."""
    by_file.entry("b")
    first = by_file.entry("b")
    clock.pass_s(3.0)
    with monkeypatch.context() as patch:
        patch.setattr(_file, "parse_fields", lambda _: pytest.fail("parsed again"))
        again = by_file.entry("b")
        writer.flush()
        refreshed = by_file.entry("b")
    writer.put("b", {"n": 2})
    writer.flush()

    assert again.version == refreshed.version == first.version
    assert again.age_s - first.age_s == pytest.approx(3.0)
    assert again.writer_age_s - first.writer_age_s == pytest.approx(3.0)
    assert (refreshed.age_s, refreshed.writer_age_s) == pytest.approx((again.age_s, 0.0))
    assert by_file.entry("b").fields == {"n": 2}


def test_a_file_that_is_changed_in_its_place_is_read_too(
    by_file: SnapshotReader, writer: SnapshotWriter
) -> None:
    """Ours never is. Another program's doing is seen, whatever the file's time says."""
    by_file.entry("b")
    status = writer.path.stat()
    before = by_file.entry("b").fields
    writer.path.write_bytes(writer.path.read_bytes().replace(b'"n":1', b'"n":7'))
    os.utime(writer.path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert (before, by_file.entry("b").fields) == ({"n": 1}, {"n": 7})


def test_a_file_that_has_grown_too_large_is_not_read_by_line_either(
    path: Path, writer: SnapshotWriter, clock: Clock
) -> None:
    limit = path.stat().st_size + 100
    with SnapshotReader(path, lane=False, clock=clock, max_bytes=limit) as reader:
        reader.entry("b")
        reader.entry("b")
        for number in range(10):
            writer.put(str(number), QUOTE)
        writer.flush()

        with pytest.raises(SnapshotCorrupt, match="limit is"):
            reader.entry("b")


def test_a_file_cut_short_behind_the_own_line_is_corrupt_at_the_next_flush_of_it(
    by_file: SnapshotReader, writer: SnapshotWriter
) -> None:
    by_file.entry(TOKEN)
    by_file.entry(TOKEN)
    writer.flush()
    writer.path.write_bytes(writer.path.read_bytes()[:-10])

    with pytest.raises(SnapshotCorrupt):
        by_file.entry(TOKEN)


def test_a_file_that_has_the_inode_number_of_an_earlier_one_is_another_file(
    by_file: SnapshotReader, writer: SnapshotWriter
) -> None:
    """A file system gives the number of an unlinked file to the next but one, in the same tick."""
    for number in range(200):
        writer.put("b", {"n": 100 + number})
        writer.flush()
        writer.flush()

        assert by_file.entry("b").fields == {"n": 100 + number}


@pytest.mark.parametrize("at", [0, 512])
def test_a_line_that_cannot_be_read_makes_the_reader_look_at_the_whole(
    by_file: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    by_file.read()
    real = os.pread
    failed: list[int] = []

    def refuse_once(fd: int, length: int, offset: int) -> bytes:
        if offset >= at and not failed:
            failed.append(offset)
            raise OSError(5, "Input/output error")
        return real(fd, length, offset)

    monkeypatch.setattr(os, "pread", refuse_once)

    assert by_file.entry(TOKEN).fields == QUOTE
    assert failed
    writer.flush()
    assert by_file.entry(TOKEN).fields == QUOTE


def damaged_lines(line: bytes) -> list[bytes]:
    key = json.dumps(TOKEN).encode()
    return [
        line.replace(key, key[:-2] + b'4"'),  # another key
        line.replace(b'"seq":', b'"seq";'),  # not JSON
        line.replace(b'"seq":1,', b'"sEq":1,'),  # not an entry
    ]


@pytest.mark.parametrize("number", range(3))
def test_a_line_that_is_not_ours_makes_the_reader_look_at_the_whole(
    by_file: SnapshotReader, writer: SnapshotWriter, number: int
) -> None:
    by_file.entry(TOKEN)
    data = writer.path.read_bytes()
    line = next(line for line in data.split(b"\n") if TOKEN.encode() in line)
    writer.path.write_bytes(data.replace(line, damaged_lines(line)[number]))

    with pytest.raises((SnapshotCorrupt, SnapshotMissing)):
        by_file.entry(TOKEN)


def test_keys_that_move_to_other_lines_are_found_again(
    by_file: SnapshotReader, writer: SnapshotWriter
) -> None:
    writer.put("c", {"n": 3})
    writer.flush()
    by_file.entry("c")
    writer.delete(TOKEN)  # the last line moves into its place
    writer.put("d", {"n": 4})
    writer.flush()

    assert by_file.entry("c").fields == {"n": 3}
    with pytest.raises(SnapshotMissing):
        by_file.entry(TOKEN)


def test_a_file_without_our_layout_is_read_as_a_whole(
    by_file: SnapshotReader, writer: SnapshotWriter
) -> None:
    document = json.loads(writer.path.read_bytes())
    del document["layout"]
    writer.path.write_text(json.dumps(document, indent=2))

    assert by_file.entry(TOKEN).fields == QUOTE
    assert by_file.entry(TOKEN).fields == QUOTE


def test_fewer_lines_than_before_are_no_trap(
    by_file: SnapshotReader, writer: SnapshotWriter
) -> None:
    by_file.entry("b")
    writer.delete("b")
    writer.flush()

    with pytest.raises(SnapshotMissing):
        by_file.entry("b")


def test_since_gives_what_changed_and_all_keys(
    reader: SnapshotReader, writer: SnapshotWriter
) -> None:
    everything = reader.since(None)
    nothing = reader.since(everything.cursor)
    writer.put("c", {"n": 3})
    writer.put(TOKEN, QUOTE | {"health": "quiet"})
    writer.delete("b")
    writer.flush()
    changes = reader.since(nothing.cursor)

    assert set(everything.entries) == {TOKEN, "b"}
    assert nothing.entries == {}
    assert set(changes.entries) == {TOKEN, "c"}
    assert changes.keys == {TOKEN, "c"}


def test_since_gives_everything_after_a_restart(
    reader: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    cursor = reader.since(None).cursor
    writer.close()
    clock.pass_s(0.1)
    with SnapshotWriter(writer.path, clock=clock) as second:
        second.put("a", {"n": 1})
        second.flush()
        changes = reader.since(cursor)

    assert set(changes.entries) == changes.keys == {"a"}


def test_a_restarted_writer_is_followed_at_once_and_its_seq_begins_anew(
    reader: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    """The ancestor's readers ignored quotes until seq had passed its old value."""
    for number in range(50):
        writer.put(TOKEN, QUOTE | {"price": number / 100})
    writer.flush()
    before = reader.entry(TOKEN)
    writer.close()
    clock.pass_s(1.1)
    with SnapshotWriter(writer.path, clock=clock) as second:
        second.put(TOKEN, QUOTE)
        second.flush()
        after = reader.entry(TOKEN)

    assert (before.seq, after.seq) == (51, 1)
    assert after.cursor > before.cursor


def test_a_follower_that_is_woken_in_vain_looks_whether_the_writer_is_another(
    by_lane: SnapshotReader,
    writer: SnapshotWriter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new writer rings all bells of the old board. No time passes here."""
    by_lane.entry(TOKEN)
    ear = ear_of(by_lane, TOKEN)
    for nap in ("_nap", "_nap_odd"):
        monkeypatch.setattr(ear, nap, lambda: None)
    writer.close()
    with SnapshotWriter(writer.path, clock=clock) as second:
        second.put(TOKEN, QUOTE | {"price": 0.6})

        assert by_lane.follow(TOKEN, timeout_s=60).fields["price"] == 0.6


def test_a_new_writer_begins_without_the_old_ones_entries(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    by_lane.entry(TOKEN)
    writer.close()
    clock.pass_s(1.1)
    with SnapshotWriter(writer.path, clock=clock), pytest.raises(SnapshotMissing):
        by_lane.entry(TOKEN)


def old_file(writer: SnapshotWriter) -> bytes:
    return writer.path.read_bytes()


def test_the_file_of_a_suspended_old_writer_is_not_believed(
    by_file: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    old = old_file(writer)
    writer.close()
    clock.pass_s(0.1)
    with SnapshotWriter(writer.path, clock=clock) as second:
        second.put(TOKEN, QUOTE | {"price": 0.6})
        second.flush()
        seen = by_file.read()
        write_atomic(writer.path, old)
        clock.pass_s(1)

        assert by_file.read().epoch == second.epoch
        assert by_file.entry(TOKEN).fields["price"] == 0.6
        assert by_file.read().age_s == pytest.approx(seen.age_s + 1)


def test_an_old_file_is_stale_for_a_reader_that_knows_the_new_writer_by_the_lane(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    """The new writer has not flushed yet; its predecessor's entries must not come back."""
    writer.close()
    clock.pass_s(1.1)
    with SnapshotWriter(writer.path, clock=clock):
        by_lane.feed()

        with pytest.raises(SnapshotStale, match="by a writer that was replaced"):
            by_lane.read()


def test_an_earlier_file_of_the_same_writer_is_not_believed(
    by_file: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    """Somebody restores a copy."""
    old = old_file(writer)
    writer.put(TOKEN, QUOTE | {"price": 0.6})
    writer.flush()
    by_file.read()
    write_atomic(writer.path, old)
    clock.pass_s(1)

    assert by_file.read().tokens[TOKEN].fields["price"] == 0.6
    entry = by_file.entry(TOKEN)
    assert entry.fields["price"] == 0.6
    assert entry.age_s == pytest.approx(1)


def test_a_file_that_lags_behind_the_lane_does_not_bring_entries_back(
    by_lane: SnapshotReader, writer: SnapshotWriter
) -> None:
    writer.put(TOKEN, QUOTE | {"price": 0.6})
    by_lane.entry(TOKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BoardWriter, "is_in_place", lambda _: False)
    writer.path.with_suffix(".board").unlink()
    by_lane.close()

    assert by_lane.read().tokens[TOKEN].fields["price"] == 0.6
    assert by_lane.entry(TOKEN).fields["price"] == 0.6


def test_an_older_epoch_is_believed_when_everything_was_lost(
    reader: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    """Clock, file, owner file and board: the new writer cannot know the old epoch."""
    reader.read()
    reader.entry("b")
    writer.close()
    for each in (writer.path, owner_path(writer.path), writer.path.with_suffix(".board")):
        each.unlink()
    clock.wall_s -= 86_400
    with SnapshotWriter(writer.path, clock=clock) as second:
        second.put("a", {"n": 1})
        second.flush()
        clock.pass_s(20)
        second.flush()
        with pytest.raises(SnapshotStale):
            reader.read()
        with pytest.raises(SnapshotStale):
            reader.entry("a")
        clock.pass_s(0.1)
        second.flush()

        assert second.epoch < writer.epoch
        assert reader.entry("a").fields == {"n": 1}
        assert set(reader.read().tokens) == {"a"}


def test_an_older_epoch_without_an_owner_is_not_believed(
    by_file: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    old = json.loads(old_file(writer))
    by_file.read()
    writer.close()
    owner_path(writer.path).unlink()
    clock.pass_s(25)
    old |= {"epoch": 5, "boot_s": clock.boot_s, "written_at": clock.wall_s}
    del old["layout"]
    write_atomic(writer.path, json.dumps(old).encode())

    with pytest.raises(SnapshotStale):
        by_file.entry(TOKEN)


def test_the_lane_shows_a_put_before_any_flush(
    by_lane: SnapshotReader, writer: SnapshotWriter
) -> None:
    writer.put(TOKEN, QUOTE | {"price": 0.6})

    assert by_lane.entry(TOKEN).fields["price"] == 0.6


def test_a_fresh_lane_carries_readers_over_a_file_that_cannot_be_written(
    by_lane: SnapshotReader, by_file: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    writer.path.unlink()
    writer.path.mkdir()
    for _ in range(15):
        clock.pass_s(1)
        writer.heartbeat()

    assert by_lane.entry(TOKEN).writer_age_s == 0
    assert by_lane.feed().flush_failing_since is not None
    with pytest.raises(SnapshotCorrupt):
        by_file.read()


def test_a_fresh_file_carries_readers_over_a_lane_that_is_silent(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    by_lane.entry(TOKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BoardWriter, "set_feed", lambda *_: None)
        for _ in range(15):
            clock.pass_s(1)
            writer.flush()

    assert by_lane.entry(TOKEN).writer_age_s == 0
    assert by_lane.feed().age_s == 0


def remove_board(board: Path) -> None:
    board.unlink()


def garble_board(board: Path) -> None:
    board.write_bytes(b"x" * board.stat().st_size)


def empty_board(board: Path) -> None:
    os.truncate(board, 0)


def blank_board_but_header(board: Path) -> None:
    os.truncate(board, 1000)
    os.truncate(board, 132_000)


def board_of_another_program(board: Path) -> None:
    for key in ("feed", "entry"):
        BoardWriter(
            board,
            epoch=2**52,
            boot_id=Clock().boot_id,
            feed=b"{}" if key == "feed" else PULSE,
            entries={TOKEN: b"[1]"},
        ).close()


PULSE = msgspec.json.encode(
    {"written_at": 0.0, "boot_s": 1000.0, "flush_seq": 0, "failing_since": None, "feed": {}}
)


@pytest.mark.parametrize(
    "damage", [remove_board, garble_board, empty_board, blank_board_but_header]
)
@pytest.mark.parametrize("wait_s", [0.0, 1.5])
def test_losing_the_lane_costs_speed_and_never_correctness(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock, damage: Any, wait_s: float
) -> None:
    board = writer.path.with_suffix(".board")
    by_lane.entry(TOKEN)
    damage(board)
    clock.pass_s(wait_s)
    without = by_lane.entry(TOKEN)
    writer.flush()  # finds its board gone and makes a new one
    clock.pass_s(1.5)
    writer.put(TOKEN, QUOTE | {"price": 0.7})

    assert without.fields == QUOTE
    assert by_lane.entry(TOKEN).fields["price"] == 0.7


def test_a_lane_with_payloads_that_are_no_entries_is_not_used(path: Path) -> None:
    clock = Clock()
    with SnapshotWriter(path, clock=clock, lane=False) as writer:
        writer.put(TOKEN, QUOTE)
        writer.flush()
        for payload, feed in (
            (b"[1]", PULSE),
            (b"{}", PULSE),
            (b'{"seq":"x"}', PULSE),
            (b"", b"{}"),
        ):
            board = BoardWriter(
                path.with_suffix(".board"),
                epoch=writer.epoch,
                boot_id=clock.boot_id,
                feed=feed,
                entries={TOKEN: payload},
            )
            with SnapshotReader(path, clock=clock) as reader:
                assert reader.entry(TOKEN).fields == QUOTE
            board.close()


def test_the_first_follow_answers_at_once(reader: SnapshotReader) -> None:
    assert reader.follow(TOKEN, timeout_s=60).fields == QUOTE


def test_a_follow_without_news_gives_the_old_entry_after_its_time(
    path: Path, writer: SnapshotWriter
) -> None:
    del writer
    with SnapshotWriter(path.with_name("x.json")) as live:
        live.put("a", {"n": 1})
        live.flush()
        with SnapshotReader(live.path) as reader:
            first = reader.entry("a")
            began = time.monotonic()
            again = reader.follow("a", timeout_s=0.1)

    assert time.monotonic() - began >= 0.09
    assert again.version == first.version
    assert again.age_s > first.age_s


@pytest.mark.parametrize("lane", [True, False])
def test_a_follow_ends_with_any_change_of_the_entry(tmp_path: Path, *, lane: bool) -> None:
    """Of a price, of health alone (seq stays), and with its end and its return."""
    path = tmp_path / "x.json"
    steps: list[Any] = [
        lambda w: w.put("a", {"n": 2, "health": "live"}),
        lambda w: w.put("a", {"n": 2, "health": "quiet"}),
        lambda w: w.delete("a"),
        lambda w: w.put("a", {"n": 2, "health": "quiet"}),
    ]
    outcomes: list[Any] = []
    with SnapshotWriter(path, min_interval_s=0.0).start() as writer:
        writer.put("a", {"n": 1, "health": "live"})
        writer.flush()
        with SnapshotReader(path, lane=lane) as reader:
            reader.entry("a")
            for step in steps:
                began = time.monotonic()
                thread = threading.Timer(0.02, step, [writer])
                thread.start()
                try:
                    entry = reader.follow("a", timeout_s=15)
                    outcomes.append((entry.seq, entry.fields["health"]))
                except SnapshotMissing as error:
                    outcomes.append(error.key)
                thread.join()
                assert time.monotonic() - began < 10

    assert outcomes == [(2, "live"), (2, "quiet"), "a", (3, "quiet")]


def test_a_follow_is_woken_for_its_own_key_alone(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "x.json") as writer, SnapshotReader(writer.path) as reader:
        writer.put("a", {"n": 1})
        writer.put("b", {"n": 1})
        reader.entry("a")
        ear = ear_of(reader, "a")
        looks = 0
        real = ear.read

        def count() -> bytes:
            nonlocal looks
            looks += 1
            return real()

        ear.read = count  # type: ignore[method-assign]
        stop = threading.Event()

        def work() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                writer.put("b", {"n": number})

        thread = threading.Thread(target=work)
        thread.start()
        reader.follow("a", timeout_s=0.3)
        stop.set()
        thread.join()

    assert looks <= 3


def test_a_follower_reads_its_slot_once_for_each_change(
    by_lane: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code is cold each time, so a read that only finds the old entry costs as much."""
    by_lane.entry("b")
    reads: list[int] = []
    real = os.pread

    def count(fd: int, length: int, offset: int) -> bytes:
        reads.append(offset)
        return real(fd, length, offset)

    ear = ear_of(by_lane, "b")
    for nap in ("_nap", "_nap_odd"):
        monkeypatch.setattr(ear, nap, lambda: writer.put("b", {"n": 2}))
    monkeypatch.setattr(os, "pread", count)

    assert by_lane.follow("b", timeout_s=60).fields == {"n": 2}
    assert len(reads) == 1


def napping(reader: SnapshotReader, key: str, act: Any) -> None:
    """Let *act* happen in place of each wait of *reader* for news of *key*."""
    ear = ear_of(reader, key)
    ear._nap = ear._nap_odd = act


def rev_of(writer: SnapshotWriter, key: str, payload: bytes) -> None:
    """Write what no writer writes to the slot of *key*."""
    assert writer._lane._board is not None
    writer._lane._board.put(key, payload)


@pytest.mark.parametrize(
    "payload", [b'{"n":9,"seq":1,"rev":1,"boot_s":999.0}', b"[1]", b'{"n":9}', b"{", b""]
)
def test_a_bell_that_brings_nothing_newer_is_not_taken_for_news(
    by_lane: SnapshotReader, writer: SnapshotWriter, payload: bytes
) -> None:
    """An older record, or none of a writer's: the last good one stands, or the key is missing."""
    before = by_lane.entry("b")
    napping(by_lane, "b", lambda: rev_of(writer, "b", payload))

    if payload:
        assert by_lane.follow("b", timeout_s=0.0).version == before.version
    else:
        with pytest.raises(SnapshotMissing):
            by_lane.follow("b", timeout_s=0.0)


def test_a_follower_of_a_missing_key_that_is_woken_in_vain_waits_on(
    by_lane: SnapshotReader,
    writer: SnapshotWriter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bell of the directory rings for any new key."""
    del writer
    with pytest.raises(SnapshotMissing):
        by_lane.entry("x")
    rings = 0

    def ring(*_: object) -> bool:
        nonlocal rings
        rings += 1
        clock.pass_s(0.3)
        return True

    monkeypatch.setattr(by_lane._lane, "wait", ring)

    with pytest.raises(SnapshotMissing):
        by_lane.follow("x", timeout_s=1.0)
    assert rings == 4


def test_news_of_a_writer_that_has_been_silent_since_is_stale(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    """The follower was suspended while it waited, and the writer ended meanwhile."""
    by_lane.entry("b")

    def sleep_long() -> None:
        writer.put("b", {"n": 2})
        clock.pass_s(10.1)

    napping(by_lane, "b", sleep_long)

    with pytest.raises(SnapshotStale):
        by_lane.follow("b", timeout_s=60)


def test_a_slot_that_cannot_be_read_after_the_bell_sends_the_follower_to_the_file(
    by_lane: SnapshotReader, writer: SnapshotWriter
) -> None:
    by_lane.entry("b")

    def lose_board() -> None:
        writer.put("b", {"n": 2})
        writer.flush()
        os.truncate(writer.path.with_suffix(".board"), 0)

    napping(by_lane, "b", lose_board)

    assert by_lane.follow("b", timeout_s=60).fields == {"n": 2}


def test_a_follower_without_news_looks_at_the_writers_life_and_not_at_its_slot_again(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    del writer
    before = by_lane.entry("b")
    ear = ear_of(by_lane, "b")
    reads = 0
    real = ear.read

    def count() -> bytes:
        nonlocal reads
        reads += 1
        return real()

    ear.read = count  # type: ignore[method-assign]
    napping(by_lane, "b", lambda: clock.pass_s(0.9))
    again = by_lane.follow("b", timeout_s=0.9)

    assert again.version == before.version
    assert again.age_s == pytest.approx(before.age_s + 0.9)
    assert again.writer_age_s == pytest.approx(before.writer_age_s + 0.9)
    assert reads == 1


def test_a_follower_that_waits_in_short_steps_looks_at_the_writers_life_twice_a_second(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look is three system calls; who listens for something else too waits 40 times a second."""
    del writer
    before = by_lane.entry("b")
    looks = 0
    real = Lane.pulse

    def count(lane: Lane) -> object:
        nonlocal looks
        looks += 1
        return real(lane)

    monkeypatch.setattr(Lane, "pulse", count)
    for _ in range(40):
        napping(by_lane, "b", lambda: clock.pass_s(0.025))
        again = by_lane.follow("b", timeout_s=0.025)

    assert again.version == before.version
    assert again.age_s == pytest.approx(before.age_s + 1.0)
    assert again.writer_age_s == pytest.approx(before.writer_age_s + 1.0)
    assert 1 <= looks <= 3


def test_a_writer_that_fell_silent_while_a_follower_waited_is_stale_at_the_end_of_the_wait(
    by_lane: SnapshotReader, writer: SnapshotWriter, clock: Clock
) -> None:
    del writer
    by_lane.entry("b")
    napping(by_lane, "b", lambda: clock.pass_s(10.1))

    with pytest.raises(SnapshotStale):
        by_lane.follow("b", timeout_s=1.0)


def test_a_follower_of_the_file_reads_no_more_than_its_line_where_that_is_the_same(
    by_file: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for one key is woken by the changes of all."""
    by_file.read()
    by_file.follow("b")
    heads: list[int] = []
    real_pread, real_rest = os.pread, by_file._doorbell._rest
    news = iter([("c", 1), ("c", 2), ("c", 3), ("b", 2)])

    def count(fd: int, length: int, offset: int) -> bytes:
        heads.extend([length] * (length == HEAD_BYTES))
        return real_pread(fd, length, offset)

    def flush_next(now_s: float, deadline_s: float) -> None:
        key, number = next(news)
        writer.put(key, {"n": number})
        writer.flush()
        real_rest(now_s, deadline_s)

    monkeypatch.setattr(os, "pread", count)
    monkeypatch.setattr(by_file._doorbell, "_rest", flush_next)

    assert by_file.follow("b", timeout_s=60).fields == {"n": 2}
    assert len(heads) == 1
    assert by_file.entry("c").fields == {"n": 3}


def test_a_file_that_cannot_be_opened_after_the_doorbell_rang_is_looked_at_closely(
    by_file: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_file.follow("b")
    by_file.follow("b", timeout_s=0.0)
    writer.put("b", {"n": 2})
    writer.flush()
    real = os.open
    failed: list[object] = []

    def refuse_once(path: Any, *args: Any, **options: Any) -> int:
        if os.fspath(path) == os.fspath(writer.path) and not failed:
            failed.append(path)
            raise OSError(5, "Input/output error")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse_once)

    assert by_file.follow("b", timeout_s=60).fields == {"n": 2}
    assert failed


def test_a_file_mended_with_the_text_it_had_is_told_without_waiting(
    by_file: SnapshotReader, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is what it was, but the last outcome was another."""
    by_file.entry("b")
    by_file.entry("b")
    good = writer.path.read_bytes()
    writer.path.write_bytes(b"garbage")
    with pytest.raises(SnapshotCorrupt):
        by_file.entry("b")
    writer.path.write_bytes(good)
    monkeypatch.setattr(by_file._doorbell, "wait", lambda *_: pytest.fail("waited"))

    assert by_file.follow("b", timeout_s=60).fields == {"n": 1}


def test_a_follower_that_was_away_looks_at_the_writers_life_before_it_waits(
    reader: SnapshotReader, clock: Clock
) -> None:
    reader.entry(TOKEN)
    clock.pass_s(10.1)
    began = time.monotonic()
    with pytest.raises(SnapshotStale):
        reader.follow(TOKEN, timeout_s=0.9)

    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("lane", [True, False])
def test_a_follow_ends_when_the_writer_falls_silent(tmp_path: Path, *, lane: bool) -> None:
    path = tmp_path / "x.json"
    with program(WRITER, path) as process, SnapshotReader(path, max_age_s=0.5, lane=lane) as reader:
        line_of(process)
        reader.entry("a")
        began = time.monotonic()

        with pytest.raises(SnapshotStale):
            reader.follow("a", timeout_s=15)
        assert time.monotonic() - began < 0.5 + 1.0 + 1.0  # the limit, the look, a slow machine
        with pytest.raises(SnapshotStale):
            reader.follow("a", timeout_s=0.05)


@pytest.mark.parametrize("lane", [True, False])
def test_a_follow_before_the_writer_ends_soon_after_its_first_flush(
    tmp_path: Path, *, lane: bool
) -> None:
    path = tmp_path / "data" / "x.json"
    with SnapshotReader(path, lane=lane) as reader:
        with pytest.raises(SnapshotMissing):
            reader.follow("a")
        with pytest.raises(SnapshotMissing):
            reader.follow("a", timeout_s=0.05)
        path.parent.mkdir()
        with SnapshotWriter(path) as writer:
            writer.put("a", {"n": 1})
            writer.flush()
            began = time.monotonic()

            assert reader.follow("a", timeout_s=15).fields == {"n": 1}
            assert time.monotonic() - began < 2


def test_a_suspended_reader_wakes_to_the_newest_entry_and_no_backlog(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    code = """
import sys
from polyshared import SnapshotReader
reader = SnapshotReader(sys.argv[1])
seen = []
while not seen or seen[-1] != 5000:
    seen.append(reader.follow("a", timeout_s=5).fields["n"])
    print(len(seen), flush=True)
print(seen, flush=True)
"""
    with SnapshotWriter(path).start() as writer:
        writer.put("a", {"n": 0})
        with program(code, path) as process:
            line_of(process)
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            for number in range(1, 5001):
                writer.put("a", {"n": number})
            process.send_signal(signal.SIGCONT)
            lines = [line_of(process)]
            while not lines[-1].startswith("["):
                lines.append(line_of(process))

    assert len(lines) <= 5
    assert json.loads(lines[-1])[-1] == 5000


def test_a_follow_goes_over_to_a_new_writer_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with SnapshotReader(path) as reader:
        with program(WRITER, path) as first:
            line_of(first)
            before = reader.entry("a")
        with program(WRITER, path) as second:
            began = time.monotonic()
            line_of(second)
            after = before
            while after.version <= before.version:
                try:
                    after = reader.follow("a", timeout_s=5)
                except SnapshotMissing:
                    assert time.monotonic() - began < 10

    assert after.epoch > before.epoch


def put_two(writer: SnapshotWriter) -> None:
    writer.put("a", {"n": 2})
    writer.flush()


def test_a_follow_survives_a_directory_removed_and_made_again(tmp_path: Path) -> None:
    path = tmp_path / "data" / "x.json"
    path.parent.mkdir()
    with SnapshotWriter(path) as writer, SnapshotReader(path, lane=False) as reader:
        writer.put("a", {"n": 1})
        writer.flush()
        reader.entry("a")
        reader.follow("a", timeout_s=0.01)
        shutil.rmtree(path.parent)
        with pytest.raises(SnapshotMissing):
            reader.follow("a", timeout_s=15)
        timer = threading.Timer(0.05, put_two, [writer])
        timer.start()

        assert reader.follow("a", timeout_s=15).fields == {"n": 2}
        timer.join()


def test_a_follow_survives_a_board_cut_short_while_it_waits(tmp_path: Path) -> None:
    """The wait ends with EFAULT or with the once-a-second look; neither is a SIGBUS."""
    path = tmp_path / "x.json"
    with SnapshotWriter(path) as writer, SnapshotReader(path) as reader:
        writer.put("a", {"n": 1})
        writer.flush()
        reader.entry("a")
        os.truncate(path.with_suffix(".board"), 0)
        reader._wait("a", 0.05)
        timer = threading.Timer(0.05, put_two, [writer])
        timer.start()

        assert reader.follow("a", timeout_s=15).fields == {"n": 2}
        timer.join()


def test_a_closed_reader_may_be_used_again(reader: SnapshotReader) -> None:
    reader.entry(TOKEN)
    reader.close()

    assert reader.entry(TOKEN).fields == QUOTE


def test_a_reader_leaves_no_descriptor_open(path: Path, writer: SnapshotWriter) -> None:
    del writer
    before = len(os.listdir("/proc/self/fd"))
    with SnapshotReader(path, max_age_s=math.inf) as reader:
        reader.entry(TOKEN)
        reader.follow(TOKEN, timeout_s=0.01)
    with SnapshotReader(path, max_age_s=math.inf, lane=False) as reader:
        reader.follow(TOKEN, timeout_s=0.01)
        reader.follow(TOKEN, timeout_s=0.01)

    assert len(os.listdir("/proc/self/fd")) <= before
