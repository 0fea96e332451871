"""The JSON file as a reader finds it: the whole, or one line of it."""

from __future__ import annotations

import os
from pathlib import Path

from polyshared._clock import Moment, age_s
from polyshared._codec import HEAD_BYTES, encode_key, parse_fields, parse_head
from polyshared._document import parse_snapshot
from polyshared._errors import SnapshotCorrupt, SnapshotMissing
from polyshared._files import READ_FLAGS, NotRegularError, open_regular, read_at
from polyshared._snapshot import Entry, Snapshot, make_entry

_Told = tuple[bytes, int, Entry]
"""A line, where it stood, and what it said."""


class SnapshotFile:
    """Reads a snapshot file, in whole or by line.

    The file is replaced, never changed, so what is open is one consistent
    state. It is opened for each read and closed again: that costs what it
    would cost to ask whether the last one still stands (`stat`), and leaves no
    doubt. What says the same as last time is not parsed again.

    Attributes:
        flush_seq: Number of the file that `line` read last.
        written: When that was written.
    """

    def __init__(self, path: Path, shown: str, max_bytes: int) -> None:
        self.flush_seq = 0
        self.written = Moment("", 0.0, 0.0)
        self._path = os.fspath(path)
        self._shown = shown
        self._max_bytes = max_bytes
        self._numbers: dict[str, int] = {}  # line number by key, as last seen
        self._head_text = b""
        self._epoch = 0  # this and what follows is what the head says
        self._layout = 0, 0, 0  # first, width, lines
        self._told: dict[str, _Told] = {}  # what `line` returned last

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

    def line(self, key: str, at: Moment) -> Entry | None:
        """Return one entry, of the head and its own line; None when only `load` can tell.

        Args:
            key: Whose.
            at: Now.
        """
        number = self._numbers.get(key)
        if number is None:
            return None
        try:
            fd = os.open(self._path, READ_FLAGS)
            try:
                head = os.pread(fd, HEAD_BYTES, 0)
                if head != self._head_text:
                    # Where the file ends is its size, at a third of the cost of fstat().
                    self._take(head, os.lseek(fd, 0, os.SEEK_END))
                first, width, lines = self._layout
                offset = first + number * width
                text = os.pread(fd, width, offset) if number < lines else b""
            finally:
                os.close(fd)
        except OSError:
            return None  # `load` finds out what it is
        told = self._told.get(key)
        if told and told[0] == text and told[1] == offset and told[2].epoch == self._epoch:
            return told[2].read_at(at, age_s(self.written, at))
        entry = self._parse_entry(key, text, at)
        if entry is not None:
            self._told[key] = text, offset, entry
        return entry

    def has_told(self, key: str) -> bool:
        """Say whether `has_news` can compare."""
        return key in self._told

    def has_news(self, key: str) -> bool:
        """Say whether the line of *key* may be another than `line` told last.

        Costs half of `line`: who waits for one key is woken by the changes of all.
        """
        text, offset, _ = self._told[key]
        try:
            fd = os.open(self._path, READ_FLAGS)
            try:
                return os.pread(fd, len(text), offset) != text
            finally:
                os.close(fd)
        except OSError:
            return True

    def _take(self, text: bytes, size: int) -> None:
        """Take in another head; if it is none, or not that of a file of that size, no line."""
        head = parse_head(text)
        if head is None or head.layout.total != size or size > self._max_bytes:
            self._head_text = b""
            self._layout = 0, 0, 0
        else:
            self._head_text = text
            self._epoch, self.flush_seq, self.written = head.epoch, head.flush_seq, head.written
            self._layout = head.layout.first, head.layout.width, head.layout.lines

    def _parse_entry(self, key: str, text: bytes, at: Moment) -> Entry | None:
        prefix = encode_key(key)
        if not text.startswith(prefix, 1):
            return None
        fields = parse_fields(text[1 + len(prefix) :])
        if fields is None:
            return None
        return make_entry(key, fields, epoch=self._epoch, written=self.written, at=at)

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
