"""The child's own status file: whole, alive, and honest about what stops it."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import StageName
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.processes import started_s
from POLYMARKET_MAKER.stages import StageState
from tests.support.program import read_json
from tests.support.trading import TOKEN, holding, resting


def status_at(tmp_path: Path) -> ChildStatus:
    return ChildStatus(tmp_path / "child.json", TOKEN, "demo", Clock())


def test_the_file_names_its_process_beyond_its_pid(tmp_path: Path) -> None:
    status = status_at(tmp_path)
    status.write_if_due()

    written = read_json(tmp_path / "child.json")
    assert written["pid"] == os.getpid()
    assert written["pid_started_s"] == started_s()
    assert written["state"] == "starting"
    assert set(written["stages"]) == {stage.value for stage in StageName}


def test_a_change_is_written_at_once_and_sameness_is_not(tmp_path: Path) -> None:
    status = status_at(tmp_path)
    status.write_if_due()
    (tmp_path / "child.json").unlink()

    status.write_if_due()
    assert not (tmp_path / "child.json").exists(), "nothing changed within the second"

    status.mark(StageName.SIGNAL, StageState.WAIT, "no_drop")
    status.write_if_due()
    assert read_json(tmp_path / "child.json")["stages"]["signal"]["reason"] == "no_drop"


def test_a_stage_keeps_since_when_it_is_so(tmp_path: Path) -> None:
    status = status_at(tmp_path)
    status.mark(StageName.RISK, StageState.BLOCKED, "cap_total")
    first = status.as_dict()["stages"]["risk"]["since"]
    status.mark(StageName.RISK, StageState.BLOCKED, "cap_total")

    assert status.as_dict()["stages"]["risk"]["since"] == first


def test_numbers_that_reach_an_order_stay_exact(tmp_path: Path) -> None:
    status = status_at(tmp_path)
    status.position = holding("10", "0.48")
    order = resting("0x1", Side.SELL, "0.50", "10", matched="4")
    status.open_orders = (order,)
    status.write_if_due()

    written = read_json(tmp_path / "child.json")
    assert Decimal(written["position"]["entry_price"]) == Decimal("0.48")
    assert written["open_orders"][0]["size_matched"] == "4"


def test_an_end_says_its_exit_code(tmp_path: Path) -> None:
    status = status_at(tmp_path)
    status.enter("ended", 10)
    status.write_if_due()

    written = read_json(tmp_path / "child.json")
    assert (written["state"], written["exit_code"]) == ("ended", 10)
