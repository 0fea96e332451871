"""What the aggregator's snapshot says of one token, and whether that is of any use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.entry import from_entry
from POLYMARKET_MAKER.core.failover import Fault
from POLYMARKET_MAKER.core.feed import LineState
from POLYMARKET_MAKER.core.health import HealthLimits, snapshot_health
from POLYMARKET_MAKER.core.model import AgedQuote, Source, TokenHealth
from polyshared import (
    Entry,
    Feed,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotMissing,
    SnapshotReader,
    SnapshotStale,
    SnapshotTooNew,
)

_FAULT_OF_HEALTH = {
    TokenHealth.PENDING: Fault.TOKEN_PENDING,
    TokenHealth.RESYNC: Fault.TOKEN_RESYNC,
    TokenHealth.SUSPECT: Fault.TOKEN_SUSPECT,
}
_OUTCOME_OF_FAULT = {
    Fault.MISSING: "missing",
    Fault.CORRUPT: "corrupt",
    Fault.TOO_NEW: "too_new",
    Fault.WRITER_SILENT: "stale",
    Fault.TOKEN_ABSENT: "absent",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the snapshot found.

    Attributes:
        aged: The quote and its worth; a quote that can no longer be read is STALE.
            None when this token never had one.
        fault: Why the snapshot is of no use right now; None when it is.
        age_s: Age that was judged: of the writer, or of the fault's own stamp.
        version: (epoch, rev) of the entry; differs whenever anything of it differs.
        epoch: Life of the writer that the quote belongs to.
    """

    aged: AgedQuote | None
    fault: Fault | None
    age_s: float | None
    version: tuple[int, int] | None
    epoch: int | None


class SharedQuotes:
    """Reads one token from the aggregator's snapshot.

    Attributes:
        reads: How the looks ended: ok, missing, corrupt, stale, too_new, absent.
    """

    def __init__(self, path: Path, token_id: str, *, max_age_s: float, clock: Clock) -> None:
        """Read from the snapshot at *path*, whose writer may be silent for *max_age_s*."""
        self.path = path
        self.reads: Counter[str] = Counter()
        self._token_id = token_id
        self._reader = SnapshotReader(path, max_age_s=max_age_s)
        self._limits = HealthLimits(writer_s=max_age_s)
        self._clock = clock
        self._last: Look = Look(None, None, None, None, None)
        self._last_boot = 0.0

    def look(self) -> Look:
        """Look once. Never raises for what another process did to the file."""
        try:
            entry, feed = self._reader.entry(self._token_id), self._reader.feed()
            look = self._judge(entry, feed)
        except SnapshotError as error:
            look = self._without_entry(error)
        except ValueError:  # the entry's fields are not those of a quote
            look = replace(self._aged_last(), fault=Fault.CORRUPT)
        self.reads[_OUTCOME_OF_FAULT.get(look.fault, "ok") if look.fault else "ok"] += 1
        self._last, self._last_boot = look, self._clock.boot()
        return look

    def wait(self, timeout_s: float) -> None:
        """Wait until this token's entry or its use changes, at most *timeout_s*."""
        with suppress(SnapshotError):
            self._reader.follow(self._token_id, timeout_s=timeout_s)

    def close(self) -> None:
        self._reader.close()

    def _judge(self, entry: Entry, feed: Feed) -> Look:
        quote = from_entry(self._token_id, entry.fields, seq=entry.seq)
        # The writer stamps an entry also when only its health changed: count from the quote.
        age_s = entry.age_s + max(0.0, entry.put_at.wall_s - quote.received_at)
        state, silent_s = self._line(entry.fields.get("conn"), feed)
        health = snapshot_health(
            TokenHealth(str(entry.fields.get("health"))),
            written_age_s=entry.writer_age_s,
            quote_age_s=age_s,
            line_state=state,
            line_silent_s=silent_s,
            limits=self._limits,
        )
        line_is_up = (
            state is LineState.OPEN and silent_s is not None and silent_s <= self._limits.grace_s
        )
        fault = _FAULT_OF_HEALTH.get(health)
        if fault is Fault.TOKEN_RESYNC and not line_is_up:
            fault = Fault.LINE_DOWN
        aged = AgedQuote(quote, age_s, health, Source.SHARED)
        return Look(aged, fault, age_s, entry.version, entry.epoch)

    def _line(self, conn: object, feed: Feed) -> tuple[LineState, float | None]:
        """Return state and silence of the connection that carries this token."""
        connections: list[Mapping[str, Any]] = feed.fields.get("connections") or []
        block = next((each for each in connections if each.get("id") == conn), feed.fields)
        last_frame_at = block.get("last_frame_at")
        silent_s = None if last_frame_at is None else max(0.0, self._clock.now() - last_frame_at)
        return LineState(block.get("state", LineState.DOWN)), silent_s

    def _without_entry(self, error: SnapshotError) -> Look:
        last = self._aged_last()
        match error:
            case SnapshotMissing(key=None):
                return replace(last, fault=Fault.MISSING)
            case SnapshotMissing():
                return replace(last, fault=self._absent())
            case SnapshotStale():
                return replace(last, fault=Fault.WRITER_SILENT, age_s=error.age_s)
            case SnapshotTooNew():
                return replace(last, fault=Fault.TOO_NEW)
            case SnapshotCorrupt():
                return replace(last, fault=Fault.CORRUPT)
        raise error

    def _absent(self) -> Fault:
        """Tell a token that is not in the snapshot from a line that brings none at all."""
        try:
            state = self._reader.feed().fields.get("state")
        except SnapshotError:
            return Fault.TOKEN_ABSENT
        return Fault.TOKEN_ABSENT if state in ("open", "idle") else Fault.LINE_DOWN

    def _aged_last(self) -> Look:
        """Return the last quote with its present age: it can no longer be read, so it is STALE."""
        if self._last.aged is None:
            return self._last
        older_s = self._clock.boot() - self._last_boot
        aged = replace(
            self._last.aged, age_s=self._last.aged.age_s + older_s, health=TokenHealth.STALE
        )
        return replace(self._last, aged=aged)
