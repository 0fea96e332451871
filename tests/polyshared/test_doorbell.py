"""The file's replacement is noticed, by inotify or by looking."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from polyshared import _doorbell, _linux, write_atomic
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


class Timeline:
    """In place of the `time` module: only sleeping passes time."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds + 1e-4  # as a real one does


def test_who_is_not_told_looks_at_the_same_instants_as_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_linux, "SUPPORTED", False)
    looks: list[list[float]] = []
    for began_s in (1000.001, 1000.013, 1000.0199):
        timeline = Timeline(began_s)
        monkeypatch.setattr(_doorbell, "time", timeline)
        looked: list[float] = []

        def look(timeline: Timeline = timeline, looked: list[float] = looked) -> bool:
            looked.append(timeline.now_s)
            return len(looked) == 3

        assert Doorbell(tmp_path / "x.json", 0.02).wait(60, look)
        looks.append(looked)

    assert looks[0] == pytest.approx([1000.02, 1000.04, 1000.06], abs=5e-4)
    assert looks[1] == looks[2] == pytest.approx(looks[0], abs=5e-4)


def test_what_the_bell_is_asked_for_takes_the_place_of_the_replacement(
    bell: Doorbell, tmp_path: Path
) -> None:
    asked = []

    def has_news() -> bool:
        asked.append(True)
        write_atomic(tmp_path / "data" / "x.json", b"2")
        return len(asked) == 3

    assert bell.wait(15, has_news)
    assert len(asked) == 3
    bell.close()


def test_one_who_looks_without_a_pause_rests_a_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_linux, "SUPPORTED", False)

    assert not Doorbell(tmp_path / "x.json", 0.0).wait(0.01, lambda: False)
