"""All that a writer publishes: entries with their versions, and the feed block. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from polyshared._clock import Moment
from polyshared._codec import (
    TAIL,
    encode_about,
    encode_fields,
    encode_head,
    encode_own,
    join_entry,
    join_fields,
    prove_object,
    require_not_own,
    require_size,
)
from polyshared._lines import Lines

Texts = tuple[bytes, bytes]
"""One entry, parted by whether a change of it makes a new version: versioned, rest."""
_NOTHING: Texts = b"", b""


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
        self._seqs: dict[str, int] = {}
        self._texts: dict[str, Texts] = {}

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
        last_versioned, last_rest = self._texts.get(key, _NOTHING)
        return encode_fields(versioned, last_versioned), encode_fields(rest, last_rest)

    def prove(self, key: str, texts: Texts) -> None:
        """Do for an entry that others encoded what `encode` does.

        Raises:
            ValueError: It is no JSON, or has a field of the writer's own.
        """
        last_versioned, last_rest = self._texts.get(key, _NOTHING)
        versioned, rest = texts
        if versioned != last_versioned:
            prove_object(versioned)
        if rest != last_rest:
            prove_object(rest)

    def put(self, key: str, texts: Texts, boot_s: float) -> tuple[int, bytes | None]:
        """Set an entry.

        Returns:
            Its seq, and the whole entry as text; None instead if nothing changed.

        Raises:
            ValueError: A reader would not accept it. Nothing changed.
        """
        last = self._texts.get(key, _NOTHING)
        seq = self._seqs.get(key, 0)
        if last == texts:
            return seq, None
        if last[0] != texts[0]:
            seq += 1
        text = join_entry(*texts, encode_own(seq, self.rev + 1, boot_s))
        require_size(text)
        self._lines.set(key, text)
        self._seqs[key] = seq
        self._texts[key] = texts
        self.rev += 1
        return seq, text

    def delete(self, key: str) -> bool:
        """Remove an entry. Returns whether it was there."""
        if self._texts.pop(key, None) is None:
            return False
        self._lines.remove(key)
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

    def render(self, at: Moment, epoch: int, flush_seq: int) -> bytes:
        """Encode the whole file. Only the head is encoded anew; the rest is copied."""
        about = encode_about(encode_fields(self.writer), self.feed)
        head = encode_head(
            epoch=epoch,
            flush_seq=flush_seq,
            change_seq=self.rev,
            written=at,
            layout=self._lines.layout(about),
        )
        return b"".join((head, about, self._lines.region, TAIL))
