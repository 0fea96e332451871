"""The board's format: a slot is readable whatever happened to its writer."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyshared import _board
from polyshared._board import (
    HEADER_BYTES,
    WORD,
    Geometry,
    Record,
    board_path,
    encode_header,
    encode_record,
    parse_header,
    parse_slot,
    read_slot,
)
from polyshared._board_writer import BoardFullError, BoardWriter
from polyshared._lane import Lane
from tests.polyshared.kit import fail_with, faults, names

GEOMETRY = Geometry(7, 64, 976, 2032, "0265ed25-af6c-4b16-9828-1c8e1e78b4c9")
SLOT = GEOMETRY.slot(3)


@given(
    st.builds(
        Geometry,
        st.integers(0, 2**64 - 1),
        st.integers(1, 100_000),
        st.integers(1, 1 << 20),
        st.integers(1, 1 << 20),
        st.just(GEOMETRY.boot_id) | st.just(""),
    )
)
def test_a_header_reads_back(geometry: Geometry) -> None:
    assert parse_header(encode_header(geometry)) == geometry


@given(st.integers(0, HEADER_BYTES - 1), st.integers(1, 255))
def test_a_header_with_one_wrong_byte_is_no_header(position: int, difference: int) -> None:
    header = bytearray(encode_header(GEOMETRY))
    header[position] ^= difference

    assert parse_header(bytes(header)) is None


def test_a_header_of_another_version_is_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_board, "MAGIC", b"polybrd9")
    header = encode_header(GEOMETRY)
    monkeypatch.undo()

    assert parse_header(header) is None
    assert parse_header(b"") is None


@given(st.integers(1, 500), st.integers(1, 5000), st.integers(1, 5000))
def test_no_two_parts_overlap(slots: int, capacity: int, feed_capacity: int) -> None:
    geometry = Geometry(7, slots, capacity, feed_capacity, "")
    places = [geometry.feed, *(geometry.slot(number) for number in range(slots))]

    assert HEADER_BYTES <= _board.BELL
    assert _board.BELL + WORD.size <= _board.DIRECTORY
    assert geometry.feed.offset >= _board.DIRECTORY + slots * _board.DIGEST_BYTES
    assert all(one.offset + one.size <= two.offset for one, two in pairwise(places))
    assert geometry.total >= places[-1].offset + places[-1].size
    assert all(place.offset % 64 == 0 for place in places)


@given(st.integers(1, 5000), st.integers(1, 2**64 - 1))
def test_each_copy_ends_with_its_own_bell(capacity: int, generation: int) -> None:
    """The futex compares four aligned bytes, and a copy is one write up to them."""
    slot = Geometry(7, 64, capacity, 2032, "").slot(3)
    copy = slot.offset + (generation & 1) * slot.room

    assert slot.word(generation) % 8 == 0
    assert slot.word(generation) + WORD.size == copy + slot.room
    assert slot.room >= len(encode_record(slot, generation, b"x" * capacity))
    assert slot.word(generation + 1) != slot.word(generation)


def store(data: bytearray, generation: int, payload: bytes) -> slice:
    """Store a record where the writer would; return where that is."""
    record = encode_record(SLOT, generation, payload)
    end = SLOT.word(generation) + WORD.size - SLOT.offset
    data[end - len(record) : end] = record
    return slice(end - len(record), end)


def slot_bytes(*writes: tuple[int, bytes]) -> bytes:
    data = bytearray(SLOT.size)
    for write in writes:
        store(data, *write)
    return bytes(data)


def torn(data: bytes) -> bytes:
    """Spoil the last byte of the payload that an even generation has."""
    spoilt = bytearray(data)
    spoilt[SLOT.room - 17] ^= 1
    return bytes(spoilt)


def test_the_newer_of_two_whole_copies_is_taken() -> None:
    two, three = slot_bytes((1, b"one"), (2, b"two")), slot_bytes((3, b"3"), (2, b"two"))

    assert parse_slot(SLOT, two) == Record(2, b"two", 1)
    assert parse_slot(SLOT, three) == Record(3, b"3", 2)
    assert parse_slot(SLOT, slot_bytes((1, b"one"))) == Record(1, b"one", 0)


@given(st.integers(0, 2000), st.integers(1, 255))
def test_one_wrong_byte_in_the_newer_copy_gives_the_older_one(
    position: int, difference: int
) -> None:
    """Or the newer one, where the byte is of no consequence; never a mixture."""
    data = bytearray(slot_bytes((5, b"older" * 100), (6, b"newer" * 100)))
    data[position % SLOT.room] ^= difference

    record = parse_slot(SLOT, bytes(data))

    assert record is not None
    assert record.payload in (b"older" * 100, b"newer" * 100)


@pytest.mark.parametrize("generation", [6, 7])
def test_a_write_cut_short_anywhere_leaves_the_record_before(generation: int) -> None:
    """SIGKILL after any number of bytes."""
    before = slot_bytes((generation - 2, b"four" * 100), (generation - 1, b"five" * 100))
    after = bytearray(before)
    place = store(after, generation, b"sixth" * 100)

    for taken in range(place.start, place.stop):
        record = parse_slot(SLOT, bytes(after[:taken]) + before[taken:])
        assert record is not None
        is_old = record.payload == b"five" * 100
        assert is_old or (taken > place.stop - 8 and record.payload == b"sixth" * 100), taken
    whole = parse_slot(SLOT, bytes(after))
    assert whole is not None
    assert whole.payload == b"sixth" * 100


def test_a_record_of_another_epoch_or_place_is_not_taken() -> None:
    data = slot_bytes((1, b"one"))

    assert parse_slot(GEOMETRY._replace(epoch=8).slot(3), data) is None
    assert parse_slot(GEOMETRY.slot(4), data) is None
    assert parse_slot(SLOT, data) is not None


def test_a_generation_counts_in_the_checksum_beyond_32_bits() -> None:
    data = bytearray(slot_bytes((2**32, b"later")))
    data[SLOT.room - 8 : SLOT.room] = WORD.pack(2**33)

    assert parse_slot(SLOT, bytes(data)) is None


def test_an_unwritten_or_truncated_slot_holds_nothing() -> None:
    assert parse_slot(SLOT, bytes(SLOT.size)) is None
    assert parse_slot(SLOT, b"") is None


@given(st.binary(min_size=SLOT.size, max_size=SLOT.size))
def test_random_bytes_are_no_record(data: bytes) -> None:
    assert parse_slot(SLOT, data) is None


def test_a_copy_that_is_being_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a reader would sleep at the new bell with the old value in its hands."""
    whole = slot_bytes((1, b"old"), (2, b"new"))
    answers = iter([torn(whole), torn(whole), whole])
    monkeypatch.setattr(os, "pread", lambda *_: next(answers))

    assert read_slot(0, SLOT) == Record(2, b"new", 1)


def test_a_copy_that_stays_torn_gives_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the torn one's bell as it is: whoever waits there sleeps until it rings."""
    data = torn(slot_bytes((1, b"old"), (2, b"new")))
    monkeypatch.setattr(os, "pread", lambda *_: data)

    assert read_slot(0, SLOT) == Record(1, b"old", 2)


@pytest.mark.parametrize(
    ("snapshot", "board"),
    [
        ("ws_cache.json", "ws_cache.board"),
        ("cache", "cache.board"),
        ("x.board", "x.board.board"),
    ],
)
def test_the_board_stands_beside_the_file(snapshot: str, board: str) -> None:
    assert board_path(Path("data") / snapshot) == Path("data") / board


def new_board(
    path: Path, entries: dict[str, bytes] | None = None, feed: bytes = b"f"
) -> BoardWriter:
    return BoardWriter(path, epoch=7, boot_id="", feed=feed, entries=entries or {})


def test_a_board_holds_what_it_was_given(tmp_path: Path) -> None:
    board = new_board(tmp_path / "b", {"one": b"1", "two": b"2" * 3000})
    board.put("three", b"3")
    board.put("one", b"11")
    lane = Lane(tmp_path / "b")

    assert [lane.payload(key) for key in ("one", "two", "three", "four")] == [
        b"11", b"2" * 3000, b"3", b"",
    ]  # fmt: skip
    lane.close()
    board.close()


def test_a_deleted_key_is_empty_and_may_come_back(tmp_path: Path) -> None:
    board = new_board(tmp_path / "b", {"one": b"1"})
    lane = Lane(tmp_path / "b")
    board.delete("one")
    board.delete("never there")
    after_delete = lane.payload("one")
    board.put("one", b"2")

    assert after_delete == b""
    assert lane.payload("one") == b"2"
    lane.close()
    board.close()


def test_a_board_that_is_full_says_so_and_stays_as_it_was(tmp_path: Path) -> None:
    board = new_board(tmp_path / "b")
    for number in range(64):
        board.put(str(number), b"x")

    with pytest.raises(BoardFullError):
        board.put("one more", b"x")
    with pytest.raises(BoardFullError):
        board.put("0", b"x" * 5000)
    with pytest.raises(BoardFullError):
        board.set_feed(b"x" * 50_000)

    lane = Lane(tmp_path / "b")
    assert lane.payload("0") == b"x"
    lane.close()
    board.close()


def test_all_blocks_are_there_from_the_start(tmp_path: Path) -> None:
    """A disk that fills up later must not reach a board that exists."""
    board = new_board(tmp_path / "b")
    status = (tmp_path / "b").stat()

    assert status.st_blocks * 512 >= status.st_size
    board.close()


def damage_nothing(path: Path) -> None:
    del path


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


def cut(path: Path) -> None:
    os.truncate(path, 100)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"garbage")


@pytest.mark.parametrize(
    ("damage", "is_in_place"),
    [(damage_nothing, True), (remove, False), (replace, False), (cut, False), (overwrite, False)],
)
def test_a_writer_knows_whether_readers_find_its_board(
    tmp_path: Path, damage: object, *, is_in_place: bool
) -> None:
    board = new_board(tmp_path / "b")
    assert callable(damage)
    damage(tmp_path / "b")

    assert board.is_in_place() is is_in_place
    board.close()


def test_writing_to_a_board_cut_short_kills_nobody(tmp_path: Path) -> None:
    """Through a mapping it would be a SIGBUS."""
    board = new_board(tmp_path / "b", {"one": b"1"})
    os.truncate(tmp_path / "b", 0)

    board.put("one", b"2")
    board.set_feed(b"f2")
    board.close()


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
def test_a_board_that_cannot_be_built_leaves_the_old_one_and_no_litter(
    tmp_path: Path, number: int, *, persistent: bool
) -> None:
    for at in range(1, 200):
        path = tmp_path / str(at) / "b"
        path.parent.mkdir()
        old = new_board(path, {"one": b"old"})
        new = None
        with faults(at, fail_with(number), persistent=persistent) as injector, suppress(OSError):
            new = new_board(path, {"one": b"new"})
        lane = Lane(path)
        payload = lane.payload("one")
        for each in (lane, old, new):
            if each is not None:
                each.close()

        assert payload == (b"new" if new else b"old"), injector.name
        assert persistent or names(path.parent) == {"b"}, injector.name
        if not injector.fired:
            break
    else:
        pytest.fail("a fault fired at every call")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_store_that_fails_leaves_the_record_before(tmp_path: Path, number: int) -> None:
    board = new_board(tmp_path / "b", {"one": b"old"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *_: fail_with(number)())
        with pytest.raises(OSError, match=os.strerror(number)):
            board.put("one", b"new")
    lane = Lane(tmp_path / "b")

    assert lane.payload("one") == b"old"
    board.put("one", b"newer")
    assert lane.payload("one") == b"newer"
    lane.close()
    board.close()


@pytest.mark.parametrize(("key", "length"), [("one", 3 + 16), ("two", 3 + 16), ("two", 16)])
def test_a_store_that_takes_less_than_all_is_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, length: int
) -> None:
    """Of a record, which is the value and 16 bytes, or of the digest of a new key."""
    board = new_board(tmp_path / "b", {"one": b"old"})
    monkeypatch.setattr(os, "pwrite", lambda _fd, data, _offset: len(data) - (len(data) == length))

    with pytest.raises(OSError, match="No space left"):
        board.put(key, b"new")
    board.close()


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    board = new_board(tmp_path / "b")

    board.close()
    board.close()
