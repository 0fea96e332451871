"""Replace a file so that a reader sees the old bytes or the new bytes, never a mix.

Three decisions stand behind the code:

* The new bytes are collected in a temporary file in ``.polyshared/`` beside the
  target. The same directory would do for the rename, but whoever watches that
  directory would be woken twice, and watchdog stalls for half a second when it
  sees the first half of a rename before the second.
* Where the kernel can, old and new file *exchange* their names, and the old one
  is then unlinked. A plain rename over an existing file makes ext4 write the
  whole file to disk, also without fsync.
* Atomic is not durable: see ``durable``.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from polyshared import _linux

TEMP_DIR = ".polyshared"
_TEMP_NAME = re.compile(r"(?P<name>.+)\.(?P<pid>[0-9]+)\.[0-9a-f]{8}\.tmp")
_TEMP_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | os.O_CLOEXEC
# The temporary directory cannot be used (another mount, another owner, not a directory):
# a temporary file beside the target may still do.
_TRY_BESIDE = {errno.EXDEV, errno.EACCES, errno.EPERM, errno.ENOTDIR}
# renameat2() is missing, or this file system has no exchange, or there is nothing to exchange.
_NO_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ENOENT, errno.ENOTSUP}


def write_atomic(path: str | os.PathLike[str], data: bytes, *, durable: bool = False) -> None:
    """Replace *path* with *data* in one step.

    Permissions follow the umask, as with ``open()``. A symbolic link is
    followed: its target is replaced, the link stays.

    Atomic is not durable. Readers never see a partial file, but after a power
    cut the file may be old or empty unless *durable* is true.

    Args:
        path: File to replace. Its directory must exist.
        data: Complete new content.
        durable: Flush file and directory to disk. Leave it off for a cache
            that is rewritten many times a second.

    Raises:
        OSError: Writing failed. *path* is unchanged and the temporary file is
            gone. One exception: with *durable*, when only the flush of the
            directory failed, the new content stands but may not outlive a
            power cut.
    """
    Replacer(path, durable=durable).replace(data)


Identity = tuple[int, int, int, int]
"""Differs between two files, and between two states of one."""
Parts = tuple[bytes | bytearray, ...]


class Replacer:
    """Replaces one file many times.

    A symbolic link is resolved once, here: a link that somebody puts in the
    place of the file later is replaced, not followed.

    Attributes:
        target: The file that is replaced.
    """

    def __init__(self, path: str | os.PathLike[str], *, durable: bool = False) -> None:
        self.target = Path(os.path.realpath(path))
        self._path = os.fspath(self.target)  # once: a flush finds cold caches
        self._durable = durable
        self._last: Identity | None = None

    def replace(self, *parts: bytes | bytearray) -> bool:
        """Do what `write_atomic` does with *parts*, one after the other; raise what it raises.

        Returns:
            Whether somebody else had changed or replaced the file since the last time.
        """
        directory, name = os.path.split(self._path)
        try:
            return self._replace_from(_temp_dir(directory), name, parts)
        except OSError as error:
            if error.errno not in _TRY_BESIDE:
                raise
            return self._replace_from(directory, name, parts)

    def _replace_from(self, directory: str, name: str, parts: Parts) -> bool:
        temp = _temp_path(directory, name)
        try:
            mine = self._write(temp, parts)
            found = self._look()
            is_regular = found is not None and stat.S_ISREG(found.st_mode)
            _swap(temp, self._path, exchange=is_regular and not self._durable)
        except BaseException:
            with suppress(OSError):
                os.unlink(temp)
            raise
        last, self._last = self._last, mine
        if self._durable:
            _fsync_directory(self.target.parent)
        # A missing file is none that somebody changed.
        return last is not None and found is not None and identity_of(found) != last

    def _write(self, temp: str, parts: Parts) -> Identity:
        fd = os.open(temp, _TEMP_FLAGS, 0o666)
        try:
            write_all(fd, *parts)
            if self._durable:
                os.fsync(fd)
            return identity_of(os.fstat(fd))
        finally:
            os.close(fd)

    def _look(self) -> os.stat_result | None:
        try:
            return os.lstat(self._path)
        except FileNotFoundError:
            return None


def identity_of(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def temp_dir(target: Path) -> Path:
    """Return the directory for temporary files of *target*, made if need be."""
    return Path(_temp_dir(os.fspath(target.parent)))


def _temp_dir(directory: str) -> str:
    path = f"{directory}/{TEMP_DIR}"
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(path, mode=0o700)
        status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return path


def temp_path(directory: Path, name: str) -> Path:
    return Path(_temp_path(os.fspath(directory), name))


def _temp_path(directory: str, name: str) -> str:
    return f"{directory}/{name}.{os.getpid()}.{os.urandom(4).hex()}.tmp"


def write_all(fd: int, *parts: bytes | bytearray) -> None:
    """Write *parts*, all of them. One call may take less: a nearly full disk takes what fits."""
    taken = os.writev(fd, parts)
    if taken < sum(map(len, parts)):
        rest = memoryview(b"".join(parts))[taken:]
        while rest:
            rest = rest[os.write(fd, rest) :]


def swap_in(temp: Path, target: Path, *, exchange: bool) -> None:
    """Put *temp* in the place of *target*; *temp* is gone afterwards.

    Raises:
        OSError: *target* is unchanged.
    """
    _swap(os.fspath(temp), os.fspath(target), exchange=exchange and _is_regular(target))


def _swap(temp: str, target: str, *, exchange: bool) -> None:
    """Do what `swap_in` does, to a *target* that is known to be regular where *exchange*."""
    if exchange:
        try:
            _linux.rename_exchange(temp, target)
        except OSError as error:
            if error.errno not in _NO_EXCHANGE:
                raise
        else:
            _drop_displaced(temp, target)
            return
    os.replace(temp, target)


def _is_regular(path: Path) -> bool:
    # Exchange would also swap a directory away, and then there is no way to drop it.
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _drop_displaced(temp: str, target: str) -> None:
    try:
        os.unlink(temp)
    except FileNotFoundError:
        pass  # a new writer's clean_temporaries() was faster
    except OSError:
        # A file system that does not unlink would keep one more file at every flush.
        # Undo, so that the caller's error is true; the plain rename needs no unlink.
        _linux.rename_exchange(temp, target)
        os.replace(temp, target)


def _fsync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def clean_temporaries(
    directory: Path, *, own: Collection[str], is_alive: Callable[[int], bool]
) -> int:
    """Remove what killed writers left of files of *directory*.

    Args:
        directory: Where the files are.
        own: Names of files that nobody else may be writing now. All their
            temporaries go. Those of other files go only when the process
            that made them is dead.
        is_alive: Says whether there is a process of that id.

    Returns:
        How many were removed. Names that are not ours stay.
    """
    removed = 0
    for place in (directory / TEMP_DIR, directory):
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                match = _TEMP_NAME.fullmatch(entry.name)
                if match and (match["name"] in own or not is_alive(int(match["pid"]))):
                    with suppress(OSError):
                        os.unlink(entry.path)
                        removed += 1
    return removed


def process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it exists, and is somebody else's
    return True
