"""What the aggregator's snapshot says of one token, and whether that is of any use."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.entry import EntryReader
from POLYMARKET_MAKER.core.failover import Fault
from POLYMARKET_MAKER.core.health import HealthLimits, snapshot_health
from POLYMARKET_MAKER.core.model import AgedQuote, Quote, Source, TokenHealth
from polyshared import (
    Entry,
    Moment,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotMissing,
    SnapshotReader,
    SnapshotStale,
    SnapshotTooNew,
)

FEED_EVERY_S = 0.5
"""Its lines' state is told once a second; without the lane each look reads the whole file."""

_FAULT_OF_HEALTH = {
    TokenHealth.PENDING: Fault.TOKEN_PENDING,
    TokenHealth.RESYNC: Fault.TOKEN_RESYNC,
    TokenHealth.SUSPECT: Fault.TOKEN_SUSPECT,
    TokenHealth.STALE: Fault.WRITER_SILENT,
}
_HEALTHS = {health.value: health for health in TokenHealth}
_FAULT_OF_ERROR: Mapping[type[SnapshotError], Fault] = {
    SnapshotMissing: Fault.MISSING,
    SnapshotCorrupt: Fault.CORRUPT,
    SnapshotTooNew: Fault.TOO_NEW,
    SnapshotStale: Fault.WRITER_SILENT,
}
_OUTCOMES = {
    Fault.MISSING: "missing",
    Fault.CORRUPT: "corrupt",
    Fault.TOO_NEW: "too_new",
    Fault.WRITER_SILENT: "stale",
    Fault.TOKEN_ABSENT: "absent",
}
OUTCOMES = ("ok", *_OUTCOMES.values())
"""How a look can end, as the status file names it."""


class Look(msgspec.Struct, frozen=True):
    """What one look at the snapshot found.

    Attributes:
        aged: The newest quote and its worth; None when this token never had one.
            What can no longer be read is RESYNC, and STALE once its writer's last
            sign of life is too old.
        fault: Why the snapshot is of no use right now; None when it is.
        epoch: Life of the writer that the quote belongs to.
    """

    aged: AgedQuote | None
    fault: Fault | None
    epoch: int | None


@dataclass(slots=True)
class _Known:
    """The newest quote that was read, and what its age is counted from.

    Attributes:
        version: Of the entry that it was read from.
        born_boot: When its book event was applied, on this machine's boot-time clock.
        alive_boot: The writer's last sign of life, on the same clock.
    """

    quote: Quote
    version: tuple[int, int]
    born_boot: float
    alive_boot: float


class _Read(msgspec.Struct, frozen=True):
    """An entry, and when its ages held, on this machine's boot-time clock."""

    entry: Entry
    boot: float

    @property
    def alive_boot(self) -> float:
        """When its writer last gave a sign of life."""
        return self.boot - self.entry.writer_age_s


class _LineBlock(msgspec.Struct):
    """What the snapshot says of one connection; a line that says no state is down."""

    id: int | None = None
    state: LineState = LineState.DOWN
    last_frame_at: float | None = None


class _FeedBlock(_LineBlock):
    """The same of all lines together, and of each."""

    connections: tuple[_LineBlock, ...] = ()

    def line_of(self, conn: object) -> _LineBlock:
        """Return the connection that carries a token, where it is told apart."""
        return next((each for each in self.connections if each.id == conn), self)


class SharedQuotes:
    """Reads one token from the aggregator's snapshot; one thread only.

    Ages come from the boot-time clock, which no one sets. The writer's wall-clock stamps
    are turned into it by the writer's own two clocks, so that a jump of the wall clock
    moves nobody.

    Attributes:
        path: The snapshot file.
        reads: How the looks ended, by the names in :data:`OUTCOMES`.
    """

    def __init__(self, path: Path, token_id: str, *, max_age_s: float, clock: Clock) -> None:
        """Read from the snapshot at *path*, whose writer may be silent for *max_age_s*."""
        self.path = path
        self.reads: Counter[str] = Counter()
        self._token_id = token_id
        self._reader = SnapshotReader(path, max_age_s=max_age_s)
        self._limits = HealthLimits(live_s=clock.real_s(HealthLimits().live_s), writer_s=max_age_s)
        self._clock = clock
        self._entries = EntryReader(token_id)
        self._arrived: _Read | None = None  # what a wait has brought, until the next look
        self._known: _Known | None = None
        self._feed: _FeedBlock | None = None
        self._feed_boot = -math.inf
        self._feed_offset_s = 0.0  # as the writer's clocks were when it told of its lines
        self._line = _LineBlock()  # the one that carries the token, as this feed says:
        self._line_feed: _FeedBlock | None = None
        self._line_conn: object = None

    def look(self) -> Look:
        """Look once. Never raises for what another process did to the file."""
        try:
            look = self._judge(self._read_entry(), self._read_feed())
        except SnapshotError as error:
            look = self._unread(self._fault_of(error))
        except ValueError:  # the fields are not those of a quote, or the feed's not a feed's
            look = self._unread(Fault.CORRUPT)
        outcome = "ok" if look.fault is None else _OUTCOMES.get(look.fault, "ok")
        self.reads[outcome] += 1
        return look

    def wait(self, timeout_s: float) -> None:
        """Wait until this token's entry or its use changes, at most *timeout_s*."""
        with suppress(SnapshotError):  # the next look finds out
            entry = self._reader.follow(self._token_id, timeout_s=timeout_s)
            self._arrived = _Read(entry, self._clock.boot())

    def close(self) -> None:
        self._reader.close()

    def _read_entry(self) -> _Read:
        """Return the entry that was waited for, else read the newest; raises as the reader does."""
        arrived, self._arrived = self._arrived, None
        return arrived or _Read(self._reader.entry(self._token_id), self._clock.boot())

    def _read_feed(self) -> _FeedBlock:
        """Read the feed's block, now and then.

        Raises:
            SnapshotError: It cannot be read.
            ValueError: Something in it has a wrong type.
        """
        boot = self._clock.boot()
        if self._feed is None or boot - self._feed_boot >= FEED_EVERY_S:
            self._feed = None
            found = self._reader.feed()
            self._feed = msgspec.convert(found.fields, _FeedBlock)
            self._feed_offset_s = self._offset_s(found.written)
            self._feed_boot = boot
        return self._feed

    def _judge(self, read: _Read, feed: _FeedBlock) -> Look:
        entry, boot = read.entry, self._clock.boot()
        offset_s = self._offset_s(entry.put_at)
        known = self._take(read, offset_s)
        age_s = max(0.0, boot - known.born_boot)
        conn = entry.fields.get("conn")
        if feed is not self._line_feed or conn != self._line_conn:
            self._line, self._line_feed, self._line_conn = feed.line_of(conn), feed, conn
        line = self._line
        heard_at = line.last_frame_at
        silent_s = None if heard_at is None else boot - (heard_at - self._feed_offset_s)
        health = snapshot_health(
            _health_of(entry),
            written_age_s=boot - read.alive_boot,
            quote_age_s=age_s,
            line_state=line.state,
            line_silent_s=silent_s,
            limits=self._limits,
        )
        fault = _FAULT_OF_HEALTH.get(health)
        is_heard = silent_s is not None and silent_s <= self._limits.grace_s
        line_is_up = line.state is LineState.OPEN and is_heard
        if fault is not None and fault.is_of_the_token and not line_is_up:
            fault = Fault.LINE_DOWN
        return Look(AgedQuote(known.quote, age_s, health, Source.SHARED), fault, entry.epoch)

    def _take(self, read: _Read, offset_s: float) -> _Known:
        """Read the entry's quote, unless it is the one that is known.

        The writer stamps an entry also when only its health changed. So its age counts
        from ``updated_at``, and is fixed when that quote is first seen.
        """
        known, entry = self._known, read.entry
        if known is None or known.version != entry.version:
            quote = self._entries.read(entry.fields, seq=entry.seq)
            born_boot = quote.received_at - offset_s
            if math.isfinite(entry.age_s):
                born_boot = min(born_boot, read.boot - entry.age_s)
            if known is not None and _is_same_event(known, quote, entry.epoch):
                born_boot = known.born_boot
            known = self._known = _Known(quote, entry.version, born_boot, read.boot)
        known.alive_boot = read.alive_boot
        return known

    def _offset_s(self, then: Moment) -> float:
        """Return wall clock minus boot-time clock, as the writer saw them *then*."""
        if then.boot_id and math.isfinite(then.wall_s):
            return then.wall_s - then.boot_s
        return self._clock.now() - self._clock.boot()  # a writer that tells no boot time

    def _fault_of(self, error: SnapshotError) -> Fault:
        if isinstance(error, SnapshotMissing) and error.key is not None:
            return self._why_absent()
        return _FAULT_OF_ERROR[type(error)]

    def _why_absent(self) -> Fault:
        """Tell a token that is not in the snapshot from a line that brings none at all."""
        try:
            state = self._read_feed().state
        except SnapshotError:
            return Fault.TOKEN_ABSENT
        except ValueError:
            return Fault.CORRUPT
        is_well = state in (LineState.OPEN, LineState.IDLE)
        return Fault.TOKEN_ABSENT if is_well else Fault.LINE_DOWN

    def _unread(self, fault: Fault) -> Look:
        """Return the last quote, which cannot be read now and is worth no new order."""
        known = self._known
        if known is None:
            return Look(None, fault, None)
        boot = self._clock.boot()
        is_silent = boot - known.alive_boot > self._limits.writer_s
        health = TokenHealth.STALE if is_silent else TokenHealth.RESYNC
        aged = AgedQuote(known.quote, max(0.0, boot - known.born_boot), health, Source.SHARED)
        return Look(aged, fault, known.version[0])


def _health_of(entry: Entry) -> TokenHealth:
    said = entry.fields.get("health")
    health = _HEALTHS.get(said) if isinstance(said, str) else None
    if health is None:
        raise ValueError(f"health was {said!r}, expected one of {', '.join(_HEALTHS)}")
    return health


def _is_same_event(known: _Known, quote: Quote, epoch: int) -> bool:
    return known.version[0] == epoch and known.quote.received_at == quote.received_at
