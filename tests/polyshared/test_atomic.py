"""write_atomic() leaves the old file or the new file, whatever fails."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polyshared import _atomic, _linux, write_atomic
from polyshared._atomic import Replacer, clean_temporaries, process_exists
from tests.polyshared.kit import fail_with, faults, names

ERRNOS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE, errno.EDQUOT]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ws_cache.json"
    write_atomic(path, b"old")
    return path


def test_a_new_file_appears(tmp_path: Path) -> None:
    write_atomic(tmp_path / "new.json", b"content")

    assert (tmp_path / "new.json").read_bytes() == b"content"


def test_a_string_is_a_path_too(tmp_path: Path) -> None:
    write_atomic(f"{tmp_path}/new.json", b"content")

    assert (tmp_path / "new.json").read_bytes() == b"content"


def test_nothing_but_the_new_content_is_left(path: Path) -> None:
    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"
    assert names(path.parent) == {"ws_cache.json"}


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_atomic(tmp_path / "new.json", b"content")
    finally:
        os.umask(old)

    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o640


def test_a_reader_that_has_the_old_file_open_keeps_it_whole(path: Path) -> None:
    with path.open("rb") as reader:
        write_atomic(path, b"new")

        assert reader.read() == b"old"


def test_a_symbolic_link_stays_and_its_target_is_replaced(path: Path) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)

    write_atomic(link, b"new")

    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_link_put_in_the_place_of_the_file_later_is_not_followed(path: Path) -> None:
    """Else whoever may write to the directory chooses which file we overwrite."""
    replacer = Replacer(path)
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(b"precious")
    path.unlink()
    path.symlink_to(elsewhere)

    replacer.replace(b"new")

    assert elsewhere.read_bytes() == b"precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_fifo_in_the_place_of_the_file_is_replaced(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)

    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"


def test_a_directory_in_the_place_of_the_file_is_an_error_and_stays(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "precious").write_bytes(b"")

    with pytest.raises(IsADirectoryError):
        write_atomic(path, b"new")

    assert names(path.parent) == {"ws_cache.json/precious"}


def test_a_directory_in_the_place_of_the_file_is_not_moved_for_an_instant(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within that instant, we would have taken it away for good."""
    path.unlink()
    path.mkdir()
    exchanges: list[Path] = []
    monkeypatch.setattr(_linux, "rename_exchange", lambda one, _: exchanges.append(one))

    with pytest.raises(IsADirectoryError):
        write_atomic(path, b"new")
    assert exchanges == []


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "none" / "ws_cache.json", b"new")


def test_short_writes_are_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """write() takes what fits and says so by its result alone."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
    monkeypatch.setattr(os, "writev", lambda fd, parts: real(fd, b"".join(parts)[:13]))

    Replacer(path).replace(b"0123456789", bytearray(b"abcdefgh"), b"0123456789" * 10)

    assert path.read_bytes() == b"0123456789abcdefgh" + b"0123456789" * 10


def test_durable_flushes_the_file_before_the_rename_and_the_directory_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(fd: int) -> None:
        steps.append("fsync directory" if os.path.isdir(f"/proc/self/fd/{fd}") else "fsync file")
        real_fsync(fd)

    def replace(source: Path, target: Path) -> None:
        steps.append("replace")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomic(path, b"new", durable=True)

    assert steps == ["fsync file", "replace", "fsync directory"]
    assert path.read_bytes() == b"new"


def test_temporary_files_do_not_pass_through_the_watched_directory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = os.open

    def record(name: Path, flags: int, mode: int = 0o777) -> int:
        made.append(str(name))
        return real(name, flags, mode)

    monkeypatch.setattr(os, "open", record)
    write_atomic(path, b"new")

    assert [os.path.dirname(name) for name in made] == [str(path.parent / ".polyshared")]


def test_without_a_usable_temporary_directory_the_file_is_made_beside(path: Path) -> None:
    (path.parent / ".polyshared").rmdir()
    (path.parent / ".polyshared").write_bytes(b"somebody's file")

    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"
    assert names(path.parent) == {"ws_cache.json", ".polyshared"}


def test_a_link_in_the_place_of_the_temporary_directory_is_not_followed(path: Path) -> None:
    """Whoever put it there would choose where our bytes go first."""
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir(mode=0o500)
    (path.parent / ".polyshared").rmdir()
    (path.parent / ".polyshared").symlink_to(elsewhere)
    made: list[str] = []
    real = os.open

    def record(name: Path, flags: int, mode: int = 0o777) -> int:
        made.append(os.path.dirname(name))
        return real(name, flags, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", record)
        write_atomic(path, b"new")

    assert made == [str(path.parent)]
    assert path.read_bytes() == b"new"


def test_a_temporary_directory_on_another_file_system_is_gone_around(path: Path) -> None:
    with faults(5, fail_with(errno.EXDEV)) as injector:
        write_atomic(path, b"new")

    assert injector.fired == 1
    assert path.read_bytes() == b"new"
    assert names(path.parent) == {"ws_cache.json"}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL])
def test_a_kernel_without_exchange_gets_a_plain_rename(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_linux, "rename_exchange", refuse)
    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"
    assert names(path.parent) == {"ws_cache.json"}


def test_a_failed_exchange_is_a_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(_linux, "rename_exchange", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        write_atomic(path, b"new")

    assert path.read_bytes() == b"old"
    assert names(path.parent) == {"ws_cache.json"}


def test_a_displaced_file_that_another_process_removed_is_no_failure(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new writer cleans up while the old one is between exchange and unlink."""
    real = os.unlink

    def unlink_twice(name: Path) -> None:
        real(name)
        real(name)

    monkeypatch.setattr(os, "unlink", unlink_twice)
    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"


def test_a_displaced_file_that_cannot_be_removed_is_renamed_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every flush of such a file system would leave one more file."""

    def refuse(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "unlink", refuse)
    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"
    assert names(path.parent) == {"ws_cache.json"}


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("number", ERRNOS, ids=errno.errorcode.get)
def test_each_errno_at_each_call_leaves_the_old_or_the_new_file(
    tmp_path: Path, number: int, *, persistent: bool, durable: bool
) -> None:
    """SQLite's loop: the n-th call fails, n = 1, 2, … until no fault fires."""
    for at in range(1, 100):
        path = tmp_path / str(at) / "ws_cache.json"
        path.parent.mkdir()
        write_atomic(path, b"old")
        error = None
        with faults(at, fail_with(number), persistent=persistent) as injector:
            try:
                write_atomic(path, b"new", durable=durable)
            except OSError as raised:
                error = raised
        content = path.read_bytes()
        litter = names(path.parent) - {"ws_cache.json"}

        if not injector.fired:
            assert at > 5
            break
        is_last_step = durable and content == b"new"  # only the directory was not flushed
        assert content == (b"old" if error and not is_last_step else b"new"), injector.name
        # Where every call fails, so does the one that would tidy up.
        assert persistent or not litter, injector.name
        assert len(litter) <= 1
    else:
        pytest.fail("a fault fired at every call")


def clean(path: Path) -> int:
    return clean_temporaries(path.parent, own={path.name}, is_alive=process_exists)


def test_the_temporary_of_a_killed_writer_is_cleaned_and_nothing_else(path: Path) -> None:
    temp = path.parent / ".polyshared"
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, check=True)  # fmt: skip
    dead_pid = int(gone.stdout)
    ours = [
        temp / "ws_cache.json.1.0123abcd.tmp",
        path.parent / f"ws_cache.json.{dead_pid}.0123abcd.tmp",
        temp / f"other.json.{dead_pid}.0123abcd.tmp",
    ]
    foreign = [
        temp / "other.json.1.0123abcd.tmp",
        temp / "ws_cache.json.tmp",
        path.parent / "ws_cache.json.1.0123abcd.tmp.bak",
    ]
    for each in ours + foreign:
        each.write_bytes(b"")

    assert clean(path) == 3
    assert [each.exists() for each in ours] == [False, False, False]
    assert [each.exists() for each in foreign] == [True, True, True]


def test_cleaning_goes_on_after_what_cannot_be_removed(path: Path) -> None:
    temp = path.parent / ".polyshared"
    (temp / "ws_cache.json.1.0123abcd.tmp").mkdir()
    (temp / "ws_cache.json.2.0123abcd.tmp").write_bytes(b"")

    assert clean(path) == 1


def test_a_process_of_another_user_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(os, "kill", refuse)

    assert process_exists(1)


def test_the_new_file_is_another_inode(path: Path) -> None:
    """Readers that watch the inode can tell."""
    before = path.stat().st_ino
    _atomic.swap_in(_atomic_temp(path), path, exchange=True)

    assert path.stat().st_ino != before


def _atomic_temp(path: Path) -> Path:
    temp = _atomic.temp_path(_atomic.temp_dir(path), path.name)
    temp.write_bytes(b"new")
    return temp
