"""The command as a user types it: standard output, exit codes, where the data is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.doctor.house import House, doctor, freeze


def test_well_is_exit_code_0_and_one_json_object(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        done = doctor("--json", "--data-dir", str(house.data_dir))

    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert said["healthy"] is True
    assert said["root_cause"] is None
    assert said["summary"]["fail"] == said["summary"]["warn"] == 0


def test_the_running_supervisor_is_found_without_being_named(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        done = doctor("--json", "agg.running", cwd=tmp_path)

    # Where another supervisor runs at the same time, both are named.
    assert done.returncode in (0, 2)
    assert str(house.data_dir) in done.stdout + done.stderr


def test_a_stopped_child_is_exit_code_1_and_the_last_line_says_the_cure(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        pid = house.child_pid()
        freeze(pid)
        done = doctor("child", "--data-dir", str(house.data_dir))

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith(f"kill -CONT {pid}")


def test_an_empty_directory_is_exit_code_3(tmp_path: Path) -> None:
    done = doctor("--json", "agg", "cache", "child", "--data-dir", str(tmp_path))

    assert done.returncode == 3, done.stdout
    assert json.loads(done.stdout)["healthy"] is False


def test_the_environment_names_the_directory(tmp_path: Path) -> None:
    done = doctor("--json", "cache", env={"POLY_DATA_DIR": str(tmp_path)})

    assert json.loads(done.stdout)["data_dir"] == str(tmp_path)


@pytest.mark.parametrize("arguments", [("no.such",), ("--no-such",), ("--timeout", "x")])
def test_wrong_usage_is_exit_code_2_with_nothing_on_standard_output(
    arguments: tuple[str, ...],
) -> None:
    done = doctor("--json", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


def test_unreadable_settings_are_exit_code_4(tmp_path: Path) -> None:
    house = House(tmp_path)
    said = {"subject": "settings", "available": True, "ok": False, "reason": "no such key"}
    house.answer(said)
    with house:
        done = doctor("--json", "config", "--data-dir", str(house.data_dir))

    assert done.returncode == 4
    assert json.loads(done.stdout)["root_cause"] == "config.load"


def test_a_program_that_does_not_answer_is_exit_code_5_within_the_time(tmp_path: Path) -> None:
    house = House(tmp_path)
    (house.root / "settings.json").write_text("hang", encoding="utf-8")
    with house:
        done = doctor("--json", "config", "--timeout", "2", "--data-dir", str(house.data_dir))

    assert done.returncode == 5
    assert "could not look" in done.stdout


def test_a_warning_fails_only_when_strict(tmp_path: Path) -> None:
    with House(tmp_path, aggregator={"unknown_types": {"new_thing": 1}}) as house:
        mild = doctor("agg.frames", "--data-dir", str(house.data_dir))
        strict = doctor("agg.frames", "--strict", "--data-dir", str(house.data_dir))

    assert (mild.returncode, strict.returncode) == (0, 1)


def test_every_check_is_listed() -> None:
    done = doctor("--list-checks")

    assert done.returncode == 0
    assert "cache.advancing" in done.stdout
