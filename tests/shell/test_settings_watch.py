"""A changed settings file is noticed once, when it has settled; being read is no change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.settings_watch import LOOK_EVERY_S, SETTLED_S, SettingsWatch
from tests.support.program import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "global_config.json"
    path.write_text("{}")
    return path


@pytest.fixture
def watch(path: Path) -> Iterator[SettingsWatch]:
    made = SettingsWatch([path, path.with_name("run_params.json")])
    yield made
    made.close()


class Turns:
    """A loop whose turns take no time."""

    def __init__(self, watch: SettingsWatch) -> None:
        self.mono = 100.0
        self.found = 0
        self._watch = watch
        self.take(2 * LOOK_EVERY_S)

    def take(self, seconds: float) -> int:
        """Return how many changes were told in so many seconds."""
        before = self.found
        ends = self.mono + seconds
        while self.mono < ends:
            self.mono += 0.2
            self.found += self._watch.has_changed(self.mono)
        return self.found - before


def test_nothing_is_told_while_nothing_changes(path: Path, watch: SettingsWatch) -> None:
    turns = Turns(watch)
    path.read_text()

    assert turns.take(60) == 0


def test_a_change_is_told_once(path: Path, watch: SettingsWatch) -> None:
    turns = Turns(watch)
    path.write_text('{"tokens": []}')

    assert turns.take(LOOK_EVERY_S + 2) == 1
    assert turns.take(60) == 0


def test_a_change_wakes_before_the_next_look(path: Path, watch: SettingsWatch) -> None:
    turns = Turns(watch)
    watch.has_changed(turns.mono)
    path.write_text('{"tokens": []}')
    eventually(watch._woken.is_set, within_s=60, what="an event")

    assert turns.take(SETTLED_S + 0.8) == 1


@pytest.mark.parametrize("how", ["replaced", "removed", "appeared"])
def test_every_kind_of_change_counts(path: Path, watch: SettingsWatch, how: str) -> None:
    turns = Turns(watch)
    match how:
        case "replaced":
            other = path.with_name("new")
            other.write_text("{}")
            os.replace(other, path)
        case "removed":
            path.unlink()
        case "appeared":
            path.with_name("run_params.json").write_text("{}")

    assert turns.take(LOOK_EVERY_S + 2) == 1


def test_a_file_that_is_still_being_written_is_not_read_yet(
    path: Path, watch: SettingsWatch
) -> None:
    turns = Turns(watch)
    for length in range(1, 20):
        path.write_text("x" * length)
        assert turns.take(SETTLED_S - 0.2) == 0

    assert turns.take(LOOK_EVERY_S + 2) == 1


def test_a_file_that_became_what_it_was_is_no_change(path: Path, watch: SettingsWatch) -> None:
    """An editor that saves a copy beside it and moves on."""
    turns = Turns(watch)
    path.with_name("global_config.json.swp").write_text("{}")

    assert turns.take(LOOK_EVERY_S + 2) == 0
