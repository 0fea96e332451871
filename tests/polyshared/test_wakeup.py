"""A descriptor for a loop that waits for more than one thing."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from polyshared import SnapshotReader, SnapshotWriter
from polyshared._wakeup import Wakeup


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SnapshotWriter]:
    with SnapshotWriter(tmp_path / "x.json") as writer:
        writer.put("a", {"n": 1})
        writer.flush()
        yield writer


@pytest.fixture
def wakeup(writer: SnapshotWriter) -> Iterator[Wakeup]:
    with SnapshotReader(writer.path) as reader, reader.wakeup("a") as wakeup:
        yield wakeup


def is_readable(wakeup: Wakeup, timeout_s: float) -> bool:
    return bool(select.select([wakeup], [], [], timeout_s)[0])


def test_it_is_readable_at_first_and_after_each_change(
    wakeup: Wakeup, writer: SnapshotWriter
) -> None:
    first = is_readable(wakeup, 15)
    wakeup.clear()
    between = is_readable(wakeup, 0)
    writer.put("a", {"n": 2})

    assert (first, between) == (True, False)
    assert is_readable(wakeup, 15)


def test_the_end_of_the_key_is_a_change_too(wakeup: Wakeup, writer: SnapshotWriter) -> None:
    is_readable(wakeup, 15)
    wakeup.clear()
    writer.delete("a")

    assert is_readable(wakeup, 15)


def test_wake_ups_that_nobody_takes_do_not_pile_up(wakeup: Wakeup) -> None:
    is_readable(wakeup, 15)
    for _ in range(70_000):
        wakeup._ring()
    wakeup.clear()

    assert not is_readable(wakeup, 0)


def test_clearing_nothing_is_harmless(wakeup: Wakeup) -> None:
    is_readable(wakeup, 15)
    wakeup.clear()
    wakeup.clear()


def test_closing_ends_the_thread_and_all_descriptors(writer: SnapshotWriter) -> None:
    """Threads and descriptors of earlier tests may be ending at this moment, too."""
    before = set(os.listdir("/proc/self/fd"))
    threads = set(threading.enumerate())
    wakeup = SnapshotReader(writer.path).wakeup("a")
    (thread,) = set(threading.enumerate()) - threads
    is_readable(wakeup, 15)
    wakeup.close()
    wakeup.close()
    writer.put("a", {"n": 2})
    thread.join(15)

    assert not thread.is_alive()
    assert set(os.listdir("/proc/self/fd")) <= before


def test_a_wake_up_after_the_reader_closed_ends_the_thread_quietly(wakeup: Wakeup) -> None:
    is_readable(wakeup, 15)
    os.close(wakeup._read_fd)
    wakeup._ring()

    assert wakeup._is_closed
