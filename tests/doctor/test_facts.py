"""Gathering ends in time, and what was not learnt says why."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from polyshared.doctor import host
from polyshared.doctor.facts import gather
from polyshared.doctor.graph import Known, NotLearnt, Unlearnt
from polyshared.doctor.locate import Located


@pytest.fixture
def place(tmp_path: Path) -> Located:
    return Located(tmp_path, "option")


def test_only_what_is_needed_is_gathered(place: Located) -> None:
    found = gather(place, {"host"}, timeout_s=10.0)

    assert isinstance(found.host, Known)
    assert isinstance(found.cache, Unlearnt)
    assert not found.out_of_time


def test_what_hangs_does_not_hold_up_the_rest(
    place: Located, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead network mount blocks a read for ever."""
    release = threading.Event()
    monkeypatch.setattr(host, "look", lambda _: release.wait(60))
    started = time.monotonic()

    found = gather(place, {"host", "logs"}, timeout_s=0.5)

    release.set()
    assert time.monotonic() - started < 5.0
    assert isinstance(found.logs, Known)
    assert isinstance(found.host, Unlearnt)
    assert found.host.timed_out
    assert found.out_of_time


def test_what_fails_is_unlearnt_with_its_reason(
    place: Located, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(host, "look", broken)

    found = gather(place, {"host"}, timeout_s=10.0)

    assert isinstance(found.host, Unlearnt)
    with pytest.raises(NotLearnt, match="Permission denied"):
        _ = found.host.value
    assert not found.out_of_time
