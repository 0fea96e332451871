"""KILL and PAUSE.json: brakes that hold across restarts and fail closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from POLYMARKET_MAKER.brakes import Brakes


def test_nothing_is_held_without_the_files(tmp_path: Path) -> None:
    brakes = Brakes(tmp_path)

    assert not brakes.is_killed()
    assert not brakes.is_paused("1")


def test_a_pause_of_one_token_leaves_the_others(tmp_path: Path) -> None:
    Brakes(tmp_path).pause("1", "test")

    later = Brakes(tmp_path)  # another process, or the same one after a restart
    assert later.is_paused("1")
    assert not later.is_paused("2")


def test_a_pause_of_everything_holds_every_token_until_everything_is_resumed(
    tmp_path: Path,
) -> None:
    brakes = Brakes(tmp_path)
    brakes.pause(None, "test")
    brakes.resume("1", "test")
    assert brakes.is_paused("1")

    brakes.resume(None, "test")
    assert not brakes.is_paused("1")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"tokens": "1"}', b"[]"])
def test_an_unreadable_pause_holds_everything(tmp_path: Path, content: bytes) -> None:
    """Somebody wanted something paused; which token is not known."""
    (tmp_path / "PAUSE.json").write_bytes(content)

    assert Brakes(tmp_path).is_paused("1")


def test_an_empty_kill_file_kills(tmp_path: Path) -> None:
    """`touch data/KILL` is enough."""
    (tmp_path / "KILL").touch()

    assert Brakes(tmp_path).is_killed()


def test_resuming_everything_takes_a_kill_back(tmp_path: Path) -> None:
    brakes = Brakes(tmp_path)
    brakes.kill("test")
    assert brakes.is_killed()

    brakes.resume(None, "test")
    assert not brakes.is_killed()
