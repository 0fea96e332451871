"""The trading program is broken, half installed, or hangs: doctor runs, and names that."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.diagnosis import Diagnosis
from tests.support.program import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of program and doctor, as somebody makes it by hand."""
    folder = tmp_path / "elsewhere"
    for name in ("POLYMARKET_MAKER", "polyshared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.egg-info"))
    return folder


def config_of(copy: Path) -> Path:
    return copy / "POLYMARKET_MAKER" / "config" / "global_config.json"


def look(copy: Path, *names: str, timeout_s: float = 60.0) -> Diagnosis:
    """Examine the copy, from inside it."""
    return Diagnosis(copy / "data", *names, cwd=copy, timeout_s=timeout_s)


def test_a_copy_that_does_not_run_has_no_fault_and_nothing_to_look_at(copy: Path) -> None:
    found = look(copy)

    assert found.with_status("fail", "warn") == {}
    assert found.exit_code == 3
    assert str(copy) in str(found.checks["env.python"]["evidence"]["root"])


def test_a_key_that_is_misspelt_is_exit_code_4(copy: Path) -> None:
    path = config_of(copy)
    settings = json.loads(path.read_text("utf-8"))
    settings["scheduler"]["max_concurent_tasks"] = 3
    path.write_text(json.dumps(settings), "utf-8")

    found = look(copy)

    assert found.exit_code == 4
    assert list(found.with_status("fail")) == ["config.load"]
    assert found.root_cause == "config.load"
    assert "did you mean 'max_concurrent_tasks'?" in found.checks["config.load"]["detail"]


def test_settings_that_cannot_be_read_in_time_are_exit_code_5(copy: Path) -> None:
    """A pipe without a writer blocks for ever, as a dead network mount does."""
    config_of(copy).unlink()
    os.mkfifo(config_of(copy))

    found = look(copy, "config", timeout_s=20.0)

    assert found.exit_code == 5
    assert "config.load" in found.with_status("fail")
    assert "no answer" in found.checks["config.load"]["detail"]


def test_a_module_that_was_not_copied_is_the_cause(copy: Path) -> None:
    (copy / "POLYMARKET_MAKER" / "aggregator.py").unlink()

    found = look(copy)

    found.assert_only("agg.import")
    assert "POLYMARKET_MAKER.aggregator" in found.checks["agg.import"]["detail"]


def test_a_program_that_cannot_be_read_at_all_is_the_cause(copy: Path) -> None:
    (copy / "POLYMARKET_MAKER" / "__init__.py").write_text("<<<<<<< HEAD\n", "utf-8")

    found = look(copy)

    found.assert_only("env.python")
    assert "SyntaxError" in found.checks["env.python"]["detail"]


def test_without_the_program_there_is_still_a_doctor(copy: Path) -> None:
    """Only the library is there, as pip installs it."""
    shutil.rmtree(copy / "POLYMARKET_MAKER")

    found = look(copy)

    assert found.with_status("fail", "warn") == {}
    assert found.exit_code == 3
