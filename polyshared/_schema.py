"""The snapshot file of the market maker, field by field.

The library itself lets a caller put any fields. This module says which ones
``ws_cache.json`` has: ``polyshared validate`` holds a file against it, and
``docs/ws_cache.schema.json`` is made of it:

    python -c 'from polyshared._schema import json_schema; print(json_schema(), end="")'

Keys are only added, never moved. Unknown ones come from a newer writer and pass.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from polyshared._codec import MAX_EPOCH

_Count = Annotated[int, Meta(ge=0)]
_Price = Annotated[float, Meta(gt=0, lt=1)]
_Size = Annotated[float, Meta(ge=0)]
_Levels = Annotated[
    list[tuple[_Price, Annotated[float, Meta(gt=0)]]],
    Meta(max_length=5, description="Best first, each [price, size]."),
]
_State = Literal["open", "connecting", "down", "idle"]
_Health = Literal["pending", "live", "quiet", "suspect", "resync", "closed"]
_EpochSeconds = Annotated[float, Meta(description="In epoch seconds.")]
_BootSeconds = Annotated[
    float, Meta(description="On the boot-time clock of boot_id. Ages come from it.")
]


class SchemaEntry(Struct, kw_only=True):
    """One key. A missing side is null, never 0."""

    seq: Annotated[
        int,
        Meta(
            ge=0,
            description="Version within the epoch. Grows by one when any field but updated_at, "
            "health and conn changes.",
        ),
    ]
    rev: (
        Annotated[int, Meta(ge=0, description="Value of change_seq after the last change.")]
        | UnsetType
    ) = UNSET
    boot_s: _BootSeconds | UnsetType = UNSET
    price: _Price | UnsetType | None = UNSET
    best_bid: _Price | UnsetType | None = UNSET
    best_ask: _Price | UnsetType | None = UNSET
    bid_size: _Size | UnsetType | None = UNSET
    ask_size: _Size | UnsetType | None = UNSET
    last_trade_price: _Price | UnsetType | None = UNSET
    tick_size: _Price | UnsetType | None = UNSET
    ts: _EpochSeconds | UnsetType | None = UNSET
    updated_at: _EpochSeconds | UnsetType | None = UNSET
    bids: _Levels | UnsetType = UNSET
    asks: _Levels | UnsetType = UNSET
    event_type: str | UnsetType | None = UNSET
    health: _Health | UnsetType = UNSET
    conn: int | UnsetType | None = UNSET


class SchemaLine(Struct, kw_only=True):
    """One connection of the feed."""

    id: int
    state: _State
    opened_at: _EpochSeconds | UnsetType | None = UNSET
    last_frame_at: _EpochSeconds | UnsetType | None = UNSET
    connects: _Count | UnsetType = UNSET
    wanted: _Count | UnsetType = UNSET
    confirmed: _Count | UnsetType = UNSET


class SchemaFeed(Struct, kw_only=True):
    """How the writer's sources are; empty until the writer has said so. Idle is healthy."""

    state: _State | UnsetType = UNSET
    opened_at: _EpochSeconds | UnsetType | None = UNSET
    last_frame_at: _EpochSeconds | UnsetType | None = UNSET
    connects: _Count | UnsetType = UNSET
    wanted: _Count | UnsetType = UNSET
    confirmed: _Count | UnsetType = UNSET
    connections: list[SchemaLine] | UnsetType = UNSET


class SchemaWriter(Struct, kw_only=True):
    """Who wrote the file."""

    pid: int
    host: str
    started_at: _EpochSeconds
    version: str


class SchemaLayout(Struct, kw_only=True):
    """Where the lines of the entries stand, in bytes."""

    first: _Count
    width: _Count
    lines: _Count


class SchemaDocument(Struct, kw_only=True):
    """The whole file."""

    schema: Literal[1]
    updated_at: Annotated[
        str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")
    ]
    written_at: _EpochSeconds
    epoch: Annotated[
        int, Meta(ge=0, le=MAX_EPOCH, description="One life of the writer. Grows at each start.")
    ]
    flush_seq: Annotated[int, Meta(ge=0, description="Number of this file in that life.")]
    change_seq: (
        Annotated[int, Meta(ge=0, description="Changes of entries so far in that life.")]
        | UnsetType
    ) = UNSET
    boot_id: Annotated[str, Meta(description="Names one boot of the machine.")] | UnsetType = UNSET
    boot_s: _BootSeconds | UnsetType = UNSET
    layout: SchemaLayout | UnsetType = UNSET
    writer: SchemaWriter
    feed: SchemaFeed
    tokens: dict[str, SchemaEntry]


def find_deviation(data: bytes) -> str | None:
    """Say where *data*, which is a snapshot, is not the market maker's; None if it is."""
    try:
        msgspec.json.decode(data, type=SchemaDocument)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def json_schema() -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(SchemaDocument),
    }
    return json.dumps(schema, indent=2) + "\n"
