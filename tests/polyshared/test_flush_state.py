"""When a flush is due, and how failure is told."""

from __future__ import annotations

from polyshared._flush_state import FlushState

FULL = OSError(28, "No space left on device")


def new_state() -> FlushState:
    return FlushState(min_interval_s=0.5, heartbeat_s=1.0)


def flush(state: FlushState, boot_s: float, error: OSError | None = None) -> bool:
    state.begin(boot_s)
    state.take()
    return state.end(error, wall_s=boot_s + 1e9)


def test_the_first_flush_is_due_at_once() -> None:
    assert new_state().due_in_s(100.0) < 0


def test_a_change_is_due_after_the_interval_and_a_sign_of_life_after_the_heartbeat() -> None:
    state = new_state()
    flush(state, 100.0)
    idle = state.due_in_s(100.25)
    state.is_dirty = True

    assert idle == 0.75
    assert state.due_in_s(100.25) == 0.25


def test_a_disk_that_is_full_is_asked_once_a_heartbeat_however_much_changes() -> None:
    state = new_state()
    flush(state, 100.0, FULL)

    assert state.is_dirty
    assert state.due_in_s(100.25) == 0.75


def test_only_the_first_failure_and_the_recovery_are_changes() -> None:
    state = new_state()
    changes = [flush(state, 100.0 + n, error) for n, error in enumerate([None, FULL, FULL, None])]

    assert changes == [False, True, False, True]
    assert state.failures == 2
    assert state.last_error is FULL
    assert state.failing_since is None


def test_a_failure_is_dated_from_its_beginning_and_its_files_do_not_count() -> None:
    state = new_state()
    for boot_s, error in ((100.0, None), (101.0, FULL), (102.0, FULL)):
        flush(state, boot_s, error)

    assert state.failing_since == 101.0 + 1e9
    assert (state.tried, state.written) == (3, 1)
