"""The files of the token source, written and read."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.copytrade import Cursor
from POLYMARKET_MAKER.token_files import (
    SellSignal,
    Topic,
    encode_signals,
    encode_state,
    encode_tokens,
    parse_signals,
    parse_state,
    parse_tokens,
)

NOW = 1_795_187_463.0
token_ids = st.integers(1, 2**256 - 1).map(str)
stamps = st.integers(1, 4_000_000_000).map(float)
accounts = st.text("0123456789abcdef", min_size=1, max_size=40).map(lambda text: f"0x{text}")
buyers = st.dictionaries(accounts, stamps, min_size=1, max_size=3)


@st.composite
def topics(draw: st.DrawFn) -> Topic:
    found = draw(buyers)
    account = max(found, key=lambda each: found[each])
    return Topic(draw(token_ids), draw(st.text()), account, found[account], draw(accounts), found)


@given(st.lists(topics(), unique_by=lambda each: each.token_id))
def test_tokens_are_read_as_they_were_written(given_topics: list[Topic]) -> None:
    found, skipped = parse_tokens(encode_tokens(given_topics, NOW))

    assert skipped == []
    assert sorted(found, key=lambda each: each.token_id) == sorted(
        given_topics, key=lambda each: each.token_id
    )


@given(st.lists(st.builds(SellSignal, token_ids, accounts, stamps, accounts)))
def test_signals_are_read_as_they_were_written(signals: list[SellSignal]) -> None:
    found, skipped = parse_signals(encode_signals(signals, NOW))

    assert skipped == []
    assert sorted(found, key=repr) == sorted(signals, key=repr)


@given(
    st.dictionaries(
        accounts, st.builds(Cursor, stamps, stamps, st.dictionaries(st.text(), stamps, max_size=5))
    )
)
def test_cursors_are_read_as_they_were_written(cursors: dict[str, Cursor]) -> None:
    assert parse_state(encode_state(cursors, NOW)) == cursors


def test_the_files_have_the_keys_of_old() -> None:
    tokens = json.loads(encode_tokens([Topic("71", "will-it", "0xa", NOW)], NOW))
    signals = json.loads(encode_signals([SellSignal("71", "s1", NOW, "0xa")], NOW))
    state = json.loads(encode_state({"0xa": Cursor(NOW, NOW)}, NOW))

    entry = {"token_id": "71", "source_account": "0xa", "last_seen": "2026-11-20T15:11:03Z"}
    assert tokens["updated_at"] == "2026-11-20T15:11:03Z"
    assert tokens["tokens"][0].items() >= entry.items()
    assert tokens["tokens"][0]["introduced_by_buy"] is True
    assert signals["sell_tokens"][0].items() >= entry.items()
    assert state["targets"]["0xa"]["last_timestamp_ms"] == 1795187463000
    assert state["targets"]["0xa"]["updated_at"] == "2026-11-20T15:11:03Z"


def test_the_newest_token_is_written_first() -> None:
    found, _ = parse_tokens(
        encode_tokens([Topic("1", last_seen_at=NOW), Topic("2", last_seen_at=NOW + 1)], NOW)
    )

    assert [each.token_id for each in found] == ["2", "1"]


def test_an_older_programs_state_goes_on_in_the_second_where_it_stopped() -> None:
    """It may have missed trades of that second, and never those before."""
    old = b'{"targets": {"0xA": {"last_timestamp_ms": 1795187463512, "updated_at": "x"}}}'

    assert parse_state(old) == {"0xa": Cursor(since=1795187463.0, at=1795187463.512)}


def with_stamp(stamp: object) -> bytes:
    return json.dumps({"tokens": [{"token_id": "1", "last_seen": stamp}]}).encode()


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-11-20T15:11:03Z",
        "2026-11-20T15:11:03",
        "2026-11-20T16:11:03+01:00",
        1795187463,
        1795187463000.0,
        "1795187463",
    ],
)
def test_stamps_are_read_in_every_form_that_was_ever_written(stamp: object) -> None:
    found, _ = parse_tokens(with_stamp(stamp))

    assert found[0].last_seen_at == NOW


@pytest.mark.parametrize("stamp", ["soon", -1, [], 1e300, 10**400, "inf", "9999-12-31T23:59:59Z"])
def test_a_stamp_that_makes_no_sense_is_said(stamp: object) -> None:
    found, skipped = parse_tokens(with_stamp(stamp))

    assert found == []
    assert skipped[0].problem.startswith("entry 0: stamp was ")


def test_a_byte_order_mark_is_no_damage() -> None:
    assert parse_tokens(b'\xef\xbb\xbf{"tokens": []}') == ([], [])


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["tokens", "sell_tokens", "targets", "token_id", "last_seen", "buyers",
                         "seen", "last_timestamp_ms", "0xa"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(junk.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
def test_whatever_stands_in_a_file_it_is_read_or_refused_as_a_value_error(data: bytes) -> None:
    for parse in (parse_tokens, parse_signals, parse_state):
        with suppress(ValueError):
            parse(data)
