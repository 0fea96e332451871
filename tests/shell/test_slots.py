"""Places that processes share, freed by their owner's death."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from POLYMARKET_MAKER.slots import Slots

HOLD = (
    "import sys; from pathlib import Path; from POLYMARKET_MAKER.slots import Slots;"
    "slot = Slots(Path(sys.argv[1]), 'dial', 1).take(); print(slot is not None, flush=True);"
    "sys.stdin.read()"
)


def test_there_are_no_more_places_than_said(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "dial", 2)
    first, second, third = slots.take(), slots.take(), slots.take()

    assert first is not None
    assert second is not None
    assert third is None


def test_a_freed_place_is_taken_again(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "dial", 1)
    slot = slots.take()
    assert slot is not None
    slot.free()

    assert slots.take() is not None


def test_names_do_not_share_places(tmp_path: Path) -> None:
    assert Slots(tmp_path, "dial", 1).take() is not None
    assert Slots(tmp_path, "line", 1).take() is not None


def test_a_killed_owner_frees_its_place(tmp_path: Path, root: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=root,
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    try:
        assert owner.stdout.readline().strip() == b"True"
        assert Slots(tmp_path, "dial", 1).take() is None
    finally:
        owner.kill()
        owner.wait()
        owner.stdin.close()
        owner.stdout.close()

    assert Slots(tmp_path, "dial", 1).take() is not None
