"""The whole file: one pair of pure functions, and every way in which a file can be wrong."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyshared import Cursor, Entry, Snapshot, SnapshotCorrupt, SnapshotMissing, SnapshotTooNew
from polyshared._clock import Moment
from polyshared._document import encode_snapshot, parse_snapshot
from tests.polyshared.test_codec import FIELDS

NOW = Moment("0265ed25-af6c-4b16-9828-1c8e1e78b4c9", 5000.0, 1_795_187_463.0)
OWN = {"seq", "rev", "boot_s"}
HEADER = {
    "schema", "updated_at", "written_at", "epoch", "flush_seq", "change_seq", "boot_id", "boot_s",
    "layout", "writer", "feed", "tokens",
}  # fmt: skip


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    epoch = draw(st.integers(0, 2**53 - 2))
    written = Moment(NOW.boot_id, round(draw(st.floats(0, 5000)), 6), 1_795_187_000.0)
    tokens = {}
    for key in draw(st.sets(st.text(max_size=8), max_size=5)):
        fields = draw(FIELDS)
        put_boot_s = round(draw(st.floats(0, 5000)), 6)
        put_at = Moment(NOW.boot_id, put_boot_s, written.wall_s - written.boot_s + put_boot_s)
        tokens[key] = Entry(
            key=key,
            fields={name: value for name, value in fields.items() if name not in OWN},
            epoch=epoch,
            seq=draw(st.integers(0, 2**40)),
            rev=draw(st.integers(0, 2**40)),
            put_at=put_at,
            age_s=NOW.boot_s - put_boot_s,
            writer_age_s=NOW.boot_s - max(written.boot_s, put_boot_s),
        )
    extra = draw(FIELDS)
    return Snapshot(
        epoch=epoch,
        flush_seq=draw(st.integers(0, 2**40)),
        change_seq=draw(st.integers(0, 2**40)),
        written=written,
        writer=draw(FIELDS),
        feed=draw(FIELDS),
        tokens=tokens,
        extra={name: value for name, value in extra.items() if name not in HEADER},
        age_s=NOW.boot_s - written.boot_s,
    )


@settings(deadline=None, max_examples=40)
@given(snapshots())
def test_a_snapshot_reads_back_as_it_was(snapshot: Snapshot) -> None:
    """Unknown keys of header and entries included: they come from a newer writer."""
    assert parse_snapshot(encode_snapshot(snapshot), at=NOW) == snapshot


@settings(deadline=None, max_examples=40)
@given(snapshots())
def test_the_file_is_plain_json(snapshot: Snapshot) -> None:
    raw = json.loads(encode_snapshot(snapshot))

    assert set(raw) == HEADER | set(snapshot.extra)
    assert set(raw["tokens"]) == set(snapshot.tokens)
    assert all(set(entry) >= OWN for entry in raw["tokens"].values())


@settings(deadline=None, max_examples=40)
@given(snapshots(), st.data())
def test_no_part_of_a_snapshot_is_taken_for_a_snapshot(
    snapshot: Snapshot, data: st.DataObject
) -> None:
    whole = encode_snapshot(snapshot)
    part = whole[: data.draw(st.integers(1, len(whole.rstrip()) - 1))]

    with pytest.raises(SnapshotCorrupt):
        parse_snapshot(part, at=NOW)


@settings(deadline=None, max_examples=40)
@given(st.binary(min_size=1))
def test_random_bytes_are_corrupt_and_nothing_else(data: bytes) -> None:
    with pytest.raises(SnapshotCorrupt):
        parse_snapshot(data, at=NOW)


def document(**changes: Any) -> bytes:
    """Return a small file as another program might write it."""
    raw: dict[str, Any] = {
        "schema": 1,
        "epoch": 7,
        "written_at": NOW.wall_s - 2,
        "tokens": {"a": {"price": 0.5, "seq": 3}},
    }
    raw |= changes
    return json.dumps({name: value for name, value in raw.items() if value is not ...}).encode()


def test_a_file_of_another_program_is_read_and_aged_by_the_wall_clock() -> None:
    snapshot = parse_snapshot(document(), at=NOW)

    assert snapshot.age_s == 2.0
    assert snapshot.tokens["a"].fields == {"price": 0.5}
    assert snapshot.tokens["a"].cursor == Cursor(7, 3)


def test_an_entry_that_does_not_say_when_it_was_put_is_infinitely_old() -> None:
    """Unknown is not fresh."""
    assert parse_snapshot(document(), at=NOW).tokens["a"].age_s == math.inf


def test_an_entry_of_unknown_age_stays_so_when_encoded_again() -> None:
    again = parse_snapshot(encode_snapshot(parse_snapshot(document(), at=NOW)), at=NOW)

    assert again.tokens["a"].age_s == math.inf


def test_a_file_of_another_boot_is_infinitely_old() -> None:
    """Boot-time clocks begin anew at each boot and cannot be compared."""
    snapshot = parse_snapshot(document(boot_id="another", boot_s=4999.0), at=NOW)

    assert snapshot.age_s == math.inf


@pytest.mark.parametrize(
    ("data", "detail", "position"),
    [
        (b"\xef\xbb\xbf" + document(), "invalid character", 0),
        (document().decode().encode("utf-16"), "invalid character", 0),
        (b"\0" * 4096, "invalid character", 0),
        (b'{"schema":1,"epoch":NaN}', "invalid", 20),
        (b'{"schema":1,"a":"caf\xe9"}', "not UTF-8", 20),
        (b"[" * 10_000, "nested too deep", 100),
        (document()[:-1] + b',"epoch":8}', 'key "epoch" is there twice', len(document())),
        (b"[1,2]", "was list, expected an object", 0),
        (document() + b"x", "trailing characters", len(document())),
        (b'{"schema":1', "truncated", None),
        (document(epoch=9**400), "<= 9007199254740990", None),
        (document(written_at=...), "written_at", None),
        (document(schema=...), "schema was None, expected a number", None),
        (document(schema=True), "schema was True", None),
        (document(schema="1"), "schema was '1'", None),
        (document(epoch="7"), "Expected `int`, got `str`", None),
        (document(epoch=-1), ">= 0", None),
        (document(epoch=2**53), "<= 9007199254740990", None),
        (document(tokens=[]), "tokens", None),
        (document(tokens={"a": 1}), "tokens", None),
        (document(feed=1), "feed", None),
    ],
)
def test_a_wrong_file_is_corrupt_and_says_where(
    data: bytes, detail: str, position: int | None
) -> None:
    with pytest.raises(SnapshotCorrupt) as caught:
        parse_snapshot(data, at=NOW, path="data/ws_cache.json")

    assert detail in caught.value.detail
    assert caught.value.position == position
    assert str(caught.value).startswith("data/ws_cache.json: not a snapshot: ")


@pytest.mark.parametrize(
    "entry",
    [
        {"price": 0.5},
        {"seq": "3"},
        {"seq": True},
        {"seq": -1},
        {"seq": 1.5},
        {"seq": 3, "rev": "1"},
        {"seq": 3, "boot_s": "1"},
    ],
)
def test_an_entry_without_a_proper_seq_makes_the_file_corrupt(entry: dict[str, Any]) -> None:
    data = document(tokens={"a": {"seq": 1}, "bad": entry})

    with pytest.raises(SnapshotCorrupt, match="entry 'bad' has no valid seq") as caught:
        parse_snapshot(data, at=NOW)

    assert caught.value.position == data.index(b'"bad"')


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
def test_a_number_that_is_not_finite_is_corrupt(number: bytes) -> None:
    with pytest.raises(SnapshotCorrupt):
        parse_snapshot(document().replace(b"0.5", number), at=NOW)


def test_a_duplicate_is_found_where_the_rest_is_our_own_text() -> None:
    """Our own text takes a short cut past the scan; a duplicate must not get past with it."""
    data = encode_snapshot(parse_snapshot(document(), at=NOW))
    twice = data.replace(b'"price":0.5,', b'"price":0.4,"price":0.5,')

    with pytest.raises(SnapshotCorrupt, match='key "price" is there twice'):
        parse_snapshot(twice, at=NOW)


def test_an_empty_file_is_missing_not_corrupt() -> None:
    """It is what a power cut leaves: nobody wrote anything wrong."""
    with pytest.raises(SnapshotMissing) as caught:
        parse_snapshot(b"", at=NOW)

    assert caught.value.empty


def test_a_later_schema_is_too_new_whatever_else_it_holds() -> None:
    with pytest.raises(SnapshotTooNew) as caught:
        parse_snapshot(document(schema=2, tokens="elsewhere"), at=NOW)

    assert (caught.value.schema, caught.value.known) == (2, 1)


def test_a_snapshot_with_a_number_that_is_not_finite_is_not_encoded() -> None:
    snapshot = parse_snapshot(document(), at=NOW)
    bad = msgspec.structs.replace(snapshot, feed={"x": math.nan})

    with pytest.raises(ValueError, match="x was nan"):
        encode_snapshot(bad)


epochs = st.integers(0, 5)


@given(epochs, epochs, epochs, epochs)
def test_cursors_order_by_epoch_first(epoch: int, seq: int, epoch2: int, seq2: int) -> None:
    one, other = Cursor(epoch, seq), Cursor(epoch2, seq2)

    assert (one < other) is (epoch < epoch2 or (epoch == epoch2 and seq < seq2))
    assert (one == other) is (epoch == epoch2 and seq == seq2)


def test_an_entry_read_again_later_is_older_and_otherwise_the_same() -> None:
    snapshot = parse_snapshot(document(boot_id=NOW.boot_id, boot_s=4990.0), at=NOW)
    later = NOW._replace(boot_s=5005.0)

    again = snapshot.read_at(later)

    assert (snapshot.age_s, again.age_s) == (10.0, 15.0)
    assert again.tokens["a"].writer_age_s == 15.0
    assert again.tokens["a"].version == snapshot.tokens["a"].version
