"""The commands show what the library reads, and their exit codes say how it is."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from polyshared import SnapshotWriter, cli
from polyshared.__main__ import main
from tests.polyshared.kit import QUOTE, ROOT, TOKEN, Clock


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SnapshotWriter]:
    with SnapshotWriter(tmp_path / "ws_cache.json") as writer:
        writer.put(TOKEN, QUOTE)
        writer.put("b", {"n": 1})
        writer.set_feed({"state": "open"})
        writer.flush()
        yield writer


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(each) for each in arguments])


def test_show_prints_the_state_and_a_line_for_each_key(
    tmp_path: Path, writer: SnapshotWriter
) -> None:
    result = run("show", "--data-dir", tmp_path)
    head, *lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert re.match(rf"epoch {writer.epoch}  flush 1  written \d+\.\d s ago  ", head)
    assert head.endswith("feed open  keys 2")
    assert [line.split()[0] for line in lines] == ["7132…2563", "b"]
    assert "best_bid=0.49" in lines[0]


def test_show_finds_one_key_by_its_last_digits(tmp_path: Path, writer: SnapshotWriter) -> None:
    del writer
    result = run("show", "2563", "--json", "--data-dir", tmp_path)

    assert list(json.loads(result.stdout)["tokens"]) == [TOKEN]
    assert (
        json.loads(run("show", "b", "--json", "--data-dir", tmp_path).stdout)["tokens"]["b"]["n"]
        == 1
    )


def test_show_of_a_key_that_is_not_there_is_not_well(
    tmp_path: Path, writer: SnapshotWriter
) -> None:
    del writer
    result = run("show", "nothing", "--data-dir", tmp_path)

    assert result.exit_code == 1
    assert "has no key 'nothing'" in result.stderr


def test_nothing_there_is_exit_code_3(tmp_path: Path) -> None:
    for command in (
        ("show", "--data-dir", tmp_path),
        ("validate", tmp_path / "ws_cache.json"),
    ):
        assert run(*command).exit_code == 3


def test_garbage_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "ws_cache.json").write_bytes(b"garbage")
    for command in (
        ("show", "--data-dir", tmp_path),
        ("validate", tmp_path / "ws_cache.json"),
    ):
        result = run(*command)
        assert result.exit_code == 1
        assert "at byte 0" in result.stderr


def test_an_old_snapshot_is_shown_and_not_well(tmp_path: Path) -> None:
    clock = Clock(boot_s=0.0)
    clock.boot_id = "another boot"
    with SnapshotWriter(tmp_path / "ws_cache.json", clock=clock) as writer:
        writer.put("a", {"n": 1})
        writer.flush()
    result = run("show", "--json", "--data-dir", tmp_path)

    assert result.exit_code == 1
    assert json.loads(result.stdout)["age_s"] is None


def test_validate_says_what_it_found(writer: SnapshotWriter) -> None:
    result = run("validate", writer.path)

    assert result.exit_code == 0
    assert result.stdout == f"{writer.path}: valid, epoch {writer.epoch}, 2 keys\n"


def test_validate_names_the_field_that_deviates(writer: SnapshotWriter) -> None:
    writer.put("b", {"best_bid": 0})
    writer.flush()
    result = run("validate", writer.path)

    assert result.exit_code == 1
    assert "Expected `float` > 0.0 - at `$.tokens[...].best_bid`" in result.stderr


def test_watch_prints_a_line_for_each_change(tmp_path: Path, writer: SnapshotWriter) -> None:
    del writer
    result = run("watch", "b", "--data-dir", tmp_path, "--seconds", "1")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["b"]


def test_watch_of_nothing_says_so_once_and_is_not_well(tmp_path: Path) -> None:
    result = run("watch", "b", "--data-dir", tmp_path, "--seconds", "1")

    assert result.exit_code == 1
    assert "does not exist" in result.stdout
    assert len(result.stdout.splitlines()) == 1


def test_the_environment_names_the_data_directory(
    tmp_path: Path, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    del writer
    monkeypatch.setenv("POLY_DATA_DIR", str(tmp_path))

    assert run("show").exit_code == 0


def test_without_psutil_the_library_commands_still_work(
    tmp_path: Path, writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    del writer
    monkeypatch.setitem(sys.modules, "polyshared.doctor.options", None)
    monkeypatch.setitem(sys.modules, "polyshared.doctor.commands", None)
    monkeypatch.setenv("POLY_DATA_DIR", str(tmp_path))
    cli.add_doctor()

    assert run("show").exit_code == 0
    assert run("show", "--data-dir", tmp_path).exit_code == 0


@pytest.mark.parametrize("arguments", [["validate"], ["doctor", "--list-checks"]])
def test_the_module_has_the_commands_of_library_and_doctor(
    writer: SnapshotWriter, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    file = [str(writer.path)] if arguments == ["validate"] else []
    monkeypatch.setattr(sys, "argv", ["polyshared", *arguments, *file])
    monkeypatch.delitem(sys.modules, "polyshared.__main__")

    with pytest.raises(SystemExit) as caught:
        runpy.run_module("polyshared", run_name="__main__")
    assert caught.value.code == 0


def test_the_module_is_a_program(writer: SnapshotWriter) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "polyshared", "validate", str(writer.path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert result.stdout.startswith(f"{writer.path}: valid")
    assert result.returncode == 0


def test_the_library_installed_alone_says_what_the_command_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "polyshared.cli")

    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 3
    assert capsys.readouterr().err == (
        "polyshared: the command needs the package 'typer', the library does not; "
        "pip install 'polyshared[cli]'\n"
    )
