"""The snapshot file as text: plain JSON in lines that can be found without reading the rest.

    {"schema":1,"updated_at":…,"written_at":…,"epoch":…, … "layout":{…},    HEAD_BYTES
    "writer":{…},"feed":{…},"tokens":{                                      a multiple of 256
     "key one":{…,"seq":118,…}                                              layout.width
    ,"key two":{…,"seq":12,…}                                               layout.width
    }}

Every line is padded with spaces. ``layout`` says where the first entry stands,
how wide a line is and how many there are, so a reader that knows its line number
reads the head and its own line, whatever the number of keys. A comma stands at
the *start* of a line, so that a line does not change when another follows it.

Unknown keys come from a newer writer of the same schema: they pass through.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from polyshared._clock import Moment
from polyshared._scan import MAX_DEPTH, find_fault

SCHEMA = 1
HEAD_BYTES = 512
TAIL = b"}}\n"
MAX_ENTRY_BYTES = 1 << 16
MAX_BYTES = 1 << 26
# Above 2**53 a number is no longer exact in jq and JavaScript.
MAX_EPOCH = (1 << 53) - 2
_ABOUT_STEP = 256

_OWN_FIELDS = frozenset({"seq", "rev", "boot_s"})
_NOT_JSON = (TypeError, ValueError, OverflowError, RecursionError)
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Epoch = Annotated[int, msgspec.Meta(ge=0, le=MAX_EPOCH)]


class Layout(msgspec.Struct, frozen=True):
    first: Count
    width: Count
    lines: Count

    @property
    def total(self) -> int:
        return self.first + self.width * self.lines + len(TAIL)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The file's first line."""

    schema: int
    updated_at: str
    written_at: float
    epoch: Epoch
    flush_seq: Count
    change_seq: Count
    boot_id: str
    boot_s: float
    layout: Layout

    @property
    def written(self) -> Moment:
        return Moment(self.boot_id, self.boot_s, self.written_at)


_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode
_decode_head = msgspec.json.Decoder(Head).decode


def encode_fields(fields: Mapping[str, Any], proven: bytes = b"") -> bytes:
    """Encode a JSON object that is certain to read back as it was written.

    Args:
        fields: The object.
        proven: What an earlier call returned. The same text is not proven again.

    Raises:
        ValueError: A number is not finite, a value is not JSON, a key is not a
            string, it is too long or too deep.
    """
    try:
        text = _encode(fields)
    except _NOT_JSON as error:
        raise ValueError(str(error)) from error
    # The encoder writes NaN and infinity as null, so a null proves nothing.
    if text != proven or b"null" in text:
        _prove(text, fields)
    return text


def _prove(text: bytes, fields: Mapping[str, Any]) -> None:
    require_size(text)
    opens = len(text) > 2 * MAX_DEPTH and text.count(b"[") + text.count(b"{")
    if opens > MAX_DEPTH and find_fault(text) is not None:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    try:
        decoded = decode(text)
    except _NOT_JSON as error:
        raise ValueError(str(error)) from error
    if decoded == fields:
        return
    # Tuples read back as lists, numbers as keys as text. A NaN or a lost key is a fault.
    if b"null" in text:
        _require_finite(fields)
    if _encode(decoded) != text:  # {1: …, "1": …}: two keys in Python, one in JSON
        raise ValueError("keys were not distinct strings")


def prove_object(text: bytes) -> None:
    """Make sure that *text*, which others encoded, is a JSON object and not one of the writer's.

    Raises:
        ValueError: It is not.
    """
    if len(text) > MAX_ENTRY_BYTES:
        require_size(text)
    fields = parse_fields(text)
    if fields is None:
        raise ValueError("was not the text of a JSON object")
    if "seq" in fields or "rev" in fields or "boot_s" in fields:
        require_not_own(fields)


def require_not_own(fields: Mapping[str, Any]) -> None:
    if not _OWN_FIELDS.isdisjoint(fields):
        names = ", ".join(sorted(_OWN_FIELDS.intersection(fields)))
        raise ValueError(f"{names} is set by the writer itself")


def require_size(text: bytes) -> None:
    if len(text) > MAX_ENTRY_BYTES:
        raise ValueError(f"encoded to {len(text)} bytes, limit is {MAX_ENTRY_BYTES}")


def _require_finite(value: object, name: str = "") -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} was {value}, only finite numbers can be shared")
    if isinstance(value, Mapping):
        for key, each in value.items():
            _require_finite(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            _require_finite(each, f"{name}[{index}]")


def join_fields(*objects: bytes) -> bytes:
    """Make one JSON object of the members of several."""
    return b"{%b}" % b",".join([each[1:-1] for each in objects if len(each) > len(b"{}")])


def join_entry(versioned: bytes, rest: bytes, seq: int, rev: int, boot_s: float) -> bytes:
    """Make an entry of its two objects and of the fields that the writer adds."""
    own = seq, rev, _encode(round(boot_s * 1e6) / 1e6)  # twice as fast as round(boot_s, 6)
    if len(versioned) > len(b"{}"):
        if len(rest) > len(b"{}"):
            ends = versioned[:-1], rest[1:-1]
            return b'%b,%b,"seq":%d,"rev":%d,"boot_s":%b}' % (*ends, *own)
        return b'%b,"seq":%d,"rev":%d,"boot_s":%b}' % (versioned[:-1], *own)
    return join_fields(rest, b'{"seq":%d,"rev":%d,"boot_s":%b}' % own)


def encode_key(key: str) -> bytes:
    try:
        return _encode(key) + b":"
    except UnicodeEncodeError as error:
        raise ValueError(f"key {key!r} is not valid Unicode: {error.reason}") from error


def encode_head(
    *, epoch: int, flush_seq: int, change_seq: int, written: Moment, layout: Layout
) -> bytes:
    head = Head(
        schema=SCHEMA,
        updated_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(written.wall_s)),
        written_at=round(written.wall_s, 6),
        epoch=epoch,
        flush_seq=flush_seq,
        change_seq=change_seq,
        boot_id=written.boot_id,
        boot_s=round(written.boot_s, 6),
        layout=layout,
    )
    return (_encode(head)[:-1] + b",").ljust(HEAD_BYTES - 1) + b"\n"


def encode_about(writer: bytes, feed: bytes, extra: bytes = b"{}") -> bytes:
    members = join_fields(b'{"writer":' + writer + b',"feed":' + feed + b"}", extra)
    text = members[1:-1] + b',"tokens":{'
    return text.ljust(-(-(len(text) + 1) // _ABOUT_STEP) * _ABOUT_STEP - 1) + b"\n"


def parse_head(text: bytes) -> Head | None:
    """Return what the file's first HEAD_BYTES say, or None if they are not ours."""
    try:
        return _decode_head(text.rstrip().removesuffix(b",") + b"}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def parse_fields(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object *text*, or None if it is none."""
    try:
        fields = decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
