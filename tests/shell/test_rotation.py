"""An idle child makes room, but only for somebody who waits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.child_reports import ChildReport, PositionSaid, StageSaid
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.rotation import Rotation
from tests.support.waiting_fleet import SCALE, start, waiting_fleet

IDLE_S = 30 * 60 / SCALE  # signal_timeout_minutes, as shipped

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with waiting_fleet(tmp_path, scheduler={"max_concurrent_tasks": 1}) as made:
        start(made, "1")
        yield made


def rotation(fleet: Fleet, folder: Path, **report: object) -> Rotation:
    """Return a rotation that sees the child of token 1 report this."""
    (folder / "children").mkdir()
    clock = Clock(SCALE)
    said = {
        "boottime_s": clock.boot(),
        "started_at": time.time() - IDLE_S - 1,
        "stages": {
            "quote": {"state": "ok", "reason": "live"},
            "warmup": {"state": "ok", "reason": "w"},
        },
        "position": {"size": "0"},
        **report,
    }
    (folder / "children" / "1.json").write_text(json.dumps(said).replace('"now"', str(time.time())))
    return Rotation(folder, fleet, clock)


def is_leaving(fleet: Fleet) -> bool:
    child = fleet.tasks["1"].child
    assert child is not None
    return child.stopping


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


def test_an_idle_child_makes_room_for_one_that_waits(fleet: Fleet, tmp_path: Path) -> None:
    fleet.offer(["2"])
    rotation(fleet, folder_of(tmp_path)).turn()

    assert is_leaving(fleet)
    assert fleet.schedule.running["1"].is_rotating


def test_a_remainder_that_no_order_can_carry_keeps_no_slot(fleet: Fleet, tmp_path: Path) -> None:
    fleet.offer(["2"])
    rotation(fleet, folder_of(tmp_path), position={"size": "0.0099"}).turn()

    assert is_leaving(fleet)


def test_nobody_waits_and_an_idle_child_stays(fleet: Fleet, tmp_path: Path) -> None:
    """Idleness as such is no error."""
    rotation(fleet, folder_of(tmp_path)).turn()

    assert not is_leaving(fleet)


@pytest.mark.parametrize(
    "report",
    [
        {"position": {"size": "3"}},
        {"position": None},
        {"open_orders": [{"order_id": "a"}]},
        {"started_at": "now"},
        {"last_order": {"at": "now"}},
        {"boottime_s": 1.0},
    ],
    ids=["holds", "unknown", "has_open", "young", "ordered", "old_report"],
)
def test_a_child_with_something_to_do_stays(
    fleet: Fleet, tmp_path: Path, report: dict[str, object]
) -> None:
    fleet.offer(["2"])
    rotation(fleet, folder_of(tmp_path), **report).turn()

    assert not is_leaving(fleet)


def stages(**states: str) -> dict[str, StageSaid]:
    return {name: StageSaid(state, "-", since=50.0) for name, state in states.items()}


@pytest.mark.parametrize(
    ("marks", "idle_s"),
    [
        (stages(quote="ok", warmup="wait"), None),  # gathers its window: that time is not its own
        (stages(quote="wait", warmup="wait"), 90.0),  # without data it will never trade
        (stages(quote="ok", warmup="ok"), 50.0),  # counts from when it could trade
    ],
)
def test_idleness_counts_from_when_a_child_could_trade(
    marks: dict[str, StageSaid], idle_s: float | None
) -> None:
    report = ChildReport(1.0, started_at=10.0, stages=marks, position=PositionSaid(Decimal(0)))

    assert report.idle_s(100.0) == idle_s
