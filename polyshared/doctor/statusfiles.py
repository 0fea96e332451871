"""What the supervisor and its children say of themselves, read from their status files.

Unknown keys come from a newer version and are ignored; a key that is absent takes its
default; a key of the wrong type makes the whole file unreadable, with the reason kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")

SUPERVISOR_FILE = "autorun_status.json"
CHILDREN_FOLDER = "children"
MAX_BYTES = 32 * 1024 * 1024  # a status file larger than this is not one


class Frames(msgspec.Struct, frozen=True):
    received: dict[str, int] = {}
    used: dict[str, int] = {}


class Connection(msgspec.Struct, frozen=True):
    id: int = 0
    state: str = "down"
    opened_at: float | None = None
    last_frame_at: float | None = None
    connects: int = 0
    wanted: int = 0
    confirmed: int = 0
    last_close: str | None = None


class Aggregator(msgspec.Struct, frozen=True):
    """``state``: off, starting, serving or failed; ``error`` says why it failed."""

    state: str = "off"
    cache: str | None = None
    error: str | None = None
    wanted: int = 0
    confirmed: int = 0
    frames: Frames = Frames()
    dropped_siblings: int = 0
    unknown_types: dict[str, int] = {}
    unreadable: int = 0
    first_unreadable: str | None = None
    connections: tuple[Connection, ...] = ()


class Venue(msgspec.Struct, frozen=True):
    """``user_channel``: open, connecting or down; ``dead_man``: off, not_armed, beating, silent."""

    state: str = "unknown"
    order_version: int | None = None
    reason: str | None = None
    user_channel: str | None = None
    dead_man: str | None = None


class InForce(msgspec.Struct, frozen=True):
    """The settings that a supervisor runs with: their files, and what doctor judges by.

    A supervisor of an older version does not say them; then the defaults are what it has.
    """

    global_config: str | None = None
    strategy_config: str | None = None
    run_config_template: str | None = None
    urls: dict[str, str] = {}
    quote_max_age_s: float = 10.0
    no_order_warn_h: float = 6.0


class Task(msgspec.Struct, frozen=True):
    """``status``: pending, running, restarting, quarantined, stopped, exited, error, ended."""

    status: str
    pid: int | None = None
    last_heartbeat: float | None = None
    notes: tuple[str, ...] = ()
    log_path: str | None = None
    config_path: str | None = None
    restarts: int = 0
    exit_code: int | None = None
    source_at_start: str | None = None


class TokenSource(msgspec.Struct, frozen=True):
    """``state``: off, running, waiting (ended, will be started again) or ended."""

    state: str = "off"
    exit_code: int | None = None


class Supervisor(msgspec.Struct, frozen=True):
    """``autorun_status.json``."""

    pid: int
    pid_started_s: float | None
    boottime_s: float
    timestamp: str = ""
    mode: str | None = None
    version: str | None = None
    state: str = "running"
    written_at: float | None = None
    started_at: float | None = None
    data_dir: str | None = None
    log_dir: str | None = None
    interpreter: str | None = None
    root: str | None = None
    tasks: dict[str, Task] = {}
    pending_topics: tuple[str, ...] = ()
    aggregator: Aggregator = Aggregator()
    venue: Venue = Venue()
    settings: InForce = InForce()
    clearing: tuple[str, ...] = ()
    token_source: TokenSource = TokenSource()


class Quote(msgspec.Struct, frozen=True):
    best_bid: str | None = None
    best_ask: str | None = None
    age_s: float | None = None
    health: str | None = None
    at: float | None = None


class Stage(msgspec.Struct, frozen=True):
    """``state``: ok, wait, blocked or fail."""

    state: str
    reason: str = ""
    since: float | None = None


class Lag(msgspec.Struct, frozen=True):
    p50: float | None = None
    p99: float | None = None
    count: int = 0


class LastOrder(msgspec.Struct, frozen=True):
    at: float
    side: str = ""
    price: str = ""
    size: str = ""
    outcome: str = ""
    reason: str = ""
    data_age_ms: float | None = None
    seq: int | None = None
    src: str = ""


class Position(msgspec.Struct, frozen=True):
    size: str = "0"
    entry_price: str | None = None
    realised: str | None = None


class OpenOrder(msgspec.Struct, frozen=True):
    order_id: str
    side: str = ""
    price: str = ""
    size: str = ""
    size_matched: str = "0"


class ChildStatus(msgspec.Struct, frozen=True):
    """``children/<token>.json``."""

    token_id: str
    pid: int
    pid_started_s: float | None
    boottime_s: float
    mode: str | None = None
    state: str = "running"
    exit_code: int | None = None
    written_at: float | None = None
    started_at: float | None = None
    source: str | None = None
    switches: int = 0
    shared_ws_cache_path: str | None = None
    epoch: int | None = None
    seq: int | None = None
    reads: dict[str, int] = {}
    conflated: int = 0
    lag_ms: Lag = Lag()
    quote: Quote | None = None
    stages: dict[str, Stage] = {}
    position: Position | None = None
    open_orders: tuple[OpenOrder, ...] | None = None
    last_order: LastOrder | None = None
    counts: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A status file that is there but says nothing."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A status file that is not there."""

    path: str


def read_supervisor(data_dir: Path) -> Supervisor | Absent | Unreadable:
    return _read(data_dir / SUPERVISOR_FILE, Supervisor)


def read_children(data_dir: Path) -> dict[str, ChildStatus | Unreadable]:
    """Return every child's status by token id, also of children that have ended.

    Raises:
        OSError: The folder is there but cannot be listed.
    """
    found: dict[str, ChildStatus | Unreadable] = {}
    folder = data_dir / CHILDREN_FOLDER
    if not folder.is_dir():
        return found
    for path in sorted(folder.glob("*.json")):
        status = _read(path, ChildStatus)
        if not isinstance(status, Absent):  # it may vanish between the listing and the read
            found[path.stem] = status
    return found


def _read(path: Path, kind: type[T]) -> T | Absent | Unreadable:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Absent(str(path))
    except OSError as error:
        return Unreadable(str(path), error.strerror or str(error))
    if len(data) > MAX_BYTES:
        return Unreadable(str(path), f"{len(data)} bytes, expected no more than {MAX_BYTES}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unreadable(str(path), str(error))
