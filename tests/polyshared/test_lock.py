"""One writer at a time, whoever dies, sleeps or deletes files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from polyshared import WriterBusy, WriterFenced
from polyshared._lock import Owner, WriterLock, new_owner, owner_path, read_owner
from tests.polyshared.kit import WRITER, Clock, line_of, program


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ws_cache.json"


def owner(epoch: int = 7) -> Owner:
    return new_owner(epoch=epoch, version="1.0.0", at=Clock()())


def test_the_second_writer_is_told_who_the_first_is(path: Path) -> None:
    with program(WRITER, path) as first:
        line_of(first)

        with pytest.raises(WriterBusy) as caught:
            WriterLock(path).acquire()

    assert caught.value.pid == first.pid
    assert caught.value.host == os.uname().nodename
    assert caught.value.started_at is not None


def test_without_an_owner_file_the_owner_is_unknown(path: Path) -> None:
    first = WriterLock(path)
    first.acquire()

    with pytest.raises(WriterBusy) as caught:
        WriterLock(path).acquire()

    assert caught.value.pid is None
    first.release()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff", b"[" * 100_000, b'{"pid":"x"}'])
def test_an_unreadable_owner_file_names_nobody(path: Path, content: bytes) -> None:
    owner_path(path).write_bytes(content)

    assert read_owner(path) is None


def test_the_owner_file_reads_back(path: Path) -> None:
    lock = WriterLock(path)
    lock.acquire()
    lock.publish(owner())

    assert read_owner(path) == owner()
    lock.release()


def test_the_lock_of_a_killed_writer_is_free_at_once(path: Path) -> None:
    with program(WRITER, path) as first:
        line_of(first)
        first.kill()
        first.wait()

        lock = WriterLock(path)
        lock.acquire()
        lock.check()
        lock.release()


def test_a_child_of_a_killed_writer_does_not_hold_the_lock(path: Path) -> None:
    """Neither a forked one nor one it started; filelock below 4 kept the lock with the fork."""
    code = """
import os, subprocess, sys
from polyshared import SnapshotWriter
writer = SnapshotWriter(sys.argv[1])
started = subprocess.Popen(["sleep", "60"], close_fds=False)
forked = os.fork()
if not forked:
    print(os.getpid(), started.pid, flush=True)
    os.read(0, 1)
    os._exit(0)
os.waitpid(forked, 0)
"""
    with program(code, path) as first:
        children = [int(word) for word in line_of(first).split()]
        first.kill()
        first.wait()
        try:
            lock = WriterLock(path)
            lock.acquire()
            lock.release()
        finally:
            for pid in children:
                os.kill(pid, signal.SIGKILL)


def test_a_lock_file_left_by_a_dead_process_is_no_obstacle(path: Path) -> None:
    path.with_name("ws_cache.json.lock").write_bytes(b"12345")

    lock = WriterLock(path)
    lock.acquire()
    lock.release()


def test_a_start_that_hangs_makes_the_next_one_busy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyshared._lock._START_TIMEOUT_S", 0.01)
    (path.parent / ".polyshared").mkdir()

    with FileLock(path.parent / ".polyshared/ws_cache.json.start"), pytest.raises(WriterBusy):
        WriterLock(path).acquire()


def test_a_lock_may_be_replaced_only_when_its_owner_is_judged_gone(path: Path) -> None:
    first, second = WriterLock(path), WriterLock(path)
    first.acquire()

    with pytest.raises(WriterBusy):
        second.acquire(may_replace=lambda: False)
    first.check()
    second.acquire(may_replace=lambda: True)
    second.check()
    with pytest.raises(WriterFenced, match="another writer has taken over"):
        first.check()
    first.release()
    second.release()


def test_replacing_fails_when_somebody_else_is_faster(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that locks the file without our start lock, say."""
    monkeypatch.setattr(WriterLock, "_try_acquire", lambda _: False)

    with pytest.raises(WriterBusy):
        WriterLock(path).acquire(may_replace=lambda: True)


def test_a_lock_whose_file_is_gone_is_neither_held_nor_lost(path: Path) -> None:
    lock = WriterLock(path)
    lock.acquire()
    path.with_name("ws_cache.json.lock").unlink()

    with pytest.raises(FileNotFoundError):
        lock.check()
    lock.reacquire(owner())
    lock.check()
    assert read_owner(path) == owner()
    lock.release()


def test_a_lock_that_was_never_lost_is_kept(path: Path) -> None:
    lock = WriterLock(path)
    lock.acquire()
    lock.reacquire(owner())

    lock.check()
    with pytest.raises(WriterBusy):
        WriterLock(path).acquire()
    lock.release()


def test_a_later_writer_in_between_fences_even_when_it_has_ended(path: Path) -> None:
    """Its readers know its epoch: ours would be older."""
    lock = WriterLock(path)
    lock.acquire()
    path.with_name("ws_cache.json.lock").unlink()
    lock.publish(owner(epoch=8))

    with pytest.raises(WriterFenced, match="was the writer since"):
        lock.reacquire(owner(epoch=7))
    lock.release()


def test_another_holder_fences_who_lost_the_file(path: Path) -> None:
    first, second = WriterLock(path), WriterLock(path)
    first.acquire()
    path.with_name("ws_cache.json.lock").unlink()
    second.acquire()

    with pytest.raises(WriterFenced):
        first.reacquire(owner())
    first.release()
    second.release()


def test_a_file_that_another_locks_in_the_last_moment_fences(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = WriterLock(path)
    lock.acquire()
    path.with_name("ws_cache.json.lock").unlink()
    monkeypatch.setattr(WriterLock, "_try_acquire", lambda _: False)

    with pytest.raises(WriterFenced):
        lock.reacquire(owner())
    lock.release()


def test_a_fork_is_not_the_writer(path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from polyshared import WriterFenced
from polyshared._lock import WriterLock
lock = WriterLock(Path(sys.argv[1]))
lock.acquire()
child = os.fork()
if not child:
    try:
        lock.check()
    except WriterFenced as error:
        print(error, flush=True)
    lock.release()
    os._exit(0)
os.waitpid(child, 0)
lock.check()
print("still the writer", flush=True)
"""
    with program(code, path) as process:
        assert "not to its fork" in line_of(process)
        assert line_of(process) == "still the writer"


def test_the_lock_is_taken_by_flock_of_that_very_file(path: Path) -> None:
    """Programs in other languages can take part."""
    lock = WriterLock(path)
    lock.acquire()
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    result = subprocess.run(
        [sys.executable, "-c", code, f"{path}.lock"], check=False, capture_output=True
    )

    assert b"BlockingIOError" in result.stderr
    lock.release()
