"""What doctor may mend by itself, and that it asks first."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from polyshared._atomic import TEMP_DIR
from polyshared.doctor.checks import CHECKS
from polyshared.doctor.control import FOLDER
from polyshared.doctor.fixes import ACTIONS, Step, carry_out, plan
from polyshared.doctor.graph import Fix, Row, Status
from tests.doctor.house import doctor

DEAD_PID = 2**22 + 1  # above the largest id that Linux gives out


def row(status: Status, action: str | None, target: str = "") -> Row:
    fix = Fix("mend it", action=action, target=target)
    return Row("a.b", "a", "t", status, "d", {}, fix, None, 0.0)


def step(data_dir: Path, action: str, target: str = "") -> Step:
    (found,) = plan([row(Status.FAIL, action, target)], data_dir)
    return found


def test_only_what_is_not_well_and_can_be_mended_is_planned(tmp_path: Path) -> None:
    rows = [row(Status.OK, "restart"), row(Status.FAIL, None), row(Status.WARN, "restart")]

    assert [each.check for each in plan(rows, tmp_path)] == ["a.b"]


def test_every_action_that_a_check_names_exists() -> None:
    """A verdict's cure is made when it is needed; here all names in the sources are held."""
    names = {
        const
        for check in CHECKS
        for const in check.judge.__code__.co_consts
        if isinstance(const, str) and const in ACTIONS
    }

    assert names == {"open_directory", "clean_temporaries", "set_log_aside", "restart"}


@pytest.fixture
def litter(tmp_path: Path) -> Path:
    folder = tmp_path / TEMP_DIR
    folder.mkdir()
    for number in range(30):
        (folder / f"ws_cache.json.{DEAD_PID}.{number:08x}.tmp").touch()
    (folder / f"ws_cache.json.{os.getpid()}.0badcafe.tmp").touch()
    return folder


def test_without_yes_nothing_is_done(tmp_path: Path, litter: Path) -> None:
    done = doctor("host", "--fix", "--data-dir", str(tmp_path))

    assert "would mend host.temporaries" in done.stderr
    assert len(list(litter.iterdir())) == 31


def test_litter_of_dead_processes_goes_and_that_of_the_living_stays(
    tmp_path: Path, litter: Path
) -> None:
    done = doctor("host.temporaries", "--fix", "--yes", "--data-dir", str(tmp_path))

    assert "mended host.temporaries: 30 temporary files" in done.stderr
    assert [path.name for path in litter.iterdir()] == [f"ws_cache.json.{os.getpid()}.0badcafe.tmp"]
    assert "warn" not in done.stdout.splitlines()[3]


def test_a_closed_directory_is_opened_for_its_owner(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    was_done, said = carry_out(step(tmp_path, "open_directory"))

    assert was_done, said
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_log_in_use_is_left_and_an_old_one_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "autorun_main_1.log"
    log.write_text("kept", encoding="utf-8")

    assert not carry_out(step(tmp_path, "set_log_aside", str(log)))[0]
    old = time.time() - 3600
    os.utime(log, (old, old))
    assert carry_out(step(tmp_path, "set_log_aside", str(log)))[0]
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("autorun_main_1.log.")
    assert aside.read_text(encoding="utf-8") == "kept"


def test_a_supervisor_that_does_not_answer_leaves_the_child_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyshared.doctor.fixes.ANSWER_S", 0.1)

    was_done, said = carry_out(step(tmp_path, "restart", "7132"))

    assert not was_done
    assert "did not answer" in said
    assert list((tmp_path / FOLDER).glob("*.json")) == []
