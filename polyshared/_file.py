"""The JSON file as a reader finds it: the whole, or one line of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from polyshared._clock import Moment
from polyshared._codec import HEAD_BYTES, Head, encode_key, parse_fields, parse_head
from polyshared._errors import SnapshotCorrupt, SnapshotMissing
from polyshared._files import NotRegularError, open_regular, read_at
from polyshared._snapshot import Entry, Snapshot, make_entry, parse_snapshot


class Line(NamedTuple):
    """What one line of the file said."""

    entry: Entry
    written: Moment
    flush_seq: int


class SnapshotFile:
    """Reads a snapshot file, in whole or by line.

    Every call opens the file anew: it is replaced, never changed, so what is
    open is one consistent state.
    """

    def __init__(self, path: Path, shown: str, max_bytes: int) -> None:
        self._path = os.fspath(path)
        self._shown = shown
        self._max_bytes = max_bytes
        self._numbers: dict[str, int] = {}  # line number by key, as last seen

    def load(self, at: Moment) -> Snapshot:
        """Read everything.

        Raises:
            SnapshotMissing, SnapshotCorrupt, SnapshotTooNew: What their names say.
        """
        fd, size = self._open()
        try:
            data = read_at(fd, size, 0)
        except OSError as error:
            raise SnapshotCorrupt(self._shown, f"cannot be read: {error}") from error
        finally:
            os.close(fd)
        snapshot = parse_snapshot(data, at=at, path=self._shown)
        self._numbers = {key: number for number, key in enumerate(snapshot.tokens)}
        return snapshot

    def line(self, key: str, at: Moment) -> Line | None:
        """Read the head and one entry; None when only `load` can tell."""
        number = self._numbers.get(key)
        if number is None:
            return None
        fd, size = self._open()
        try:
            head = parse_head(read_at(fd, HEAD_BYTES, 0))
            if head is None or head.layout.total != size or number >= head.layout.lines:
                return None
            layout = head.layout
            text = read_at(fd, layout.width, layout.first + number * layout.width)
        except OSError:
            return None
        finally:
            os.close(fd)
        return _parse_line(key, text, head, at)

    def _open(self) -> tuple[int, int]:
        try:
            fd, size = open_regular(self._path)
        except FileNotFoundError as error:
            raise SnapshotMissing(self._shown) from error
        except NotRegularError as error:
            raise SnapshotCorrupt(self._shown, str(error.strerror)) from error
        except OSError as error:
            raise SnapshotCorrupt(self._shown, f"cannot be opened: {error.strerror}") from error
        if size > self._max_bytes:
            os.close(fd)
            detail = f"was {size} bytes, limit is {self._max_bytes}"
            raise SnapshotCorrupt(self._shown, detail)
        return fd, size


def _parse_line(key: str, text: bytes, head: Head, at: Moment) -> Line | None:
    prefix = encode_key(key)
    if text[1 : 1 + len(prefix)] != prefix:
        return None
    fields = parse_fields(text[1 + len(prefix) :])
    if fields is None:
        return None
    entry = make_entry(key, fields, epoch=head.epoch, written=head.written, at=at)
    return None if entry is None else Line(entry, head.written, head.flush_seq)
