"""show and watch look where doctor looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from polyshared import SnapshotWriter, cli
from polyshared.doctor import commands_stop
from polyshared.doctor import locate as locating
from polyshared.doctor.locate import Located
from tests.doctor.house import TOKENS


def running(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setattr(locating, "running_data_dirs", lambda: list(folders))


def test_show_finds_the_running_supervisors_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, tmp_path)
    with SnapshotWriter(tmp_path / "ws_cache.json") as writer:
        writer.put("a", {"price": 0.5})
        writer.flush()
        done = CliRunner().invoke(cli.app, ["show"])

    assert done.exit_code == 0
    assert "price=0.5" in done.output


@pytest.mark.parametrize("command", [["show"], ["watch"], ["watch", "a"]])
def test_of_several_supervisors_none_is_guessed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    running(monkeypatch, tmp_path / "x", tmp_path / "y")

    done = CliRunner().invoke(cli.app, command)

    assert done.exit_code == 2
    assert "2 supervisors run; name one with --data-dir" in done.output


def test_the_environment_is_asked_before_the_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, tmp_path / "x", tmp_path / "y")
    monkeypatch.setenv("POLY_DATA_DIR", str(tmp_path))

    assert cli.data_dir(None) == tmp_path


def test_pause_takes_the_last_digits_of_a_token_as_why_does(tmp_path: Path) -> None:
    tasks = {token: {"status": "running"} for token in TOKENS}
    said = {"pid": 1, "pid_started_s": 1.0, "boottime_s": 1.0, "tasks": tasks}
    (tmp_path / "autorun_status.json").write_text(json.dumps(said), encoding="utf-8")
    here = Located(tmp_path, "option")

    assert commands_stop._whole(here, TOKENS[1][-6:]) == TOKENS[1]
    assert commands_stop._whole(here, "4" * 77) == "4" * 77  # the supervisor may know it
    for neither in ("unknown", "99", ""):
        with pytest.raises(typer.Exit):
            commands_stop._whole(here, neither)
