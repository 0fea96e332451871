"""What a reader is handed: snapshots, entries, and where they stand in time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from polyshared._clock import Moment, age_s
from polyshared._codec import (
    SCHEMA,
    TAIL,
    Count,
    Epoch,
    encode_about,
    encode_fields,
    encode_head,
    join_fields,
)
from polyshared._errors import SnapshotCorrupt, SnapshotMissing, SnapshotTooNew
from polyshared._lines import Lines
from polyshared._scan import find_fault


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
        return msgspec.structs.replace(
            self, age_s=age_s(self.put_at, at), writer_age_s=writer_age_s
        )


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What the writer says of its own sources.

    Attributes:
        fields: The feed block, as the writer's caller set it.
        epoch: Life of the writer.
        flush_seq: Number of files written in that life.
        flush_failing_since: Epoch seconds since when the file cannot be
            written; None while it can. Known only through the lane.
        age_s: Seconds from the writer's last sign of life to this read.
    """

    fields: Mapping[str, Any]
    epoch: int
    flush_seq: int
    flush_failing_since: float | None
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


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file, as strict as needed and no stricter: others may write it too."""

    epoch: Epoch
    tokens: dict[str, dict[str, Any]]
    written_at: float
    flush_seq: Count = 0
    change_seq: Count = 0
    boot_id: str = ""
    boot_s: float = 0.0
    writer: dict[str, Any] = {}
    feed: dict[str, Any] = {}


_POSITION = re.compile(r" \(byte ([0-9]+)\)$")
_ESCAPED = re.compile("[\udc80-\udcff]")  # what "surrogateescape" makes of such bytes
_KNOWN = {"schema", "updated_at", "layout", *_Document.__struct_fields__}


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Encode a whole file. Ages are not part of it.

    Raises:
        ValueError: A value is not JSON or a number is not finite.
    """
    lines = Lines()
    for key, entry in snapshot.tokens.items():
        own = {"seq": entry.seq, "rev": entry.rev, "boot_s": entry.put_at.boot_s}
        if not math.isfinite(entry.put_at.wall_s):
            del own["boot_s"]  # not known
        lines.set(key, join_fields(encode_fields(entry.fields), encode_fields(own)))
    about = encode_about(
        encode_fields(snapshot.writer),
        encode_fields(snapshot.feed),
        encode_fields(snapshot.extra),
    )
    head = encode_head(
        epoch=snapshot.epoch,
        flush_seq=snapshot.flush_seq,
        change_seq=snapshot.change_seq,
        written=snapshot.written,
        layout=lines.layout(about),
    )
    return b"".join((head, about, lines.region, TAIL))


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
    if boot_s is None:
        put_at = Moment("", 0.0, -math.inf)
    elif isinstance(boot_s, float | int):
        put_at = Moment(written.boot_id, boot_s, written.wall_s - written.boot_s + boot_s)
    else:
        return None
    return Entry(
        key=key,
        fields=fields,
        epoch=epoch,
        seq=seq,
        rev=rev,
        put_at=put_at,
        age_s=age_s(put_at, at),
        writer_age_s=age_s(written, at),
    )


def parse_snapshot(data: bytes, *, at: Moment, path: str = "snapshot") -> Snapshot:
    """Decode a whole file.

    Args:
        data: The file's content.
        at: The instant that ages are counted to.
        path: Named in errors.

    Raises:
        SnapshotMissing: *data* is empty.
        SnapshotCorrupt: *data* is not a snapshot.
        SnapshotTooNew: It is one of a later schema.
    """
    if not data:
        raise SnapshotMissing(path, empty=True)
    raw = _decode_document(data, path)
    document = _check_document(raw, path)
    written = Moment(document.boot_id, document.boot_s, document.written_at)
    tokens = {}
    for key, fields in document.tokens.items():
        entry = make_entry(key, fields, epoch=document.epoch, written=written, at=at)
        if entry is None:
            position = data.find(msgspec.json.encode(key))
            raise SnapshotCorrupt(path, f"entry {key!r} has no valid seq", position=position)
        tokens[key] = entry
    return Snapshot(
        epoch=document.epoch,
        flush_seq=document.flush_seq,
        change_seq=document.change_seq,
        written=written,
        writer=document.writer,
        feed=document.feed,
        tokens=tokens,
        extra={key: value for key, value in raw.items() if key not in _KNOWN},
        age_s=age_s(written, at),
    )


def _decode_document(data: bytes, path: str) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(data)
    except RecursionError as error:
        fault = find_fault(data)
        position = fault.position if fault else None
        raise SnapshotCorrupt(path, "nested too deep", position=position) from error
    except UnicodeDecodeError as error:
        # The offset is that within one string of the text.
        position = _first_bad_utf8(data)
        raise SnapshotCorrupt(path, f"not UTF-8: {error.reason}", position=position) from error
    except msgspec.MsgspecError as error:
        detail, position = _split_position(str(error))
        raise SnapshotCorrupt(path, detail, position=position) from error
    if not isinstance(raw, dict):
        raise SnapshotCorrupt(path, f"was {type(raw).__name__}, expected an object", position=0)
    if not _is_own_text(data, raw) and (fault := find_fault(data)):
        raise SnapshotCorrupt(path, fault.detail, position=fault.position)
    return raw


def _is_own_text(data: bytes, raw: dict[str, Any]) -> bool:
    """Say whether encoding *raw* again gives *data*: then no key was lost to an equal one."""
    dense = b"".join(line.strip(b" ") for line in data.split(b"\n"))
    return dense == msgspec.json.encode(raw)


def _check_document(raw: dict[str, Any], path: str) -> _Document:
    schema = raw.get("schema")
    if type(schema) is not int:
        raise SnapshotCorrupt(path, f"schema was {schema!r}, expected a number")
    if schema > SCHEMA:
        raise SnapshotTooNew(path, schema=schema, known=SCHEMA)
    try:
        return msgspec.convert(raw, _Document)
    except msgspec.ValidationError as error:
        raise SnapshotCorrupt(path, str(error)) from error


def _first_bad_utf8(data: bytes) -> int:
    """Return the offset of the first byte that is not UTF-8; the length if there is none."""
    good = _ESCAPED.split(data.decode(errors="surrogateescape"), maxsplit=1)[0]
    return len(good.encode())


def _split_position(message: str) -> tuple[str, int | None]:
    """Take the offset out of the parser's message, which ends in ``(byte 12)`` if it knows."""
    match = _POSITION.search(message)
    if match is None:
        return message, None
    # Of trailing characters the parser has already taken one.
    return message[: match.start()], int(match[1]) - message.count("trailing")
