"""Real processes of one design: they deliver, and whoever is missing ends the run."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.harness.errors import DidNotStartError
from benchmarks.harness.fleet import Fleet
from benchmarks.harness.schedule import Load, make_schedule
from benchmarks.peers import load_peer
from tests.support.program import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
LOAD = Load(children=2, rate=200.0, warm_s=0.1, measure_s=0.4)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because a unix socket's path is."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as path:
        yield Path(path)


def test_every_event_is_delivered_and_its_cost_is_known(folder: Path) -> None:
    events = make_schedule(LOAD, seed=1, first=1)
    with Fleet(load_peer("board"), tokens=5, children=2, parent=folder) as fleet:
        latencies, cpu = fleet.run(events, lambda: None)
        pids = fleet.pids

    assert len(latencies.scheduled_us) == sum(event.counts for event in events)
    assert min(latencies.service_us) > 0
    assert cpu.writer > 0
    assert cpu.children > 0
    assert len(pids) == 3
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert list(folder.iterdir()) == []


def test_a_process_that_does_not_start_ends_the_run(folder: Path) -> None:
    unknown = replace(load_peer("board"), name="nonesuch")

    with pytest.raises(DidNotStartError, match=r"(?s)nonesuch: a process ended with 1: .*KeyError"):
        Fleet(unknown, tokens=5, children=2, parent=folder)

    assert list(folder.iterdir()) == []


def test_a_child_that_is_killed_ends_the_run(folder: Path) -> None:
    events = make_schedule(LOAD, seed=1, first=1)
    with Fleet(load_peer("board"), tokens=5, children=2, parent=folder) as fleet:
        victim = min(fleet.follower_pids)
        os.kill(victim, signal.SIGKILL)
        eventually(
            lambda: "Z (zombie)" in Path(f"/proc/{victim}/status").read_text(),
            within_s=10,
            what="the child's end",
        )

        with pytest.raises(DidNotStartError, match="a process ended with -9"):
            fleet.run(events, lambda: None)
