"""A bell is heard once for each time it was not listened to."""

from __future__ import annotations

from pathlib import Path

from POLYMARKET_MAKER.bell import Bell, bell_path, ring


def test_a_ring_is_heard_once(tmp_path: Path) -> None:
    bell = Bell(tmp_path / "7.bell")
    assert not bell.has_rung()

    ring(tmp_path / "7.bell")

    assert bell.has_rung()
    assert not bell.has_rung()


def test_rings_in_quick_succession_are_each_heard(tmp_path: Path) -> None:
    """The kernel's own stamps would be the same."""
    bell = Bell(tmp_path / "7.bell")
    for _ in range(200):
        ring(tmp_path / "7.bell")
        assert bell.has_rung()


def test_where_nobody_listens_a_ring_leaves_nothing(tmp_path: Path) -> None:
    ring(bell_path(tmp_path, "7"))

    assert list(tmp_path.iterdir()) == []


def test_a_bell_that_was_taken_away_is_silent(tmp_path: Path) -> None:
    bell = Bell(tmp_path / "7.bell")
    (tmp_path / "7.bell").unlink()

    assert not bell.has_rung()
