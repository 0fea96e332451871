"""What a reader is handed: snapshots, entries, and where they stand in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from polyshared._clock import Moment, age_s, make_moment

_UNKNOWN = Moment("", 0.0, -math.inf)


class Cursor(NamedTuple):
    """A version: of one entry, or of a whole snapshot.

    Cursors of one kind compare by age: an epoch is one life of the writer and
    grows at each start, *seq* grows within it. An entry's cursor and a
    snapshot's say nothing about each other.
    """

    epoch: int
    seq: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The newest state of one key.

    Attributes:
        key: The key.
        fields: What the writer's caller put, as JSON values. Treat it as read-only.
        epoch: Life of the writer that took it.
        seq: Version within the epoch. Grows by one when a field changes, a few
            unversioned fields apart (see `SnapshotWriter`).
        rev: Counts the changes of the whole snapshot, this one included;
            unversioned fields count here.
        put_at: When the writer took it.
        age_s: Seconds from then to this read. How old the entry is, not how
            old the market is: a writer that lost its source puts nothing.
        writer_age_s: Seconds from the writer's last sign of life to this read.
    """

    key: str
    fields: Mapping[str, Any]
    epoch: int
    seq: int
    rev: int
    put_at: Moment
    age_s: float
    writer_age_s: float

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.seq)

    @property
    def version(self) -> tuple[int, int]:
        """Differs whenever anything of the entry differs, unversioned fields included."""
        return self.epoch, self.rev

    def read_at(self, at: Moment, writer_age_s: float) -> Entry:
        """Return the same entry with the ages of another instant."""
        return Entry(  # three times as fast as msgspec.structs.replace()
            key=self.key,
            fields=self.fields,
            epoch=self.epoch,
            seq=self.seq,
            rev=self.rev,
            put_at=self.put_at,
            age_s=age_s(self.put_at, at),
            writer_age_s=writer_age_s,
        )


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What the writer says of its own sources.

    Attributes:
        fields: The feed block, as the writer's caller set it.
        epoch: Life of the writer.
        flush_seq: Number of files written in that life.
        flush_failing_since: Epoch seconds since when the file cannot be
            written; None while it can. Known only through the lane.
        written: That sign of life.
        age_s: Seconds from the writer's last sign of life to this read.
    """

    fields: Mapping[str, Any]
    epoch: int
    flush_seq: int
    flush_failing_since: float | None
    written: Moment
    age_s: float


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All entries as of one flush.

    Attributes:
        epoch: Life of the writer.
        flush_seq: Number of this file in that life.
        change_seq: How many changes of entries it holds since the epoch began.
        written: When it was written.
        writer: Who wrote it: pid, host, started_at, version.
        feed: What the writer says of its sources.
        tokens: Entries by key. The name is that of the file's own field.
        extra: Header fields that this version does not know.
        age_s: Seconds from *written* to this read.
    """

    epoch: int
    flush_seq: int
    change_seq: int
    written: Moment
    writer: Mapping[str, Any]
    feed: Mapping[str, Any]
    tokens: Mapping[str, Entry]
    extra: Mapping[str, Any]
    age_s: float

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.change_seq)

    @property
    def written_at(self) -> float:
        """When it was written, in epoch seconds. For display; use `age_s` to decide."""
        return self.written.wall_s

    def read_at(self, at: Moment) -> Snapshot:
        """Return the same snapshot with the ages of another instant."""
        writer_age_s = age_s(self.written, at)
        tokens = {key: entry.read_at(at, writer_age_s) for key, entry in self.tokens.items()}
        return msgspec.structs.replace(self, tokens=tokens, age_s=writer_age_s)

    def with_tokens(self, tokens: Mapping[str, Entry]) -> Snapshot:
        return msgspec.structs.replace(self, tokens=tokens)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What `SnapshotReader.since` found.

    Attributes:
        cursor: Give it to the next call.
        entries: Entries that changed, by key. After a change of epoch, all of them.
        keys: All keys that exist now. Drop what is not among them.
    """

    cursor: Cursor
    entries: Mapping[str, Entry]
    keys: frozenset[str]


def make_entry(
    key: str, fields: dict[str, Any], *, epoch: int, written: Moment, at: Moment
) -> Entry | None:
    """Make an entry of a decoded object, or None if its own three fields are wrong.

    The three leave *fields*. A file by another program has no ``boot_s``: then
    the age is not known and counts as infinite.
    """
    seq, rev, boot_s = fields.pop("seq", None), fields.pop("rev", 0), fields.pop("boot_s", None)
    if type(seq) is not int or type(rev) is not int or seq < 0:
        return None
    boot_id, written_s, wall_s = written
    if boot_s is None:
        put_at = _UNKNOWN
    elif type(boot_s) is float or type(boot_s) is int:
        put_at = make_moment(Moment, (boot_id, boot_s, wall_s - written_s + boot_s))
    else:
        return None
    if boot_id and boot_id == at.boot_id and boot_s is not None:
        age, writer_age = max(0.0, at.boot_s - boot_s), max(0.0, at.boot_s - written_s)
    else:
        age, writer_age = age_s(put_at, at), age_s(written, at)
    return Entry(
        key=key,
        fields=fields,
        epoch=epoch,
        seq=seq,
        rev=rev,
        put_at=put_at,
        age_s=age,
        writer_age_s=min(age, writer_age),  # to take an entry is a sign of life
    )


def make_newer(last: Entry, fields: dict[str, Any], written: Moment, now_s: float) -> Entry | None:
    """Make the entry that follows *last* in the same epoch and boot; None if it is not newer.

    The short form of `make_entry`, for text by the writer of *last*.

    Raises:
        KeyError, TypeError: It is not of that writer.
    """
    seq, rev, put_s = fields.pop("seq"), fields.pop("rev"), fields.pop("boot_s")
    if rev <= last.rev:
        return None
    boot_id, written_s, wall_s = written
    age, writer_age = now_s - put_s, now_s - written_s
    return Entry(
        key=last.key,
        fields=fields,
        epoch=last.epoch,
        seq=seq,
        rev=rev,
        put_at=make_moment(Moment, (boot_id, put_s, wall_s - written_s + put_s)),
        age_s=max(0.0, age),
        writer_age_s=min(age, writer_age),
    )
