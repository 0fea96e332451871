"""What the writer promises: one life, one epoch, files that are whole, trouble that heals."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyshared import (
    SnapshotReader,
    SnapshotWriter,
    WriterBusy,
    WriterFenced,
    _tenure,
    write_atomic,
)
from polyshared import _linux as linux
from polyshared._lock import owner_path
from tests.polyshared.kit import (
    QUOTE,
    TOKEN,
    WRITER,
    Clock,
    fail_with,
    faults,
    line_of,
    names,
    program,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ws_cache.json"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(path: Path, clock: Clock) -> Any:
    path.parent.mkdir()
    with SnapshotWriter(path, clock=clock) as writer:
        yield writer


def raw(writer: SnapshotWriter) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(writer.path.read_bytes())
    return document


def test_a_flush_writes_what_was_put(writer: SnapshotWriter) -> None:
    writer.put(TOKEN, QUOTE)
    writer.set_feed({"state": "open"})
    writer.flush()

    document = raw(writer)
    entry = document["tokens"][TOKEN]
    assert {name: entry[name] for name in QUOTE} == QUOTE
    assert entry["seq"] == 1
    assert document["schema"] == 1
    assert document["updated_at"] == "2026-11-20T15:11:03Z"
    assert document["written_at"] == 1_795_187_463.0
    assert document["epoch"] == writer.epoch
    assert document["flush_seq"] == 1
    assert document["feed"] == {"state": "open"}
    assert document["writer"]["pid"] == os.getpid()


def test_nothing_is_written_before_the_first_flush(writer: SnapshotWriter) -> None:
    writer.put(TOKEN, QUOTE)

    assert not writer.path.exists()


def test_seq_grows_by_one_when_a_field_changes(writer: SnapshotWriter) -> None:
    seqs = [
        writer.put(TOKEN, QUOTE),
        writer.put(TOKEN, QUOTE),
        writer.put(TOKEN, QUOTE | {"price": 0.6}),
        writer.put(TOKEN, QUOTE | {"price": 0.6, "bids": []}),
        writer.put(TOKEN, QUOTE),
    ]

    assert seqs == [1, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["updated_at", "health", "conn"])
def test_seq_stays_when_only_an_unversioned_field_changes(
    writer: SnapshotWriter, name: str
) -> None:
    writer.put(TOKEN, QUOTE)

    assert writer.put(TOKEN, QUOTE | {name: 5}) == 1
    writer.flush()
    assert raw(writer)["tokens"][TOKEN][name] == 5


def test_which_fields_are_unversioned_is_the_callers_choice(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "x.json", unversioned={"price"}) as writer:
        writer.put("a", {"price": 1, "health": "live"})

        assert writer.put("a", {"price": 2, "health": "live"}) == 1
        assert writer.put("a", {"price": 2, "health": "quiet"}) == 2


def test_a_change_after_put_does_not_reach_the_file(writer: SnapshotWriter) -> None:
    quote = QUOTE | {"bids": [[0.49, 120.0]]}
    writer.put(TOKEN, quote)
    quote["bids"][0][0] = 0.01
    writer.flush()

    assert raw(writer)["tokens"][TOKEN]["bids"] == [[0.49, 120.0]]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"price": float("nan")}, "entry of 'a': price was nan, only finite numbers"),
        ({"seq": 1}, "entry of 'a': seq is set by the writer itself"),
        ({"rev": 1, "boot_s": 1}, "entry of 'a': boot_s, rev is set by the writer itself"),
        ({"x": {1: 0, "1": 0}}, "entry of 'a': keys were not distinct strings"),
        ({"x": object()}, "entry of 'a': "),
    ],
)
def test_a_bad_entry_is_refused_and_the_old_one_stands(
    writer: SnapshotWriter, entry: dict[str, Any], message: str
) -> None:
    writer.put("a", {"price": 0.5})

    with pytest.raises(ValueError, match=message):
        writer.put("a", entry)
    writer.flush()
    assert raw(writer)["tokens"]["a"]["price"] == 0.5
    assert raw(writer)["tokens"]["a"]["seq"] == 1


def test_a_bad_feed_is_refused_and_the_old_one_stands(writer: SnapshotWriter) -> None:
    writer.set_feed({"state": "open"})

    with pytest.raises(ValueError, match="age was inf"):
        writer.set_feed({"age": float("inf")})
    writer.flush()
    assert raw(writer)["feed"] == {"state": "open"}


def test_the_same_feed_again_is_no_change(writer: SnapshotWriter, clock: Clock) -> None:
    writer.set_feed({"state": "open"})
    writer.flush()
    clock.pass_s(0.6)
    writer.set_feed({"state": "open"})
    unchanged = writer.flush_if_due()
    writer.set_feed({"state": "down"})

    assert unchanged == pytest.approx(0.4)
    assert writer.flush_if_due() == pytest.approx(1.0)
    assert raw(writer)["feed"] == {"state": "down"}


def test_a_deleted_key_is_gone_and_its_seq_goes_on(writer: SnapshotWriter) -> None:
    """Else a reader that knows seq 2 would ignore the new seq 1."""
    writer.put("a", {"n": 1})
    writer.put("a", {"n": 2})
    was_there, was_still_there = writer.delete("a"), writer.delete("a")
    writer.flush()
    without = raw(writer)["tokens"]

    assert (was_there, was_still_there) == (True, False)
    assert without == {}
    assert writer.put("a", {"n": 2}) == 3


def test_a_key_of_only_unversioned_fields_comes_back_after_delete(writer: SnapshotWriter) -> None:
    writer.put("a", {"health": "live"})
    writer.delete("a")
    writer.put("a", {"health": "live"})
    writer.flush()

    assert raw(writer)["tokens"]["a"]["health"] == "live"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2) | st.none()), max_size=25))
@settings(max_examples=25, deadline=None)
def test_rev_counts_every_change_and_seq_never_goes_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int | None]]
) -> None:
    path = tmp_path_factory.mktemp("data") / "x.json"
    seqs: dict[str, int] = {}
    model: dict[str, int] = {}
    changes = 0
    with SnapshotWriter(path) as writer:
        for key, value in steps:
            if value is None:
                changes += key in model
                writer.delete(key)
                model.pop(key, None)
            else:
                changes += model.get(key) != value
                seq = writer.put(key, {"n": value})
                assert seq >= seqs.get(key, 1)
                assert seq == seqs.get(key, 0) + (model.get(key) != value)
                seqs[key] = seq
                model[key] = value
        writer.flush()
        snapshot = SnapshotReader(path).read()

    assert snapshot.change_seq == changes
    assert {key: entry.fields["n"] for key, entry in snapshot.tokens.items()} == model


def test_the_file_is_rewritten_at_most_every_interval_and_at_least_every_heartbeat(
    writer: SnapshotWriter, clock: Clock
) -> None:
    waits, flushes = [], []
    for step in range(31):
        if step in (3, 4, 5, 6, 7):
            writer.put("a", {"n": step})
        waits.append(writer.flush_if_due())
        flushes.append(raw(writer)["flush_seq"])
        clock.pass_s(0.1)

    changes = [step for step in range(1, 31) if flushes[step] != flushes[step - 1]]
    # First at once; a change at 0.3 s waits for 0.5; changes until 0.7 for 1.0; then heartbeats.
    assert changes == [5, 10, 20, 30]
    assert waits[0] == pytest.approx(1.0)
    assert waits[3] == pytest.approx(0.2)


def test_a_wall_clock_that_jumps_back_stops_nothing(writer: SnapshotWriter, clock: Clock) -> None:
    """The ancestor stopped flushing for an hour."""
    writer.flush_if_due()
    clock.wall_s -= 3600
    clock.boot_s += 1.0

    writer.flush_if_due()

    assert raw(writer)["flush_seq"] == 2


def test_the_epoch_is_the_start_in_milliseconds(writer: SnapshotWriter, clock: Clock) -> None:
    assert writer.epoch == int(clock.wall_s * 1000)


LOSSES = [
    "nothing", "clock", "clock file", "clock owner", "clock board", "clock file owner",
    "clock file board", "clock owner board", "clock garbage", "clock empty", "clock newer",
]  # fmt: skip


@pytest.mark.parametrize("lost", LOSSES)
def test_the_epoch_grows_at_each_start_whatever_was_lost(
    path: Path, clock: Clock, lost: str
) -> None:
    path.parent.mkdir()
    with SnapshotWriter(path, clock=clock) as writer:
        writer.flush()
        first = writer.epoch
    if "clock" in lost:
        clock.wall_s -= 1_000_000
    for name in {"file", "owner", "board"}.intersection(lost.split()):
        {"file": path, "owner": owner_path(path), "board": path.with_suffix(".board")}[
            name
        ].unlink()
    if "garbage" in lost:
        path.write_bytes(b"\0" * 1000)
    if "empty" in lost:
        path.write_bytes(b"")
    if "newer" in lost:
        path.write_bytes(b'{"schema":2,"epoch":%d,"x":{}}' % (first + 100))

    with SnapshotWriter(path, clock=clock) as writer:
        assert writer.epoch > first
        assert "newer" not in lost or writer.epoch == first + 101


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["file", "owner", "board"])), max_size=6
    )
)
@settings(max_examples=25, deadline=None)
def test_no_order_of_losses_makes_the_epoch_go_back(
    tmp_path_factory: pytest.TempPathFactory, starts: list[tuple[float, str]]
) -> None:
    path = tmp_path_factory.mktemp("data") / "x.json"
    clock = Clock()
    last = 0
    for jump_s, lost in starts:
        with SnapshotWriter(path, clock=clock) as writer:
            writer.flush()
            assert writer.epoch > last
            last = writer.epoch
        clock.wall_s += jump_s
        {"file": path, "owner": owner_path(path), "board": path.with_suffix(".board")}[
            lost
        ].unlink()


def test_an_epoch_beyond_all_measure_is_not_taken_over(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"schema":1,"epoch":9999999999999999999}')
    with SnapshotWriter(path) as writer:
        assert writer.epoch < 2**53


def test_a_second_writer_is_refused_at_once(writer: SnapshotWriter) -> None:
    with pytest.raises(WriterBusy) as caught:
        SnapshotWriter(writer.path)

    assert caught.value.pid == os.getpid()


def test_a_closed_writer_makes_way_and_writes_its_last(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    writer = SnapshotWriter(path, clock=clock)
    writer.put("a", {"n": 1})
    writer.close()
    writer.close()

    assert raw(writer)["tokens"]["a"]["n"] == 1
    with pytest.raises(RuntimeError, match="writer was closed"):
        writer.put("a", {"n": 2})
    SnapshotWriter(path, clock=clock).close()


def test_a_clean_writer_does_not_flush_again_when_closed(writer: SnapshotWriter) -> None:
    writer.flush()
    writer.close()

    assert raw(writer)["flush_seq"] == 1


def test_leftovers_of_a_killed_writer_are_gone_after_the_next_start(path: Path) -> None:
    temp = path.parent / ".polyshared"
    temp.mkdir(parents=True)
    (temp / "ws_cache.json.1.0123abcd.tmp").write_bytes(b"half")
    (temp / "ws_cache.board.1.0123abcd.tmp").write_bytes(b"half")
    SnapshotWriter(path).close()

    assert not [name for name in names(path.parent) if name.endswith(".tmp")]


def test_something_that_is_no_file_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(FileExistsError, match="not a regular file"):
        SnapshotWriter(path)


def test_a_missing_directory_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SnapshotWriter(path)


def test_a_network_file_system_is_refused_unless_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, the lock may lock nothing."""
    path.parent.mkdir()
    monkeypatch.setattr(linux, "is_remote", lambda _: True)

    with pytest.raises(OSError, match="network file system"):
        SnapshotWriter(path)
    SnapshotWriter(path, allow_remote=True).close()


def test_a_start_that_fails_gives_the_lock_back(path: Path) -> None:
    path.parent.mkdir()
    (path.parent / "ws_cache.json.owner").mkdir()

    with pytest.raises(IsADirectoryError):
        SnapshotWriter(path)
    (path.parent / "ws_cache.json.owner").rmdir()
    SnapshotWriter(path).close()


def test_a_failing_flush_is_a_state_reported_once_per_change(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    told: list[OSError | None] = []
    with SnapshotWriter(path, clock=clock, on_flush_state=told.append) as writer:
        writer.put("a", {"n": 1})
        writer.flush()
        path.unlink()
        path.mkdir()  # as good as any reason not to be able to write
        writer.put("a", {"n": 2})
        with pytest.raises(IsADirectoryError):
            writer.flush()
        clock.pass_s(1)
        writer.heartbeat()
        during = writer.failing_since, writer.failures, type(writer.last_error)
        path.rmdir()
        clock.pass_s(1)
        writer.flush_if_due()

        assert during == (clock.wall_s - 2, 2, IsADirectoryError)
        assert (writer.failing_since, writer.failures) == (None, 2)
        assert [type(each) for each in told] == [IsADirectoryError, type(None)]
        assert raw(writer)["tokens"]["a"]["n"] == 2


def test_what_a_failed_flush_did_not_write_is_written_at_close(path: Path) -> None:
    path.parent.mkdir()
    writer = SnapshotWriter(path)
    writer.put("a", {"n": 1})
    path.mkdir()
    writer.heartbeat()
    path.rmdir()
    writer.close()

    assert raw(writer)["tokens"]["a"]["n"] == 1


def test_a_failing_disk_is_asked_once_a_heartbeat_however_much_changes(
    writer: SnapshotWriter, clock: Clock
) -> None:
    writer.path.mkdir()
    for step in range(40):
        writer.put("a", {"n": step})
        writer.flush_if_due()
        clock.pass_s(0.1)

    assert writer.failures == 4


def test_the_lane_says_that_the_file_cannot_be_written(
    writer: SnapshotWriter, clock: Clock
) -> None:
    """So that readers of the lane go on, and somebody is told."""
    writer.path.mkdir()
    writer.heartbeat()
    reader = SnapshotReader(writer.path, clock=clock)

    assert reader.feed().flush_failing_since == clock.wall_s
    reader.close()


def test_a_callback_that_raises_is_counted_and_stops_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()

    def broken(_: OSError | None) -> None:
        raise ZeroDivisionError

    with SnapshotWriter(path, on_flush_state=broken) as writer:
        path.mkdir()
        writer.heartbeat()
        path.rmdir()
        writer.heartbeat()

        assert writer.callback_errors == 2
        assert raw(writer)["flush_seq"] == 2
    assert "on_flush_state" in caplog.text


def test_a_directory_that_was_removed_is_made_again(writer: SnapshotWriter, clock: Clock) -> None:
    writer.put("a", {"n": 1})
    writer.flush()
    shutil.rmtree(writer.path.parent)
    writer.put("a", {"n": 2})
    writer.heartbeat()
    reader = SnapshotReader(writer.path, clock=clock)

    assert raw(writer)["tokens"]["a"]["n"] == 2
    assert reader.entry("a").fields == {"n": 2}
    with pytest.raises(WriterBusy):
        SnapshotWriter(writer.path)
    reader.close()


def test_a_removed_lock_file_that_another_writer_took_fences(
    writer: SnapshotWriter, clock: Clock
) -> None:
    writer.flush()
    (writer.path.parent / "ws_cache.json.lock").unlink()
    with SnapshotWriter(writer.path, clock=clock) as other:
        other.flush()
        clock.pass_s(0.1)
        for _ in range(2):
            with pytest.raises(WriterFenced):
                writer.put("a", {"n": 1})

        assert raw(writer)["epoch"] == other.epoch


def test_a_nan_is_refused_where_a_null_has_been(writer: SnapshotWriter) -> None:
    """The encoder writes both as null, so the text is the same as before."""
    writer.put("a", {"price": None})

    with pytest.raises(ValueError, match="price was nan"):
        writer.put("a", {"price": float("nan")})


def test_an_entry_that_is_text_is_the_same_as_one_that_is_not(writer: SnapshotWriter) -> None:
    writer.put("a", {"price": 0.5, "bids": [[0.4, 1.0]], "health": "live"})
    before = writer._table.entries()["a"]
    seqs = [
        writer.put_text("a", b'{"price":0.5,"bids":[[0.4,1.0]]}', b'{"health":"live"}'),
        writer.put_text("a", b'{"price":0.5,"bids":[[0.4,1.0]]}', b'{"health":"quiet"}'),
        writer.put_text("a", b'{"price":0.6}'),
        writer.put("a", {"price": 0.6}),
    ]
    writer.flush()

    assert seqs == [1, 1, 2, 2]
    assert b'"price":0.5,"bids":[[0.4,1.0]],"health":"live","seq":1' in before
    assert raw(writer)["tokens"]["a"]["price"] == 0.6
    assert "bids" not in raw(writer)["tokens"]["a"]


def test_no_text_at_all_is_refused_for_a_key_that_is_not_there(writer: SnapshotWriter) -> None:
    writer.put("gone", {"n": 1})
    writer.delete("gone")
    for key in ("new", "gone"):
        for texts in ((b"", b"{}"), (b'{"n":1}', b"")):
            with pytest.raises(ValueError, match="was not the text of a JSON object"):
                writer.put_text(key, *texts)
    writer.flush()

    assert raw(writer)["tokens"] == {}


@pytest.mark.parametrize(
    ("versioned", "rest", "message"),
    [
        (b"[1]", b"{}", "entry of 'a': was not the text of a JSON object"),
        (b'{"n":1', b"{}", "was not the text"),
        (b'{"n":NaN}', b"{}", "was not the text"),
        (b'{"n":1e999}', b"{}", "was not the text"),
        (b'{"n":1}', b'{"x":"\xff"}', "was not the text"),
        (b'{"n":1}', b'{"boot_s":1}', "boot_s is set by the writer itself"),
        (b'{"seq":7}', b"{}", "seq is set by the writer itself"),
        (b'{"n":"%b"}' % (b"x" * 70_000), b"{}", "limit is 65536"),
        (b'{"n":"%b"}' % (b"x" * 65_500), b"{}", "limit is 65536"),
    ],
)
def test_text_that_no_reader_would_take_is_refused(
    writer: SnapshotWriter, versioned: bytes, rest: bytes, message: str
) -> None:
    writer.put("a", {"n": 7})
    with pytest.raises(ValueError, match=message):
        writer.put_text("a", versioned, rest)
    writer.flush()

    assert raw(writer)["tokens"]["a"]["n"] == 7


def test_a_look_at_the_lock_is_good_for_a_moment_of_puts_but_for_no_flush(
    writer: SnapshotWriter, clock: Clock
) -> None:
    """What such a put writes goes to a board that nobody reads any more."""
    writer.put("a", {"n": 1})
    (writer.path.parent / "ws_cache.json.lock").unlink()
    with SnapshotWriter(writer.path, clock=clock) as other:
        other.put("a", {"n": 9})
        other.flush()
        clock.pass_s(0.09)
        writer.put("a", {"n": 2})
        with SnapshotReader(writer.path, clock=clock) as reader:
            seen = reader.entry("a")

        assert (seen.epoch, seen.fields["n"]) == (other.epoch, 9)
        with pytest.raises(WriterFenced):
            writer.flush()
        with pytest.raises(WriterFenced):
            writer.put("a", {"n": 3})


def test_a_writer_whose_lock_went_while_another_came_and_went_is_fenced_at_its_flush(
    writer: SnapshotWriter, clock: Clock
) -> None:
    lock = writer.path.parent / "ws_cache.json.lock"
    lock.unlink()
    SnapshotWriter(writer.path, clock=clock).close()
    lock.unlink()

    with pytest.raises(WriterFenced, match="was the writer since"):
        writer.flush()
    with pytest.raises(WriterFenced):
        writer.put("a", {"n": 1})


def test_take_over_waits_until_the_owner_has_been_silent(
    writer: SnapshotWriter, clock: Clock
) -> None:
    writer.flush()
    clock.pass_s(10)
    with pytest.raises(WriterBusy):
        SnapshotWriter(writer.path, take_over=True, clock=clock)
    clock.pass_s(0.1)

    with SnapshotWriter(writer.path, take_over=True, clock=clock) as other:
        other.put("a", {"n": 1})
        other.flush()
        with pytest.raises(WriterFenced, match="another writer has taken over"):
            writer.flush()
        assert raw(writer)["epoch"] == other.epoch > writer.epoch


def test_take_over_of_a_free_place_is_an_ordinary_start(path: Path) -> None:
    path.parent.mkdir()
    SnapshotWriter(path, take_over=True).close()


def test_a_fenced_writer_closes_quietly(writer: SnapshotWriter, clock: Clock) -> None:
    writer.flush()
    clock.pass_s(11)
    with SnapshotWriter(writer.path, take_over=True, clock=clock) as other:
        other.flush()
        writer.close()

        assert raw(writer)["epoch"] == other.epoch


def test_a_dirty_writer_that_finds_itself_fenced_at_close_writes_nothing(
    path: Path, clock: Clock
) -> None:
    path.parent.mkdir()
    first = SnapshotWriter(path, clock=clock)
    first.put("a", {"n": "old"})
    clock.pass_s(11)
    with SnapshotWriter(path, take_over=True, clock=clock) as second:
        second.put("a", {"n": "new"})
        second.flush()
        first.close()

        assert raw(second)["tokens"]["a"]["n"] == "new"


def test_the_thread_flushes_changes_and_heartbeats(path: Path) -> None:
    path.parent.mkdir()
    with (
        SnapshotWriter(path, min_interval_s=0.01, heartbeat_s=0.05).start() as writer,
        SnapshotReader(path, lane=False) as reader,
    ):
        assert writer.start() is writer
        writer.put("a", {"n": 1})
        while "a" not in writer_tokens(path):
            pass
        writer.put("a", {"n": 2})
        version = reader.entry("a").version
        while reader.follow("a", timeout_s=5).fields["n"] != 2:
            assert reader.entry("a").version >= version
        seq = reader.read().flush_seq
        while reader.read().flush_seq < seq + 2:  # nothing changes: heartbeats
            pass


def writer_tokens(path: Path) -> dict[str, Any]:
    try:
        tokens: dict[str, Any] = json.loads(path.read_bytes())["tokens"]
    except FileNotFoundError:
        return {}
    return tokens


def test_the_thread_ends_and_says_so_when_the_writer_is_fenced(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    caplog.set_level(logging.ERROR)
    writer = SnapshotWriter(path, heartbeat_s=0.01).start()
    other = path.with_name("another")
    other.write_bytes(b"")
    other.rename(path.parent / "ws_cache.json.lock")
    thread = writer._flusher._thread
    assert thread is not None
    thread.join(15)

    assert not thread.is_alive()
    assert "another writer has taken over" in caplog.text
    with pytest.raises(WriterFenced):
        writer.start()
    writer.close()


def test_a_thread_that_ends_for_any_other_reason_ends_the_writer(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would take what it is given, write no file, and look alive."""
    path.parent.mkdir()
    writer = SnapshotWriter(path, heartbeat_s=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "writev", lambda *_: 1 // 0)
        thread = writer.start()._flusher._thread
        assert thread is not None
        thread.join(15)

    with pytest.raises(WriterFenced, match="flushing ended: ZeroDivisionError") as told:
        writer.put("a", {"n": 1})
    assert isinstance(told.value.__cause__, ZeroDivisionError)
    assert "flushing ended" in caplog.text
    writer.close()


def test_many_threads_may_put_while_one_flushes(path: Path) -> None:
    path.parent.mkdir()
    with SnapshotWriter(path, min_interval_s=0.0).start() as writer:

        def work(name: str) -> None:
            for number in range(200):
                writer.put(f"{name}{number % 20}", {"n": number, "x": "y" * (number * 5)})

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.flush()
        snapshot = SnapshotReader(path).read()

    assert len(snapshot.tokens) == 80
    assert snapshot.change_seq == 800
    assert all(entry.fields["n"] >= 180 for entry in snapshot.tokens.values())


def test_another_process_id_is_a_fork(
    writer: SnapshotWriter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that Python was not told of; of others see the next test."""
    writer.put("a", {"n": 0})
    clock.pass_s(0.1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(WriterFenced, match="not to its fork"):
            writer.put("a", {"n": 1})
        writer.close()

    assert writer.put("a", {"n": 1}) == 2


def test_a_fork_looks_at_the_lock_before_it_writes(writer: SnapshotWriter, clock: Clock) -> None:
    """Whenever the last look was; without asking for the process's id before every put."""
    writer.put("a", {"n": 1})
    (writer.path.parent / "ws_cache.json.lock").unlink()
    with SnapshotWriter(writer.path, clock=clock):
        writer.put("a", {"n": 2})
        _tenure._look_again()  # what Python calls in a fork
        with pytest.raises(WriterFenced):
            writer.put("a", {"n": 3})


def test_a_fork_of_the_writer_cannot_write_and_does_no_harm(path: Path) -> None:
    path.parent.mkdir()
    code = """
import os, sys
from polyshared import SnapshotWriter, WriterFenced
writer = SnapshotWriter(sys.argv[1])
writer.flush()
writer.put("a", {"n": 0})
child = os.fork()
if not child:
    for call in (lambda: writer.put("a", {}), writer.flush, writer.heartbeat):
        try:
            call()
        except WriterFenced:
            print("fenced", flush=True)
    writer.close()
    os._exit(0)
os.waitpid(child, 0)
writer.put("a", {"n": 1})
writer.flush()
print("still the writer", flush=True)
"""
    with program(code, path) as process:
        assert [line_of(process) for _ in range(4)] == ["fenced"] * 3 + ["still the writer"]


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE, errno.EACCES]
)
def test_each_errno_at_each_call_of_put_and_flush_heals(
    tmp_path: Path, number: int, *, persistent: bool
) -> None:
    """The file is the old or the new one, the lane is whole or gone, the next flush mends all."""
    for at in range(1, 200):
        path = tmp_path / str(at) / "ws_cache.json"
        path.parent.mkdir()
        with SnapshotWriter(path) as writer:
            writer.put("a", {"n": 1})
            writer.flush()
            with faults(at, fail_with(number), persistent=persistent) as injector:
                writer.put("a", {"n": 2})
                writer.heartbeat()
            during = json.loads(path.read_bytes())["tokens"]["a"]["n"]
            reader = SnapshotReader(path)
            seen = reader.entry("a").fields["n"]
            writer.put("a", {"n": 3})
            writer.flush()
            after = SnapshotReader(path)

            assert during in (1, 2), injector.name
            assert seen in (1, 2), injector.name
            assert raw(writer)["tokens"]["a"]["n"] == 3
            assert after.entry("a").fields["n"] == 3
            assert writer.lane_error is None
            assert persistent or not [n for n in names(path.parent) if n.endswith(".tmp")]
            reader.close()
            after.close()
        if not injector.fired:
            break
    else:
        pytest.fail("a fault fired at every call")


def test_a_lane_that_cannot_be_had_leaves_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    monkeypatch.setattr(linux, "SUPPORTED", False)
    with SnapshotWriter(path) as writer:
        writer.put("a", {"n": 1})
        writer.set_feed({"state": "open"})
        writer.delete("a")
        writer.put("a", {"n": 1})
        writer.flush()

        assert writer.lane_error is not None
        assert writer.lane_error.errno == errno.ENOSYS
        assert SnapshotReader(path).entry("a").fields == {"n": 1}
        assert "ws_cache.board" not in names(path.parent)


def test_without_a_lane_none_is_made(path: Path) -> None:
    path.parent.mkdir()
    with SnapshotWriter(path, lane=False) as writer:
        writer.put("a", {"n": 1})
        writer.flush()

        assert writer.lane_error is None
        assert "ws_cache.board" not in names(path.parent)


def test_the_board_grows_with_keys_entries_and_feed(path: Path) -> None:
    path.parent.mkdir()
    with SnapshotWriter(path) as writer, SnapshotReader(path) as reader:
        for number in range(200):
            writer.put(str(number), {"n": number})
        writer.put("0", {"n": "x" * 5000})
        writer.set_feed({"text": "y" * 5000})

        for number in range(1, 200):
            assert reader.entry(str(number)).fields == {"n": number}
        assert reader.entry("0").fields == {"n": "x" * 5000}
        assert reader.feed().fields == {"text": "y" * 5000}


def test_a_put_is_a_sign_of_life_while_the_flushing_thread_hangs(
    writer: SnapshotWriter, clock: Clock
) -> None:
    """In a disk that does not answer, say."""
    writer.flush()
    clock.pass_s(30)
    writer.put("a", {"n": 1})
    reader = SnapshotReader(writer.path, clock=clock)

    assert reader.entry("a").writer_age_s == 0
    reader.close()


def test_a_board_that_breaks_is_taken_away_and_built_again(
    writer: SnapshotWriter,
) -> None:
    board = writer.path.with_suffix(".board")
    writer.put("a", {"n": 1})
    with faults(1, fail_with(errno.EIO)):  # the store
        writer.put("a", {"n": 2})
    without = board.exists(), writer.lane_error
    writer.flush()

    assert not without[0]
    assert isinstance(without[1], OSError)
    assert board.exists()
    assert writer.lane_error is None


@pytest.mark.parametrize("call", ["delete", "set_feed"])
def test_a_board_that_breaks_at_another_call_is_taken_away_too(
    writer: SnapshotWriter, call: str
) -> None:
    writer.put("a", {"n": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *_: fail_with(errno.EIO)())
        if call == "delete":
            writer.delete("a")
        else:
            writer.set_feed({"state": "down"})

    assert not writer.path.with_suffix(".board").exists()
    assert writer.lane_error is not None


def test_an_epoch_of_its_own_is_given_to_each_of_many_starts(path: Path) -> None:
    path.parent.mkdir()
    epochs = []
    for _ in range(5):
        with program(WRITER, path) as process:
            epochs.append(int(line_of(process)))

    assert epochs == sorted(set(epochs))


def test_a_file_of_the_ancestor_in_the_place_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    write_atomic(path, b'{"updated_at": "2026-01-30T00:00:00Z", "tokens": {}}')
    with SnapshotWriter(path) as writer:
        writer.flush()

        assert raw(writer)["epoch"] == writer.epoch


def overwrite(path: Path) -> None:
    path.write_bytes(b"garbage")


def replace(path: Path) -> None:
    write_atomic(path, b"garbage")


@pytest.mark.parametrize("disturb", [overwrite, replace], ids=lambda each: each.__name__)
def test_what_another_program_wrote_is_mended_and_told(
    writer: SnapshotWriter, disturb: Any
) -> None:
    """The file is whole again within a heartbeat: only the writer can know that it was not."""
    writer.flush()
    disturb(writer.path)
    writer.flush()  # mends it
    writer.flush()  # tells of it

    assert raw(writer)["writer"]["disturbed"] == 1
    assert raw(writer)["writer"]["disturbed_at"] > 0


def test_a_file_left_alone_or_removed_is_not_called_disturbed(writer: SnapshotWriter) -> None:
    writer.flush()
    writer.flush()
    writer.path.unlink()
    writer.flush()
    writer.flush()

    assert "disturbed" not in raw(writer)["writer"]
