"""Strategy processes as they really are: started, killed, restarted, stopped."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from POLYMARKET_MAKER import children, pulse, tasks
from POLYMARKET_MAKER.adopted import StatusPulse
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.lanes import Lane
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.launch import exit_signal_path
from POLYMARKET_MAKER.orphans import Orphans
from POLYMARKET_MAKER.tasks import TaskStatus
from tests.support.hand_clock import HandClock
from tests.support.program import eventually
from tests.support.waiting_fleet import SCALE, start, waiting_fleet

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A fleet of paper children whose exchange never answers: they wait, and that is enough."""
    with waiting_fleet(tmp_path) as made:
        yield made


def running(fleet: Fleet) -> list[str]:
    return [token for token, task in fleet.tasks.items() if task.status is TaskStatus.RUNNING]


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

    eventually(is_restarting, within_s=60, what="the end noticed")
    assert fleet.tasks["1"].exit_code == -signal.SIGKILL

    def is_back() -> bool:
        fleet.start_next(None)
        return running(fleet) == ["1"]

    eventually(is_back, within_s=60, what="a new child")
    assert len(set(fleet.tasks["1"].pids)) == 2


def test_a_directory_that_somebody_removed_is_made_again_for_the_next_child(fleet: Fleet) -> None:
    settings = fleet._settings
    shutil.rmtree(settings.log_dir)
    shutil.rmtree(settings.data_dir)

    pid = start(fleet, "1")

    assert running(fleet) == ["1"]
    assert (settings.log_dir / "autorun_1.log").exists()
    assert fleet.tasks["1"].pids[-1] == pid


def test_a_stopped_child_stays_stopped(fleet: Fleet) -> None:
    start(fleet, "1")
    assert fleet.stop("1")

    def is_stopped() -> bool:
        fleet.reap()
        return fleet.tasks["1"].status is TaskStatus.STOPPED

    eventually(is_stopped, within_s=60, what="the child's end")
    fleet.offer(["1"])
    fleet.start_next(None)
    assert running(fleet) == []


def test_a_child_that_refuses_its_settings_is_not_started_again_before_they_change(
    fleet: Fleet,
) -> None:
    """A token id that is no number ends the child with exit code 2."""
    fleet.offer(["not-a-token"])
    fleet.start_next(None)

    def is_over() -> bool:
        fleet.reap()
        return fleet.tasks["not-a-token"].status is TaskStatus.ERROR

    eventually(is_over, within_s=60, what="the refusal")
    assert fleet.tasks["not-a-token"].exit_code == 2
    fleet.offer(["not-a-token"])
    assert not fleet.schedule.queue

    fleet.take_settings(fleet._settings)
    fleet.offer(["not-a-token"])
    assert fleet.schedule.wants_quotes == ("not-a-token",)


def ended_with(fleet: Fleet, code: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a child that ends at once with *code*, and have its end noticed."""
    script = folder / "child.py"
    script.write_text(f"raise SystemExit({code})")
    monkeypatch.setattr(children, "SCRIPT", script)
    fleet.offer(["1"])
    fleet.start_next(None)

    def is_reaped() -> bool:
        fleet.reap()
        return fleet.tasks["1"].child is None

    eventually(is_reaped, within_s=30, what="its end")


@pytest.mark.parametrize("code", [5, 75])
def test_a_child_that_the_exchange_left_alone_too_long_comes_back(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """It could not prove that nothing is open (5), or had no source (75): no fault of the token."""
    ended_with(fleet, code, tmp_path, monkeypatch)

    assert [each.token_id for each in fleet.schedule.queue] == ["1"]
    assert fleet.tasks["1"].status is TaskStatus.RESTARTING
    assert fleet._memory.finished == {}


def test_a_child_whose_market_is_closed_does_not(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_with(fleet, 10, tmp_path, monkeypatch)

    assert fleet.schedule.queue == ()
    assert fleet.tasks["1"].status is TaskStatus.ENDED
    assert fleet._memory.finished == {"1": "MARKET_CLOSED"}


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


def test_a_hung_child_is_asked_killed_and_replaced(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = start(fleet, "1")
    monkeypatch.setattr(pulse, "START_S", 3.0)
    monkeypatch.setattr(children, "DUMP_S", 0.1)
    settings = fleet._settings
    impatient = replace(settings.scheduler, process_graceful_timeout_sec=0.5)
    fleet.take_settings(replace(settings, scheduler=impatient))
    os.kill(pid, signal.SIGSTOP)

    def is_replaced() -> bool:
        fleet.end_hung()
        fleet.reap()
        fleet.start_next(None)
        child = fleet.tasks["1"].child
        return child is not None and child.pid != pid

    eventually(is_replaced, within_s=30, what="another child")
    assert fleet.tasks["1"].exit_code == -signal.SIGKILL


def has_beaten(of_child: pulse.Pulse | StatusPulse, now_mono: float) -> bool:
    """Whether it was heard since it was last asked; *now_mono* is any later time."""
    return of_child.silent_s(now_mono) == 0


def test_a_child_that_waits_for_the_exchange_goes_on_beating(fleet: Fleet) -> None:
    start(fleet, "1")
    child = fleet.tasks["1"].child
    assert child is not None
    pulse_of_child = child.pulse
    for later in (1e6, 2e6, 3e6):
        eventually(partial(has_beaten, pulse_of_child, later), within_s=60, what="a beat")


def test_a_child_that_is_to_start_anew_does_at_once(fleet: Fleet) -> None:
    pid = start(fleet, "1")
    assert not fleet.start_anew("2")
    assert fleet.start_anew("1")

    def is_back() -> bool:
        fleet.reap()
        fleet.start_next(None)
        child = fleet.tasks["1"].child
        return child is not None and child.pid != pid

    eventually(is_back, within_s=60, what="another child")
    assert fleet.tasks["1"].exit_code == 0


def test_a_rotated_child_goes_to_the_tail_and_is_no_error(fleet: Fleet) -> None:
    start(fleet, "1")
    fleet.offer(["2"])
    fleet.rotate("1", idle_s=60)

    def is_out() -> bool:
        fleet.reap()
        return fleet.tasks["1"].child is None

    eventually(is_out, within_s=60, what="its end")
    assert [each.token_id for each in fleet.schedule.queue] == ["2", "1"]
    assert fleet.tasks["1"].status is TaskStatus.PENDING


def test_of_tokens_that_are_over_only_the_newest_are_told_of(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come and go for weeks, and the status file is written every second."""
    monkeypatch.setattr(tasks, "OVER_KEPT", 2)
    fleet.offer(["waits"])
    fleet.offer([str(number) for number in range(5)])
    for number in range(4):
        fleet.forget(str(number))
        fleet.tasks[str(number)].status = TaskStatus.EXITED
    fleet.reap()

    assert list(fleet.tasks) == ["waits", "2", "3", "4"]


def test_a_token_that_is_not_wanted_any_more_has_no_child_and_may_come_back(fleet: Fleet) -> None:
    start(fleet, "1")
    fleet.offer(["1", "2"])
    fleet.leave("1")
    fleet.leave("2")
    fleet.leave("3")  # nobody ever heard of it

    def is_out() -> bool:
        fleet.reap()
        return fleet.tasks["1"].child is None

    eventually(is_out, within_s=60, what="its end")
    assert fleet.schedule.wants_quotes == ()
    assert {task.status for task in fleet.tasks.values()} == {TaskStatus.STOPPED}
    assert fleet._memory.finished == {}, "it is no stop for good"
    fleet.offer(["1"])
    assert "1" in fleet.schedule.wants_quotes


def test_a_stop_outlives_the_supervisor_until_it_is_taken_back(fleet: Fleet) -> None:
    fleet.offer(["1"])
    fleet.stop("1")
    assert fleet._memory.finished == {"1": "USER_STOPPED"}
    second = Fleet(fleet._settings, fleet._desk, fleet._memory, Clock())
    assert second.tasks["1"].status is TaskStatus.STOPPED, "or nobody could take it back"

    fleet.allow("1")
    assert fleet._memory.finished == {}
    fleet.offer(["1"])
    assert [each.token_id for each in fleet.schedule.queue] == ["1"]


def test_an_exit_signal_of_an_earlier_life_does_not_end_a_child_that_shall_trade(
    fleet: Fleet,
) -> None:
    left = exit_signal_path(fleet._settings.data_dir, "1")
    left.touch()
    fleet.offer(["1"])
    fleet.start_next(None)

    assert not left.exists()


@pytest.mark.parametrize("is_exit_only", [False, True])
def test_an_adopted_child_takes_a_slot_of_its_own_kind(
    tmp_path: Path, *, is_exit_only: bool
) -> None:
    """One that only sells must not keep a token from being traded."""
    with waiting_fleet(tmp_path, scheduler={"on_supervisor_loss": "continue"}) as first:
        if is_exit_only:
            first.sell("1")
        pid = start(first, "1")
        settings, memory = first._settings, first._memory
        orphans = Orphans(settings.data_dir, Clock(), grace_s=5, adopts=True)
        second = Fleet(settings, first._desk, memory, Clock(), orphans)

        assert [child.pid for child in second.children()] == [pid]
        lane = Lane.EXIT if is_exit_only else Lane.TRADE
        assert second.schedule.running["1"].lane is lane
        name = "autorun_exit_1.log" if is_exit_only else "autorun_1.log"
        assert [child.log_path.name for child in second.children()] == [name]


def test_a_child_that_has_nothing_left_to_do_frees_its_slot_and_its_token_is_gone(
    fleet: Fleet,
) -> None:
    fleet.sell("1")
    start(fleet, "1")
    fleet.retire("1")
    assert fleet.schedule.free_slots(Lane.EXIT) == fleet.schedule.limits.max_exiting

    def is_gone() -> bool:
        fleet.reap()
        return fleet.tasks["1"].child is None

    eventually(is_gone, within_s=60, what="its end")
    assert fleet.schedule.wants_quotes == ()


@pytest.mark.parametrize(("apart_s", "is_kept_away"), [(4.0, True), (100.0, False)])
def test_crashes_are_counted_in_the_time_of_the_schedule(
    fleet: Fleet, apart_s: float, *, is_kept_away: bool
) -> None:
    """Five in ten minutes, which are thirty seconds here, lead to quarantine."""
    clock = HandClock(SCALE, mono=1000)
    made = Fleet(fleet._settings, fleet._desk, fleet._memory, clock)
    made.offer(["1"])
    for _ in range(5):
        made.start_next(None)
        child = made.tasks["1"].child
        assert child is not None
        child.kill()
        child.process.wait()
        made.reap()
        clock.advance(apart_s)

    assert (made.tasks["1"].status is TaskStatus.QUARANTINED) is is_kept_away
