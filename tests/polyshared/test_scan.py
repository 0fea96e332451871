"""Duplicate keys and endless depth are found where they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyshared._scan import MAX_DEPTH, Fault, find_fault

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b'{"a":1,"a":2}', 7),
        (b'{"a":{"b":1,"c":2,"b":3}}', 18),
        (b'[{"a":1},{"a":1, "a" :2}]', 17),
        (b'{"a":"a","b":{"a":1},"b":0}', 21),
        (b'{"a\\"b":1,"a\\"b":2}', 10),
    ],
)
def test_the_second_of_two_equal_keys_is_named(text: bytes, position: int) -> None:
    fault = find_fault(text)

    assert fault is not None
    assert fault.position == position
    assert fault.detail.endswith("is there twice")


@pytest.mark.parametrize("text", [b'{"a":"a"}', b'["a","a"]', b'[{"a":1},{"a":1}]', b'{"a":[]}'])
def test_equal_strings_that_are_not_keys_of_one_object_are_fine(text: bytes) -> None:
    assert find_fault(text) is None


def test_depth_has_a_limit_and_no_recursion() -> None:
    assert find_fault(b"[" * MAX_DEPTH) is None
    assert find_fault(b"[" * 1_000_000) == Fault(f"nested deeper than {MAX_DEPTH}", MAX_DEPTH)


@given(st.binary())
def test_text_that_is_not_json_raises_nothing(text: bytes) -> None:
    find_fault(text)


@given(JSON)
def test_whatever_json_dumps_makes_has_no_fault(value: object) -> None:
    assert find_fault(json.dumps(value).encode()) is None
    assert find_fault(json.dumps(value, ensure_ascii=False, indent=1).encode()) is None


@given(st.dictionaries(st.text(), JSON, min_size=1), st.data())
def test_any_key_given_twice_is_found(value: dict[str, object], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(sorted(value)))
    text = json.dumps(value)[:-1] + f",{json.dumps(again)}:0}}"

    fault = find_fault(text.encode())

    assert fault is not None
    assert fault.position == len(json.dumps(value)[:-1]) + 1
