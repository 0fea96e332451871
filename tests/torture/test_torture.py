"""Kill, stop, starve and confuse a writer, and hold eight readers to every promise.

A short run is part of the suite. ``make torture`` is the long one; both print
their seed, and ``--torture-seed`` repeats a run.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture import faults, killing, points, stopping
from tests.torture.stage import small_disk, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # 300 s in all, on a machine of its own


Say = Callable[[str], None]


def test_readers_survive_a_writer_killed_at_random_instants(
    tmp_path: Path, seed: int, say: Say, pause_s: float, *, is_long: bool
) -> None:
    """No torn read, nothing goes back, every reader follows each new writer within 1 s."""
    outcome = killing.run(
        tmp_path / "ws_cache.json", seed=seed, restarts=200 if is_long else 8, pause_s=pause_s
    )
    say(outcome.summary)

    assert outcome.problems == []


def test_a_suspended_writer_is_stale_is_replaced_and_is_fenced_when_it_wakes(
    tmp_path: Path, seed: int, pause_s: float, *, is_long: bool
) -> None:
    for number in range(5 if is_long else 1):
        directory = tmp_path / str(number)
        directory.mkdir()

        path = directory / "ws_cache.json"
        assert stopping.run(path, seed=seed + number, pause_s=pause_s) == []


@pytest.mark.parametrize("name", faults.ON_A_DISK)
def test_readers_survive_trouble_of_the_disk(
    name: str, seed: int, say: Say, pause_s: float
) -> None:
    with small_disk("4m") as disk:
        if disk is None:
            pytest.skip("mounting a small tmpfs needs root")
        path = disk / "ws_cache.json"
        outcome = faults.run(path, *faults.ON_A_DISK[name], seed=seed, pause_s=pause_s)
    say(outcome.summary)

    assert outcome.problems == []


@pytest.mark.parametrize("name", faults.ANYWHERE)
def test_readers_survive_what_takes_the_files_place(
    name: str, tmp_path: Path, seed: int, say: Say, pause_s: float
) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "ws_cache.json"
    outcome = faults.run(path, *faults.ANYWHERE[name], seed=seed, pause_s=pause_s)
    say(outcome.summary)

    assert outcome.problems == []
    elsewhere = path.with_name("elsewhere")
    assert not elsewhere.exists() or elsewhere.read_bytes() == b"precious"


@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
@pytest.mark.parametrize("call", points.CALLS)
def test_a_writer_killed_at_each_system_call_leaves_whole_files(
    call: str, tmp_path: Path, say: Say, *, is_long: bool
) -> None:
    outcome = points.run(tmp_path, call, limit=100 if is_long else 2)
    say(f"{call}: {outcome.summary}")

    assert outcome.problems == []


def test_a_writer_killed_at_each_call_from_inside_leaves_whole_files(tmp_path: Path) -> None:
    """Files of the old or the new writer, a readable slot, and a next writer within 100 ms."""
    process = start(tmp_path, script="hooked.py")
    output, _ = process.communicate()
    lives = [json.loads(line) for line in output.splitlines()]
    wrong = [
        each
        for each in lives
        if each["file"] not in (1, 2, 3)
        or each["slot"] not in (1, 2, 3, None)
        or each["litter"]
        or each["after"] != [9, 9]
        or not each["has_grown"]
    ]
    starts = [each["started_s"] for each in lives]
    worked = [each["start_cpu_s"] for each in lives]

    assert wrong == []
    assert lives[-1]["code"] == 0
    assert {each["code"] for each in lives[:-1]} == {-9}
    assert len(lives) > 60
    assert max(worked) < 0.1
    assert statistics.median(starts) < 0.1  # not the last: other processes share the machine
