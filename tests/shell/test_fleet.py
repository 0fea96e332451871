"""Strategy processes as they really are: started, killed, restarted, stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.demo import without_start_spacing
from POLYMARKET_MAKER.desk import PaperDesk
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.remembered import Remembered
from POLYMARKET_MAKER.settings import load_settings, parse_options
from POLYMARKET_MAKER.tasks import TaskStatus
from tests.support.program import eventually

NOWHERE = "http://127.0.0.1:9"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A fleet of paper children whose exchange never answers: they wait, and that is enough."""
    env = {
        "POLY_HOST": NOWHERE,
        "POLY_GAMMA_ROOT": NOWHERE,
        "POLY_DATA_API_ROOT": NOWHERE,
        "POLY_WS_URL": "ws://127.0.0.1:9/ws/market",
        "POLY_WS_USER_URL": "ws://127.0.0.1:9/ws/user",
        "POLY_DATA_DIR": str(tmp_path / "data"),
        "POLY_LOG_DIR": str(tmp_path / "logs"),
    }
    settings = load_settings(env=env, options=parse_options(["--paper", "--clock-scale", "20"]))
    settings = without_start_spacing(settings)
    for directory in (settings.data_dir / "children", settings.log_dir):
        os.makedirs(directory)
    memory = Remembered(
        handled_path=settings.handled_topics_path, exits_path=tmp_path / "exit_tokens.json"
    )
    made = Fleet(settings, PaperDesk(settings, {**os.environ, **env}), memory, Clock(20))
    yield made
    for child in made.children():
        child.kill()
        child.process.wait()


def running(fleet: Fleet) -> list[str]:
    return [token for token, task in fleet.tasks.items() if task.status is TaskStatus.RUNNING]


def listens(fleet: Fleet, token_id: str) -> bool:
    """Whether the child of a token has come as far as its status file."""
    return (fleet._settings.data_dir / "children" / f"{token_id}.json").exists()


def start(fleet: Fleet, token_id: str) -> int:
    fleet.offer([token_id])
    fleet.start_next(None)
    child = fleet.tasks[token_id].child
    assert child is not None
    eventually(lambda: listens(fleet, token_id), within_s=20, what="a status file")
    return child.pid


def test_one_child_is_started_a_turn_and_handled_when_it_runs(fleet: Fleet) -> None:
    fleet.offer(["1", "2"])
    assert fleet.schedule.handled == frozenset()

    fleet.start_next(None)
    assert running(fleet) == ["1"]
    fleet.start_next(None)
    assert running(fleet) == ["1", "2"]
    assert fleet.schedule.handled == {"1", "2"}


def test_a_killed_child_comes_back_after_its_wait(fleet: Fleet) -> None:
    pid = start(fleet, "1")
    os.kill(pid, signal.SIGKILL)

    def is_restarting() -> bool:
        fleet.reap()
        return fleet.tasks["1"].status is TaskStatus.RESTARTING

    eventually(is_restarting, within_s=10, what="the end noticed")
    assert fleet.tasks["1"].exit_code == -signal.SIGKILL

    def is_back() -> bool:
        fleet.start_next(None)
        return running(fleet) == ["1"]

    eventually(is_back, within_s=10, what="a new child")
    assert len(set(fleet.tasks["1"].pids)) == 2


def test_a_stopped_child_stays_stopped(fleet: Fleet) -> None:
    start(fleet, "1")
    assert fleet.stop("1")

    def is_stopped() -> bool:
        fleet.reap()
        return fleet.tasks["1"].status is TaskStatus.STOPPED

    eventually(is_stopped, within_s=20, what="the child's end")
    fleet.offer(["1"])
    fleet.start_next(None)
    assert running(fleet) == []


def test_a_child_that_refuses_its_settings_is_not_started_again(fleet: Fleet) -> None:
    """A token id that is no number ends the child with exit code 2."""
    fleet.offer(["not-a-token"])
    fleet.start_next(None)

    def is_over() -> bool:
        fleet.reap()
        return fleet.tasks["not-a-token"].status is TaskStatus.ERROR

    eventually(is_over, within_s=20, what="the refusal")
    assert fleet.tasks["not-a-token"].exit_code == 2
    fleet.offer(["not-a-token"])
    assert fleet.schedule.queue == ()


def test_a_child_that_ignores_sigterm_is_killed_in_the_end(fleet: Fleet) -> None:
    pid = start(fleet, "1")
    os.kill(pid, signal.SIGSTOP)  # it cannot act on anything now
    fleet.terminate_all()

    fleet.kill_all()

    assert list(fleet.children()) == []
    assert fleet.tasks["1"].exit_code == -signal.SIGKILL


def test_the_cache_is_named_to_a_child_only_when_it_is_given(fleet: Fleet, tmp_path: Path) -> None:
    fleet.offer(["1", "2"])
    fleet.start_next(tmp_path / "ws_cache.json")
    fleet.start_next(None)

    told = []
    for child in fleet.children():
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
        told.append(b"POLY_WS_SHARED_CACHE=" in environment)
    assert told == [True, False]
