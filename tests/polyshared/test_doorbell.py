"""The file's replacement is noticed, by inotify or by looking."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from polyshared import _linux, write_atomic
from polyshared._doorbell import Doorbell


@pytest.fixture(params=["inotify", "looking"])
def bell(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Doorbell:
    if request.param == "looking":
        monkeypatch.setattr(_linux, "SUPPORTED", False)
    (tmp_path / "data").mkdir()
    write_atomic(tmp_path / "data" / "x.json", b"1")
    bell = Doorbell(tmp_path / "data" / "x.json", 0.005)
    bell.wait(0)  # takes in what there is
    assert bell.is_polling is (request.param == "looking")
    return bell


def seconds_of(bell: Doorbell, timeout_s: float) -> float:
    began = time.monotonic()
    bell.wait(timeout_s)
    return time.monotonic() - began


def test_a_replaced_file_rings(bell: Doorbell, tmp_path: Path) -> None:
    timer = threading.Timer(0.05, write_atomic, [tmp_path / "data" / "x.json", b"2"])
    timer.start()

    assert seconds_of(bell, 15) < 10
    timer.join()
    bell.close()


def test_a_file_replaced_before_the_wait_rings_at_once(bell: Doorbell, tmp_path: Path) -> None:
    write_atomic(tmp_path / "data" / "x.json", b"2")

    assert seconds_of(bell, 15) < 10
    bell.close()


def test_other_files_do_not_ring(bell: Doorbell, tmp_path: Path) -> None:
    timer = threading.Timer(0.01, write_atomic, [tmp_path / "data" / "other.json", b"2"])
    timer.start()

    assert seconds_of(bell, 0.15) >= 0.15
    timer.join()
    bell.close()


def test_a_removed_file_and_its_return_ring(bell: Doorbell, tmp_path: Path) -> None:
    path = tmp_path / "data" / "x.json"
    path.unlink()
    gone = seconds_of(bell, 15)
    write_atomic(path, b"2")

    assert gone < 10
    assert seconds_of(bell, 15) < 10
    bell.close()


def test_a_directory_removed_and_made_again_is_watched_again(
    bell: Doorbell, tmp_path: Path
) -> None:
    """The emitter of watchdog would be dead, and nobody would be told."""
    directory = tmp_path / "data"
    before = bell._watch
    directory.rename(tmp_path / "old")
    bell.wait(15)
    directory.mkdir()
    bell.wait(0.01)

    assert bell.is_polling or bell._watch is not before
    timer = threading.Timer(0.05, write_atomic, [directory / "x.json", b"2"])
    timer.start()

    assert seconds_of(bell, 15) < 10
    timer.join()
    bell.close()
