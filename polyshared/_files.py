"""Open files that another process may replace by anything."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from polyshared._board import HEADER_BYTES, parse_header
from polyshared._codec import HEAD_BYTES, MAX_EPOCH, parse_head

# O_NONBLOCK: opening a FIFO would wait for its other end, for ever perhaps.
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | os.O_NONBLOCK
_EPOCH = re.compile(rb'"epoch"\s*:\s*([0-9]{1,16})\b')
_LENIENT_BYTES = 1 << 16


class NotRegularError(OSError):
    """The path leads to something that is not a file."""


def open_regular(path: str | Path) -> tuple[int, os.stat_result]:
    """Open a regular file for reading, and nothing else, and never wait.

    Returns:
        The descriptor, which the caller closes, and what the system says of the file.

    Raises:
        NotRegularError: It is a link, a directory, a FIFO or the like.
        OSError: It cannot be opened.
    """
    try:
        fd = os.open(path, READ_FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotRegularError(errno.ELOOP, "is a symbolic link", str(path)) from error
        if error.errno == errno.ENXIO:
            raise NotRegularError(errno.ENXIO, "is a socket", str(path)) from error
        raise
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise NotRegularError(errno.EINVAL, "is not a regular file", str(path))
    return fd, status


def read_up_to(path: Path, limit: int) -> bytes:
    """Return at most the first *limit* bytes of a regular file; raises as `open_regular`."""
    fd, status = open_regular(path)
    try:
        return read_at(fd, min(status.st_size, limit), 0)
    finally:
        os.close(fd)


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Return *length* bytes at *offset*, less only at the end of the file."""
    data = os.pread(fd, length, offset)
    while len(data) < length:
        more = os.pread(fd, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def find_epoch(path: Path) -> int:
    """Return the epoch that a snapshot file names, 0 if none can be found.

    Also works on half a file and on a later schema.
    """
    try:
        text = read_up_to(path, _LENIENT_BYTES)
    except OSError:
        return 0
    if (head := parse_head(text[:HEAD_BYTES])) is not None:
        return head.epoch
    match = _EPOCH.search(text)
    epoch = int(match[1]) if match else 0
    return epoch if epoch <= MAX_EPOCH else 0


def find_board_epoch(path: Path) -> int:
    """Return the epoch that a board names, 0 if none can be found."""
    try:
        geometry = parse_header(read_up_to(path, HEADER_BYTES))
    except OSError:
        return 0
    return geometry.epoch if geometry is not None else 0
