"""All that a writer publishes: entries with their versions, and the feed block. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from polyshared._atomic import Parts
from polyshared._clock import Moment
from polyshared._codec import (
    MAX_ENTRY_BYTES,
    TAIL,
    encode_about,
    encode_fields,
    encode_head,
    join_entry,
    join_fields,
    prove_object,
    require_not_own,
    require_size,
)
from polyshared._lines import Lines

Texts = tuple[bytes, bytes]
"""One entry, parted by whether a change of it makes a new version: versioned, rest."""


class _Row:
    """The entry of a key, and its seq, which goes on when it was deleted and is put again."""

    __slots__ = ("rest", "seq", "versioned")

    def __init__(self) -> None:
        self.seq = 0
        self.clear()

    def clear(self) -> None:
        self.versioned: bytes | None = None  # which equals no text
        self.rest: bytes | None = None


class Table:
    """The entries, and how often each changed.

    The seq of a deleted key is kept: put again, it goes on. Else a reader that
    knows seq 9 would take the new seq 1 for an old one.

    Attributes:
        rev: How many changes there were in all.
        feed: The feed block as text.
        writer: The writer block.
    """

    def __init__(self, unversioned: Collection[str]) -> None:
        self.rev = 0
        self.feed = b"{}"
        self.writer: dict[str, Any] = {}
        self._unversioned = tuple(sorted(set(unversioned)))
        self._lines = Lines()
        self._rows: dict[str, _Row] = {}

    def encode(self, key: str, entry: Mapping[str, Any]) -> Texts:
        """Encode an entry for `put`. Changes nothing, so it needs no lock.

        Raises:
            ValueError: It is not JSON, or has a field of the writer's own.
        """
        require_not_own(entry)
        versioned = dict(entry)
        rest = {}
        for name in self._unversioned:
            if name in versioned:
                rest[name] = versioned.pop(name)
        last = self._rows.get(key) or _Row()
        known = last.versioned or b"", last.rest or b""
        return encode_fields(versioned, known[0]), encode_fields(rest, known[1])

    def put(
        self, key: str, versioned: bytes, rest: bytes, boot_s: float, *, proven: bool = False
    ) -> tuple[int, bytes | None]:
        """Set an entry.

        Args:
            key: Its key.
            versioned: The members of which a change makes a new version, as a JSON object.
            rest: The others.
            boot_s: When this is.
            proven: Both are what `encode` returned.

        Returns:
            Its seq, and the whole entry as text; None instead if nothing changed.

        Raises:
            ValueError: A reader would not accept it. Nothing changed.
        """
        row = self._rows.get(key) or _Row()
        seq, rev = row.seq, self.rev + 1
        if versioned != row.versioned:
            seq += 1
            if not proven:
                prove_object(versioned)
        elif rest == row.rest:
            return seq, None
        if not proven and rest != row.rest:
            prove_object(rest)
        text = join_entry(versioned, rest, seq, rev, boot_s)
        if len(text) > MAX_ENTRY_BYTES:
            require_size(text)
        self._lines.set(key, text)
        if not row.seq:
            self._rows[key] = row
        row.versioned, row.rest, row.seq, self.rev = versioned, rest, seq, rev
        return seq, text

    def delete(self, key: str) -> bool:
        """Remove an entry. Returns whether it was there."""
        if key not in self._lines:
            return False
        self._lines.remove(key)
        self._rows[key].clear()
        self.rev += 1
        return True

    def entries(self) -> Mapping[str, bytes]:
        """Return all entries as text, by key. Do not keep what is returned."""
        return self._lines.entries()

    def pulse(self, at: Moment, flush_seq: int, failing_since: float | None) -> bytes:
        """Encode the sign of life for the lane, with the feed block."""
        pulse = {
            "written_at": at.wall_s,
            "boot_s": at.boot_s,
            "flush_seq": flush_seq,
            "failing_since": failing_since,
        }
        return join_fields(encode_fields(pulse), b'{"feed":' + self.feed + b"}")

    def note_disturbance(self, wall_s: float) -> None:
        """Say in the next files that another program wrote to the file; ours is back already."""
        self.writer["disturbed"] = self.writer.get("disturbed", 0) + 1
        self.writer["disturbed_at"] = round(wall_s, 3)

    def render(self, at: Moment, epoch: int, flush_seq: int) -> Parts:
        """Return the whole file. It is the real one: it stands until this is called again.

        Only the head is encoded anew, and the lines of entries that changed.
        """
        about = encode_about(encode_fields(self.writer), self.feed)
        head = encode_head(
            epoch=epoch,
            flush_seq=flush_seq,
            change_seq=self.rev,
            written=at,
            layout=self._lines.layout(about),
        )
        return head, about, self._lines.region, TAIL
