"""Faults that a house starts with, or that use it up: doctor names the cause and nothing else."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.diagnosis import Diagnosis, first_red, trading
from tests.support.failover import is_quoting
from tests.support.guard import sitecustomize as guard
from tests.support.program import Supervised, eventually
from tests.torture.stage import small_disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CRASHES = 5


def test_without_a_shared_file_all_is_well_until_a_child_crashes_again_and_again(
    tmp_path: Path,
) -> None:
    with trading(tmp_path, "--no-shared-ws") as (run, sim):
        well = Diagnosis(run.data)
        crash_until_quarantined(run, sim.tokens[0])
        crashed = Diagnosis(run.data)
        stops = first_red(run.data, sim.tokens[0])

    well.assert_only()
    assert [name for name in well.with_status("warn") if name != "logs.errors"] == []
    assert "cache.json" in well.with_status("skip")
    crashed.assert_only("child.crashes")
    assert stops[0] == "child"
    assert "in quarantine" in stops[1]
    assert f"exit code -{signal.SIGKILL.value}" in crashed.checks["child.crashes"]["detail"]


def crash_until_quarantined(run: Supervised, token: str) -> None:
    killed: set[int] = set()

    def kept_away() -> bool:
        task = run.status()["tasks"][token]
        if task["pid"] is not None and task["pid"] not in killed:
            killed.add(task["pid"])
            os.kill(task["pid"], signal.SIGKILL)
        return bool(task["status"] == "quarantined")

    eventually(kept_away, within_s=120, what="a child in quarantine")
    assert len(killed) == CRASHES


def test_a_token_that_the_exchange_never_confirms_is_the_cause(tmp_path: Path) -> None:
    with trading(tmp_path, silent=[1]) as (run, sim):
        eventually(lambda: run_for_s(run) > 35, within_s=60, what="a start that is over")
        found = Diagnosis(run.data)
        stops = first_red(run.data, sim.tokens[1])

    assert stops == ("entry", "the shared file lacks this token")
    found.assert_only("agg.subscribed")
    assert "1 of 2 tokens confirmed" in found.checks["agg.subscribed"]["detail"]
    assert found.checks["agg.subscribed"]["evidence"]["missing"] == [sim.tokens[1]]


def run_for_s(run: Supervised) -> float:
    status = run.status()
    return float(status["written_at"] - status["started_at"])


def test_children_that_were_told_of_another_file_are_the_cause(tmp_path: Path) -> None:
    """They wait for a file that nobody writes; now they trade on their own lines meanwhile."""
    with trading(tmp_path, env=telling_children_of(tmp_path / "elsewhere.json", tmp_path)) as (
        run,
        _,
    ):
        eventually(lambda: quoting(run, "direct"), within_s=60, what="two children on their own")
        found = Diagnosis(run.data)

    found.assert_only("child.env")
    assert "elsewhere.json" in found.checks["child.env"]["detail"]


def telling_children_of(cache: Path, folder: Path) -> dict[str, str]:
    """Return an environment in which whatever is started is told of *cache*."""
    interpreter = folder / "python"
    interpreter.write_text(
        "#!/bin/sh\n"
        'for each; do shift; case "$each" in --shared-ws-cache=*) ;; '
        '*) set -- "$@" "$each" ;; esac; done\n'
        f'POLY_WS_SHARED_CACHE="{cache}" exec "{sys.executable}" "$@"\n',
        "utf-8",
    )
    interpreter.chmod(0o755)
    custom = folder / "custom"
    custom.mkdir()
    (custom / "sitecustomize.py").write_text(
        f"import runpy, sys\n"
        f"runpy.run_path({guard.__file__!r}, run_name='sitecustomize')\n"
        f"sys.executable = {str(interpreter)!r}\n",
        "utf-8",
    )
    return {"PYTHONPATH": str(custom)}


def quoting(run: Supervised, source: str) -> bool:
    children = run.children().values()
    return len(children) == 2 and all(is_quoting(each, source) for each in children)


def test_a_full_disk_is_the_cause(tmp_path: Path) -> None:
    with small_disk("6m") as disk:
        if disk is None:
            pytest.skip("mounting a small tmpfs needs root")
        data = disk / "data"
        data.mkdir()
        with trading(tmp_path, tokens=1, env={"POLY_DATA_DIR": str(data)}) as (run, _):
            fill(disk / "filler")
            eventually(lambda: status_age_s(run) > 11, within_s=30, what="a status that is old")
            found = Diagnosis(run.data)

    found.assert_only("host.disk")


def status_age_s(run: Supervised) -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) - float(run.status()["boottime_s"])


def fill(filler: Path) -> None:
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 14))
