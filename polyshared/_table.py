"""All that a writer publishes: entries with their versions, and the feed block. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from polyshared._clock import Moment
from polyshared._codec import (
    TAIL,
    encode_about,
    encode_fields,
    encode_head,
    encode_unproven,
    join_fields,
    prove,
)
from polyshared._lines import Lines

_OWN_FIELDS = frozenset({"seq", "rev", "boot_s"})


class Fields(NamedTuple):
    """One entry as text, parted by whether a change of it makes a new version."""

    versioned: bytes
    rest: bytes


class Put(NamedTuple):
    """What `Table.put` did.

    Attributes:
        seq: The entry's version.
        text: The whole entry as text; None if nothing changed.
    """

    seq: int
    text: bytes | None


class Table:
    """The entries, and how often each changed.

    The seq of a deleted key is kept: put again, it goes on. Else a reader that
    knows seq 9 would take the new seq 1 for an old one.

    Attributes:
        rev: How many changes there were in all.
        feed: The feed block as text.
    """

    def __init__(self, unversioned: Collection[str]) -> None:
        self.rev = 0
        self.feed = b"{}"
        self._unversioned = frozenset(unversioned)
        self._lines = Lines()
        self._seqs: dict[str, int] = {}
        self._fields: dict[str, Fields] = {}

    def encode(self, entry: Mapping[str, Any]) -> Fields:
        """Encode an entry. Touches nothing, so it needs no lock.

        Raises:
            ValueError: It is not JSON, or has a field of the writer's own.
        """
        if not _OWN_FIELDS.isdisjoint(entry):
            names = ", ".join(sorted(_OWN_FIELDS.intersection(entry)))
            raise ValueError(f"{names} is set by the writer itself")
        unversioned = self._unversioned
        return Fields(
            encode_unproven({k: v for k, v in entry.items() if k not in unversioned}),
            encode_unproven({k: v for k, v in entry.items() if k in unversioned}),
        )

    def put(self, key: str, fields: Fields, boot_s: float) -> Put:
        """Set an entry.

        Raises:
            ValueError: A reader would not accept it. Nothing changed.
        """
        last = self._fields.get(key)
        seq = self._seqs.get(key, 0)
        if last == fields:
            return Put(seq, None)
        if last is None or last.versioned != fields.versioned:
            seq += 1
        own = f'{{"seq":{seq},"rev":{self.rev + 1},"boot_s":{round(boot_s, 6)}}}'
        text = join_fields(fields.versioned, fields.rest, own.encode())
        prove(text)
        self._lines.set(key, text)
        self._seqs[key] = seq
        self._fields[key] = fields
        self.rev += 1
        return Put(seq, text)

    def delete(self, key: str) -> bool:
        """Remove an entry. Returns whether it was there."""
        if self._fields.pop(key, None) is None:
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

    def render(self, at: Moment, epoch: int, flush_seq: int, writer: bytes) -> bytes:
        """Encode the whole file. Only the head is encoded anew; the rest is copied."""
        about = encode_about(writer, self.feed)
        head = encode_head(
            epoch=epoch,
            flush_seq=flush_seq,
            change_seq=self.rev,
            written=at,
            layout=self._lines.layout(about),
        )
        return b"".join((head, about, self._lines.region, TAIL))
