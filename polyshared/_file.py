"""The JSON file as a reader finds it: the whole, or one line of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from polyshared._atomic import Identity, identity_of
from polyshared._clock import Moment
from polyshared._codec import HEAD_BYTES, Head, encode_key, parse_fields, parse_head
from polyshared._document import parse_snapshot
from polyshared._errors import SnapshotCorrupt, SnapshotMissing
from polyshared._files import NotRegularError, open_regular, read_at
from polyshared._snapshot import Entry, Snapshot, make_entry


class Line(NamedTuple):
    """What one line of the file said. The entry's ages are those of when it was parsed."""

    entry: Entry
    written: Moment
    flush_seq: int


class SnapshotFile:
    """Reads a snapshot file, in whole or by line.

    The file is replaced, never changed, so what is open is one consistent
    state. `line` keeps the file open, so that no other file can get its inode
    number: while the path leads to that inode, unchanged, what was parsed of
    it stands.
    """

    def __init__(self, path: Path, shown: str, max_bytes: int) -> None:
        self._path = os.fspath(path)
        self._shown = shown
        self._max_bytes = max_bytes
        self._numbers: dict[str, int] = {}  # line number by key, as last seen
        self._fd = -1
        self._identity: Identity | None = None  # of what is open; None: nothing
        self._head: Head | None = None
        self._lines: dict[str, Line] = {}

    def load(self, at: Moment) -> Snapshot:
        """Read everything.

        Raises:
            SnapshotMissing, SnapshotCorrupt, SnapshotTooNew: What their names say.
        """
        fd, status = self._open()
        try:
            data = read_at(fd, status.st_size, 0)
        except OSError as error:
            raise SnapshotCorrupt(self._shown, f"cannot be read: {error}") from error
        finally:
            os.close(fd)
        snapshot = parse_snapshot(data, at=at, path=self._shown)
        self._numbers = {key: number for number, key in enumerate(snapshot.tokens)}
        return snapshot

    def line(self, key: str, at: Moment) -> Line | None:
        """Return one entry, of the head and its own line; None when only `load` can tell.

        Raises:
            SnapshotMissing, SnapshotCorrupt: There is no such file, or none that can be opened.
        """
        number = self._numbers.get(key)
        if number is None:
            return None
        try:
            is_same = identity_of(os.stat(self._path, follow_symlinks=False)) == self._identity
        except OSError:
            is_same = False
        if not is_same:
            self._reopen()
        line = self._lines.get(key)
        if line is None and self._head is not None:
            line = self._parse(key, number, self._head, at)
        return line

    def close(self) -> None:
        """Give up what is open. It is opened again when need be."""
        fd, self._fd = self._fd, -1
        self._identity, self._head = None, None
        self._lines.clear()
        if fd >= 0:
            os.close(fd)

    def _reopen(self) -> None:
        self.close()
        self._fd, status = self._open()
        try:
            head = parse_head(read_at(self._fd, HEAD_BYTES, 0))
        except OSError:
            self.close()
            return
        self._identity = identity_of(status)
        if head is not None and head.layout.total == status.st_size:
            self._head = head

    def _parse(self, key: str, number: int, head: Head, at: Moment) -> Line | None:
        layout = head.layout
        if number >= layout.lines:
            return None
        try:
            text = read_at(self._fd, layout.width, layout.first + number * layout.width)
        except OSError:
            return None
        line = _parse_line(key, text, head, at)
        if line is not None:
            self._lines[key] = line
        return line

    def _open(self) -> tuple[int, os.stat_result]:
        try:
            fd, status = open_regular(self._path)
        except FileNotFoundError as error:
            raise SnapshotMissing(self._shown) from error
        except NotRegularError as error:
            raise SnapshotCorrupt(self._shown, str(error.strerror)) from error
        except OSError as error:
            raise SnapshotCorrupt(self._shown, f"cannot be opened: {error.strerror}") from error
        if status.st_size > self._max_bytes:
            os.close(fd)
            detail = f"was {status.st_size} bytes, limit is {self._max_bytes}"
            raise SnapshotCorrupt(self._shown, detail)
        return fd, status


def _parse_line(key: str, text: bytes, head: Head, at: Moment) -> Line | None:
    prefix = encode_key(key)
    if text[1 : 1 + len(prefix)] != prefix:
        return None
    fields = parse_fields(text[1 + len(prefix) :])
    if fields is None:
        return None
    written = head.written
    entry = make_entry(key, fields, epoch=head.epoch, written=written, at=at)
    return None if entry is None else Line(entry, written, head.flush_seq)
