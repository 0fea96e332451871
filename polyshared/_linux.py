"""What Linux offers and the standard library does not: exchange of names, futex, inotify.

Elsewhere `SUPPORTED` is false and every call raises OSError with ENOSYS, so
callers have one way to find out.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import mmap
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path

# From the kernel's syscall tables: (renameat2, futex). The same number means
# something else elsewhere, so no other machine is guessed at. Both are
# little-endian, which the futex word relies on.
_NUMBERS = {"x86_64": (316, 202), "aarch64": (276, 98)}
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_FUTEX_WAIT, _FUTEX_WAKE = ctypes.c_int(0), ctypes.c_int(1)
_ALL = ctypes.c_uint32(0x7FFFFFFF)
_MAP_FAILED = ctypes.c_void_p(-1).value
_IN_MOVED_TO, _IN_CREATE, _IN_DELETE, _IN_DELETE_SELF = 0x80, 0x100, 0x200, 0x400
_IN_MOVE_SELF, _IN_ONLYDIR = 0x800, 0x01000000
_INOTIFY_EVENT = struct.Struct("iIII")
# From statfs(2) and linux/magic.h: NFS, SMB, CIFS, SMB2, AFS, Coda, Ceph.
_REMOTE = {0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x5346414F, 0x73757245, 0x00C36400}

_numbers = _NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
SUPPORTED = _numbers is not None
_NR_RENAMEAT2, _NR_FUTEX = _numbers or (-1, -1)
_CALL_FUTEX = ctypes.c_long(_NR_FUTEX)


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_libc = ctypes.CDLL(None, use_errno=True)
# libc["name"] makes a new function object each time, so both can have their own types.
_renameat2 = _libc["syscall"]
_renameat2.argtypes = (
    ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint,
)  # fmt: skip
# The calls of the hot path take ready-made C values and have no types of their own: to convert
# four Python numbers costs as much as the call. A wake never sleeps, so it keeps the
# interpreter's lock (PyDLL); a wait gives it up. A nap is a wait that does not say how it
# ended: to keep errno for Python costs as much again.
_futex_wait = _libc["syscall"]
_futex_nap = ctypes.CDLL(None)["syscall"]
_futex_wake = ctypes.PyDLL(None)["syscall"]
_mmap = _libc["mmap"]
_mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
)  # fmt: skip
_mmap.restype = ctypes.c_void_p
_munmap = _libc["munmap"]
_munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)


def _error(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


def require_support() -> None:
    """Raise OSError with ENOSYS where there is no futex."""
    if not SUPPORTED:
        raise _error(errno.ENOSYS)


def rename_exchange(one: str | Path, other: str | Path) -> None:
    """Let two existing files exchange their names in one step.

    Raises:
        OSError: Nothing changed. ENOSYS or EINVAL: not offered here.
    """
    require_support()
    names = os.fsencode(one), os.fsencode(other)
    if _renameat2(_NR_RENAMEAT2, _AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        raise _error(ctypes.get_errno(), os.fspath(other))


def is_remote(path: Path) -> bool:
    """Say whether *path* lies on a network file system, as far as the system tells.

    There, flock may lock nothing, and neither futex nor inotify crosses hosts.
    """
    if not SUPPORTED:
        return False
    buffer = ctypes.create_string_buffer(512)  # struct statfs: 120 bytes, f_type first
    if _libc.statfs(os.fsencode(path), buffer) != 0:
        raise _error(ctypes.get_errno(), str(path))
    return int.from_bytes(buffer.raw[:8], "little") & 0xFFFFFFFF in _REMOTE


class FutexMap:
    """A file mapped only so that its words have addresses to wait at.

    Nothing ever reads or writes memory through the mapping. So a file that
    somebody truncates is an error from the kernel (EFAULT), never a SIGBUS.

    Attributes:
        limit_s: How long a nap may take.
    """

    def __init__(self, fd: int, length: int) -> None:
        require_support()
        address = _mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
        if address is None or address == _MAP_FAILED:
            raise _error(ctypes.get_errno())
        self._address: int = address
        self._length = length
        self._limit = _TimeSpec()
        self._limit_ref = ctypes.byref(self._limit)
        self.limit_s = 0.0

    def wait(self, offset: int, expected: int, timeout_s: float) -> bool:
        """Sleep while the 32-bit word at *offset* is *expected*, until it is woken.

        Returns early now and then (a signal, a wake-up meant for others), so
        look at the value and wait again. For one thread at a time.

        Returns:
            False when the time is over.

        Raises:
            OSError: EFAULT: the file no longer reaches that far.
        """
        self.set_limit(timeout_s)
        address, word = ctypes.c_void_p(self._address + offset), ctypes.c_uint32(expected)
        if _futex_wait(_CALL_FUTEX, address, _FUTEX_WAIT, word, self._limit_ref):
            number = ctypes.get_errno()
            if number == errno.ETIMEDOUT:
                return False
            if number not in (errno.EAGAIN, errno.EINTR):
                raise _error(number)
        return True

    def set_limit(self, timeout_s: float) -> None:
        """Say how long the next naps may take."""
        self.limit_s = timeout_s
        self._limit.seconds = int(timeout_s)
        self._limit.nanoseconds = int((timeout_s - self._limit.seconds) * 1e9)

    def napper(self, offset: int, expected: ctypes.c_uint32) -> Callable[[], object]:
        """Return what waits as `wait` does, up to the limit, and does not say how that ended."""
        address = ctypes.c_void_p(self._address + offset)
        ready = _CALL_FUTEX, address, _FUTEX_WAIT, expected, self._limit_ref
        return functools.partial(_futex_nap, *ready)

    def waker(self, offset: int) -> Callable[[], object]:
        """Return what wakes all who wait at *offset*, in any process, until `close`.

        A file cut short wakes nobody.
        """
        address = ctypes.c_void_p(self._address + offset)
        return functools.partial(_futex_wake, _CALL_FUTEX, address, _FUTEX_WAKE, _ALL)

    def close(self) -> None:
        """Unmap. Nobody may be waiting; calling it twice is harmless."""
        if self._length:
            _munmap(self._address, self._length)
            self._length = 0


class DirectoryWatch:
    """Says which names of a directory were given to another file.

    Attributes:
        fd: Readable when there is something to say; not blocking.
    """

    def __init__(self, directory: Path) -> None:
        require_support()
        self.fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:  # EMFILE: a user may have 128 of these
            raise _error(ctypes.get_errno())
        mask = _IN_MOVED_TO | _IN_CREATE | _IN_DELETE | _IN_DELETE_SELF | _IN_MOVE_SELF
        name = os.fsencode(directory)
        if _libc.inotify_add_watch(self.fd, name, mask | _IN_ONLYDIR) < 0:
            error = _error(ctypes.get_errno(), str(directory))
            os.close(self.fd)
            raise error

    def names(self) -> set[str]:
        """Take the names out, without waiting. Empty text: the directory itself went away."""
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return set()
        names, start = set(), 0
        while start < len(data):
            *_, length = _INOTIFY_EVENT.unpack_from(data, start)
            start += _INOTIFY_EVENT.size
            names.add(os.fsdecode(data[start : start + length].rstrip(b"\0")))
            start += length
        return names

    def close(self) -> None:
        os.close(self.fd)
