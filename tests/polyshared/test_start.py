"""Silence of the owner is measured by its latest sign of life, wherever that stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from polyshared import SnapshotWriter
from polyshared._lock import owner_path
from polyshared._start import silence_s
from tests.polyshared.kit import Clock


@pytest.mark.parametrize("sign", ["owner", "file", "board"])
def test_any_one_sign_is_enough(tmp_path: Path, sign: str) -> None:
    clock = Clock()
    path = tmp_path / "x.json"
    with SnapshotWriter(path, clock=clock) as writer:
        writer.flush()
    signs = {"owner": owner_path(path), "file": path, "board": path.with_suffix(".board")}
    for name, each in signs.items():
        if name != sign:
            each.unlink()
    clock.pass_s(4)

    assert silence_s(path, clock()) == pytest.approx(4)


def test_the_latest_sign_counts(tmp_path: Path) -> None:
    clock = Clock()
    with SnapshotWriter(tmp_path / "x.json", clock=clock) as writer:
        writer.flush()
        clock.pass_s(100)
        writer.put("a", {})

        assert silence_s(writer.path, clock()) == pytest.approx(0)


def test_no_sign_at_all_is_no_silence(tmp_path: Path) -> None:
    """A place whose files were all deleted may have an owner that just started."""
    assert silence_s(tmp_path / "x.json", Clock()()) == 0


def test_garbage_is_no_sign(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"garbage")
    owner_path(path).write_bytes(b"garbage")
    os.mkfifo(path.with_suffix(".board"))

    assert silence_s(path, Clock()()) == 0
