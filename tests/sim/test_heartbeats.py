"""The dead-man switch."""

from __future__ import annotations

import pytest

from POLYMARKET_MAKER.sim.heartbeats import Heartbeats
from POLYMARKET_MAKER.sim.refusals import Refused


def test_a_key_that_beats_is_not_silent() -> None:
    beats = Heartbeats()
    following = beats.beat("key", "", 0.0)
    beats.beat("key", following, 9.0)

    assert beats.silent(18.0) == []
    assert beats.silent(19.5) == ["key"]


def test_a_key_that_never_beat_is_left_alone() -> None:
    assert Heartbeats().silent(1e9) == []


def test_a_stale_id_does_not_count_as_a_beat() -> None:
    beats = Heartbeats()
    expected = beats.beat("key", "", 0.0)

    with pytest.raises(Refused) as refused:
        beats.beat("key", "", 9.0)

    assert refused.value.body == {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}
    assert beats.silent(11.0) == ["key"]


def test_a_silent_key_stays_armed() -> None:
    """There is no way to disarm it: what is posted later is swept as well."""
    beats = Heartbeats()
    beats.beat("key", "", 0.0)

    assert beats.silent(20.0) == beats.silent(30.0) == ["key"]
