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
from polyshared._files import READ_FLAGS, NotRegularError, open_regular, read_at
from polyshared._snapshot import Entry, Snapshot, make_entry


class Line(NamedTuple):
    """What one line of the file said.

    Attributes:
        entry: With its ages as of *at*.
        written: When the file was written.
        flush_seq: Number of the file.
        at: When the text was parsed.
        text: The line itself.
        offset: Where it stood.
    """

    entry: Entry
    written: Moment
    flush_seq: int
    at: Moment
    text: bytes
    offset: int


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
        self._head: Head | None = None  # of what is open; None: not read yet
        self._lines: dict[str, Line] = {}  # of what is open
        self._last: dict[str, Line] = {}  # of this file or an earlier one

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

    def line(self, key: str, at: Moment, seen: Identity | None = None) -> Line | None:
        """Return one entry, of the head and its own line; None when only `load` can tell.

        Args:
            key: Whose.
            at: Now.
            seen: What the path leads to, for who has just looked.
        """
        number = self._numbers.get(key)
        if number is None:
            return None
        try:
            if seen is None:
                seen = identity_of(os.lstat(self._path))
            if seen != self._identity:
                self._reopen(seen)
            return self._lines.get(key) or self._parse(key, number, at)
        except OSError:
            self.close()  # `load` finds out what it is
            return None

    def has_news(self, key: str, seen: Identity) -> bool:
        """Say whether the line of *key* may be another than last time, in a file that is.

        Costs half of `line`: who waits for one key is woken by the changes of all.
        """
        last = self._last.get(key)
        if last is None:
            return True
        try:
            self._reopen(seen)
            return os.pread(self._fd, len(last.text), last.offset) != last.text
        except OSError:
            self.close()
            return True

    def close(self) -> None:
        """Give up what is open. It is opened again when need be."""
        fd, self._fd = self._fd, -1
        self._identity = self._head = None
        self._lines.clear()
        if fd >= 0:
            os.close(fd)

    def _reopen(self, seen: Identity) -> None:
        # What is no file fails to be read, or is no snapshot, and `load` says so.
        fd = os.open(self._path, READ_FLAGS)
        self.close()
        self._fd, self._identity = fd, seen

    def _parse(self, key: str, number: int, at: Moment) -> Line | None:
        head = self._head
        if head is None:
            head = parse_head(os.pread(self._fd, HEAD_BYTES, 0))
            if head is None:
                return None
            self._head = head
        first, width, lines = head.layout.first, head.layout.width, head.layout.lines
        if number >= lines or self._identity is None or head.layout.total != self._identity[2]:
            return None
        offset = first + number * width
        text = os.pread(self._fd, width, offset)
        last = self._last.get(key)
        if last is not None and last.text == text and last.entry.epoch == head.epoch:
            entry, at = last.entry, last.at
        else:
            found = _parse_entry(key, text, head, at)
            if found is None:
                return None
            entry = found
        line = Line(entry, head.written, head.flush_seq, at, text, offset)
        self._lines[key] = self._last[key] = line
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


def _parse_entry(key: str, text: bytes, head: Head, at: Moment) -> Entry | None:
    prefix = encode_key(key)
    if text[1 : 1 + len(prefix)] != prefix:
        return None
    fields = parse_fields(text[1 + len(prefix) :])
    if fields is None:
        return None
    return make_entry(key, fields, epoch=head.epoch, written=head.written, at=at)
