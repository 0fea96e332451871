"""What is encoded reads back, and what would not read back is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyshared import _codec
from polyshared._clock import Moment
from polyshared._codec import HEAD_BYTES, MAX_EPOCH, Layout
from tests.polyshared.kit import QUOTE

FIELDS = st.dictionaries(
    st.text(),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=10,
    ),
    max_size=8,
)


@given(FIELDS)
def test_fields_read_back_as_they_were(fields: dict[str, Any]) -> None:
    text = _codec.encode_fields(fields)

    assert _codec.parse_fields(text) == fields
    assert json.loads(text) == fields


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"price": float("nan")}, "price was nan, only finite numbers can be shared"),
        ({"bids": [[0.5, float("inf")]]}, r"bids\[0\]\[1\] was inf"),
        ({"a": {"b": (1.0, float("-inf"))}}, r"a\.b\[1\] was -inf"),
        ({"a": None, "b": float("nan")}, "b was nan"),
        ({"a": object()}, "object"),
        ({"a": 10**5000}, "4300 digits"),
        ({"a": "\ud800"}, "surrogates"),
        ({"a": msgspec.Raw(b"garbage")}, "malformed"),
        ({1: "a", "1": "b"}, "keys were not distinct strings"),
        ({"a": "x" * 70_000}, "encoded to 70008 bytes, limit is 65536"),
    ],
)
def test_what_a_reader_could_not_take_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _codec.encode_fields(fields)


def test_a_null_is_not_mistaken_for_a_nan() -> None:
    assert _codec.encode_fields({"best_bid": None}) == b'{"best_bid":null}'


def test_what_is_json_only_in_other_words_is_taken() -> None:
    fields = {"asks": ((0.5, 1.0),), "last": None, "by": {1: ("x", None)}}

    assert _codec.encode_fields(fields) == b'{"asks":[[0.5,1.0]],"last":null,"by":{"1":["x",null]}}'


def test_depth_is_limited_before_a_reader_meets_it() -> None:
    deep: dict[str, Any] = {}
    for _ in range(150):
        deep = {"a": deep}

    with pytest.raises(ValueError, match="nested deeper than 100"):
        _codec.encode_fields(deep)


def test_a_structure_without_end_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop

    with pytest.raises(ValueError, match="recursion"):
        _codec.encode_fields(loop)


def test_many_levels_of_a_book_are_not_depth() -> None:
    book = {"bids": [[0.01 * n, 1.0] for n in range(200)]}

    assert _codec.parse_fields(_codec.encode_fields(book)) == book


def test_a_key_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="not valid Unicode"):
        _codec.encode_key("\ud800")


@given(
    epoch=st.integers(0, MAX_EPOCH),
    flush_seq=st.integers(0, 2**63 - 1),
    change_seq=st.integers(0, 2**63 - 1),
    boot_s=st.floats(0, 1e9),
    wall_s=st.floats(0, 4e9),
    numbers=st.tuples(*[st.integers(0, 2**40)] * 3),
)
def test_a_head_reads_back(
    *,
    epoch: int,
    flush_seq: int,
    change_seq: int,
    boot_s: float,
    wall_s: float,
    numbers: tuple[int, int, int],
) -> None:
    written = Moment("0265ed25-af6c-4b16-9828-1c8e1e78b4c9", round(boot_s, 6), round(wall_s, 6))
    text = _codec.encode_head(
        epoch=epoch,
        flush_seq=flush_seq,
        change_seq=change_seq,
        written=written,
        layout=Layout(*numbers),
    )
    head = _codec.parse_head(text)

    assert len(text) == HEAD_BYTES
    assert text.endswith(b"\n")
    assert head is not None
    assert (head.epoch, head.flush_seq, head.change_seq) == (epoch, flush_seq, change_seq)
    assert head.written == written
    assert head.layout == Layout(*numbers)


@given(st.binary(max_size=HEAD_BYTES))
def test_garbage_is_no_head_and_no_fields(text: bytes) -> None:
    assert _codec.parse_head(text) is None
    assert _codec.parse_fields(b"\xff" + text) is None


@pytest.mark.parametrize("text", [b"", b"[1]", b"1", b'{"a":NaN}', b"[" * 100_000, b'{"a":"\xff"}'])
def test_what_is_not_an_object_gives_no_fields(text: bytes) -> None:
    assert _codec.parse_fields(text) is None


@given(FIELDS, FIELDS, FIELDS)
def test_joined_objects_have_the_members_of_all(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    parts = [
        _codec.encode_fields({f"{number}{key}": value for key, value in fields.items()})
        for number, fields in enumerate((one, two, three))
    ]

    joined = json.loads(_codec.join_fields(*parts))

    assert joined == {**json.loads(parts[0]), **json.loads(parts[1]), **json.loads(parts[2])}


@given(FIELDS)
def test_the_second_line_ends_where_lines_may_begin(feed: dict[str, Any]) -> None:
    about = _codec.encode_about(b'{"pid":1}', _codec.encode_fields(feed))

    assert len(about) % 256 == 0
    assert json.loads(b"{" + about + b"}}") == {"writer": {"pid": 1}, "feed": feed, "tokens": {}}


def test_an_entry_of_a_quote_is_plain_json() -> None:
    assert json.loads(_codec.encode_fields(QUOTE)) == QUOTE
