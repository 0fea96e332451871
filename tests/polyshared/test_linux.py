"""What the kernel offers, and that its absence is an ordinary error."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from polyshared import _linux
from polyshared._linux import DirectoryWatch, FutexMap


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words"
    path.write_bytes((5).to_bytes(8, "little") + (9).to_bytes(8, "little"))
    return path


def open_map(path: Path, length: int = 16) -> tuple[int, FutexMap]:
    fd = os.open(path, os.O_RDONLY)
    return fd, FutexMap(fd, length)


def test_a_wait_ends_with_its_time(words: Path) -> None:
    fd, futex = open_map(words)
    began = time.monotonic()
    futex.wait(8, 9, 0.05)

    assert time.monotonic() - began >= 0.05
    futex.close()
    os.close(fd)


def test_a_wait_for_a_value_that_has_passed_returns_at_once(words: Path) -> None:
    fd, futex = open_map(words)
    began = time.monotonic()
    futex.wait(8, 8, 60.0)

    assert time.monotonic() - began < 10
    futex.close()
    os.close(fd)


def test_a_wake_ends_the_wait_at_the_same_word_of_another_mapping(words: Path) -> None:
    """The file is the place to meet, whoever maps it; reading rights are enough."""
    fd, futex = open_map(words)
    other_fd, other = open_map(words)
    waiter = threading.Thread(target=futex.wait, args=(8, 9, 15.0))
    began = time.monotonic()
    waiter.start()
    while waiter.is_alive():  # until it has begun to wait nobody hears the bell
        other.waker(8)()
        waiter.join(0.001)

    assert time.monotonic() - began < 10
    for each in (futex, other):
        each.close()
        each.close()  # twice is harmless
    os.close(fd)
    os.close(other_fd)


def test_a_word_beyond_the_end_of_the_file_is_an_error_not_a_signal(words: Path) -> None:
    fd, futex = open_map(words, length=8192)
    os.truncate(words, 0)
    futex.waker(4096)()

    with pytest.raises(OSError, match="Bad address"):
        futex.wait(4096, 0, 1.0)
    futex.close()
    os.close(fd)


def test_a_file_that_cannot_be_mapped_is_an_error(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)

    with pytest.raises(OSError, match=r"[a-z]"):
        FutexMap(fd, 16)
    os.close(fd)


def test_elsewhere_each_call_says_that_it_is_not_there(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_linux, "SUPPORTED", False)

    for call in (
        lambda: FutexMap(0, 16),
        lambda: DirectoryWatch(words.parent),
        lambda: _linux.rename_exchange(words, words),
    ):
        with pytest.raises(OSError, match="not implemented") as caught:
            call()
        assert caught.value.errno == errno.ENOSYS
    assert not _linux.is_remote(words)


def test_two_files_exchange_their_names(words: Path) -> None:
    other = words.with_name("other")
    other.write_bytes(b"other")
    _linux.rename_exchange(words, other)

    assert words.read_bytes() == b"other"
    assert len(other.read_bytes()) == 16


def test_an_exchange_with_nothing_is_an_error(words: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _linux.rename_exchange(words, words.with_name("none"))


def test_a_directory_watch_names_what_was_renamed_into_it(tmp_path: Path) -> None:
    watch = DirectoryWatch(tmp_path)
    assert watch.names() == set()
    (tmp_path / "temp").write_bytes(b"")
    (tmp_path / "temp").rename(tmp_path / "ws_cache.json")

    assert watch.names() == {"temp", "ws_cache.json"}
    watch.close()


def test_a_directory_watch_says_when_its_directory_is_gone(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    watch = DirectoryWatch(directory)
    directory.rmdir()

    assert "" in watch.names()
    watch.close()


def test_a_directory_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(FileNotFoundError):
        DirectoryWatch(tmp_path / "none")
    assert len(os.listdir("/proc/self/fd")) <= before


def test_no_inotify_instance_left_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Libc:
        @staticmethod
        def inotify_init1(flags: int) -> int:
            del flags
            return -1

    monkeypatch.setattr(_linux, "_libc", Libc)

    with pytest.raises(OSError, match=r"[a-z]"):
        DirectoryWatch(tmp_path)


def test_this_directory_is_not_on_a_network(tmp_path: Path) -> None:
    assert not _linux.is_remote(tmp_path)
    with pytest.raises(FileNotFoundError):
        _linux.is_remote(tmp_path / "none")


def test_a_network_file_system_is_known_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Libc:
        @staticmethod
        def statfs(path: bytes, buffer: object) -> int:
            del path
            assert hasattr(buffer, "raw")
            buffer.raw = (0x6969).to_bytes(8, "little") + bytes(504)
            return 0

    monkeypatch.setattr(_linux, "_libc", Libc)

    assert _linux.is_remote(tmp_path)
