"""The whole file: a `Snapshot` as text, and text as a `Snapshot`. Pure."""

from __future__ import annotations

import math
import re
from typing import Any

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
from polyshared._snapshot import Snapshot, make_entry


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
