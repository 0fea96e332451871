"""Which data directory is meant, which program, and where it logs."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from polyshared.doctor import locate as locating
from polyshared.doctor.locate import (
    Located,
    SeveralSupervisors,
    locate,
    log_folder,
    program_of,
    running_data_dirs,
)
from polyshared.doctor.statusfiles import Supervisor
from tests.doctor.house import ROOT, House


def supervisor(**said: object) -> Supervisor:
    must = {"pid": 1, "pid_started_s": 1.0, "boottime_s": 1.0}
    return msgspec.convert({**must, **said}, Supervisor)


def test_the_option_wins_over_the_environment() -> None:
    assert locate(Path("a"), {"POLY_DATA_DIR": "b"}) == Located(Path("a"), "option")
    assert locate(None, {"POLY_DATA_DIR": "b"}) == Located(Path("b"), "environment")


def running(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(locating, "running_data_dirs", lambda: [Path(name) for name in names])


def test_one_running_supervisor_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "/x/data")

    assert locate(None, {}) == Located(Path("/x/data"), "supervisor")


def test_where_none_runs_it_is_the_folder_data(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch)

    assert locate(None, {}) == Located(Path("data"), "default")


def test_several_supervisors_are_named_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "/x/data", "/y/data")

    with pytest.raises(SeveralSupervisors, match=r"2 supervisors run; .*/x/data, /y/data"):
        locate(None, {})


def test_a_running_supervisor_is_found_by_the_lock_that_it_holds(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        found = running_data_dirs()

    assert house.data_dir in found
    assert house.data_dir not in running_data_dirs()


def test_the_supervisors_own_program_is_asked(tmp_path: Path) -> None:
    (tmp_path / "POLYMARKET_MAKER").mkdir()
    status = supervisor(root=str(tmp_path), interpreter=".venv/bin/python")

    program = program_of(status, tmp_path / "data")

    assert program is not None
    assert program.root == tmp_path
    assert program.interpreter == str(tmp_path / ".venv/bin/python")


def test_a_program_that_was_moved_away_is_looked_for_here(tmp_path: Path) -> None:
    status = supervisor(root=str(tmp_path / "gone"), interpreter=sys.executable)

    program = program_of(status, tmp_path / "data")

    assert program is not None
    assert program.root == ROOT


@pytest.mark.parametrize(
    ("data", "logs"), [("data", "logs"), ("data/demo", "logs/demo"), ("data/other", "data/logs")]
)
def test_the_logs_lie_beside_the_data(tmp_path: Path, data: str, logs: str) -> None:
    assert log_folder(tmp_path / data, None) == tmp_path / logs


def test_the_supervisor_knows_best_where_it_logs(tmp_path: Path) -> None:
    assert log_folder(Path("data"), supervisor(log_dir=str(tmp_path))) == tmp_path
