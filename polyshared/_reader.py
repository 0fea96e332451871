"""Any number of processes that read a snapshot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from polyshared import _clock
from polyshared._clock import Moment, age_s
from polyshared._codec import MAX_BYTES, parse_fields
from polyshared._doorbell import Doorbell
from polyshared._errors import SnapshotError, SnapshotMissing, SnapshotStale
from polyshared._file import SnapshotFile
from polyshared._history import History
from polyshared._lane import Lane, LaneLostError
from polyshared._lane_source import Beat, LaneSource
from polyshared._lock import read_owner
from polyshared._snapshot import Changes, Cursor, Entry, Feed, Snapshot, make_entry
from polyshared._wakeup import Wakeup

_LONGEST_WAIT_S = 1.0  # then the writer's life is looked at
_Outcome = tuple[object, object]  # an entry's version, or an error's type and key


class SnapshotReader:
    """Reads what a `SnapshotWriter` publishes. May start before it, and outlives it.

    What a reader has given out never goes back: not to an older epoch, not to
    an older entry. A restarted writer is followed at once.

    One reader belongs to one thread, and starts none of its own.

    Args:
        path: The snapshot file. A symbolic link is resolved once, here.
        max_age_s: Silence of the writer after which nothing it wrote is given
            out. ``math.inf`` gives out everything, with its age.
        lane: Use the writer's board where there is one.
        poll_s: How often the file is looked at where nothing can wake us.
        max_bytes: Largest file that is read.
        clock: For tests.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_age_s: float = 10.0,
        lane: bool = True,
        poll_s: float = 0.02,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], Moment] = _clock.now,
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self._shown = os.fspath(path)
        self._max_age_s = max_age_s
        self._clock = clock
        self._file = SnapshotFile(self.path, self._shown, max_bytes)
        self._doorbell = Doorbell(self.path, poll_s)
        self._source = LaneSource(self.path) if lane else None
        self._lane: Lane | None = None  # where the last entry came from; None: the file
        self._fit: Beat | None = None  # what `_beat` found, and may take again until then:
        self._fit_until_s = 0.0
        self._history = History(max_age_s)
        self._last: Snapshot | None = None
        self._told: dict[str, _Outcome] = {}

    def read(self) -> Snapshot:
        """Return all entries as of the last flush, or newer where `entry` gave out newer ones.

        Raises:
            SnapshotMissing: There is no file, or an empty one.
            SnapshotCorrupt: It is not a snapshot.
            SnapshotTooNew: It is of a later schema.
            SnapshotStale: Its writer has been silent for longer than the limit.
        """
        at = self._clock()
        snapshot = self._never_back(self._file.load(at), at)
        if snapshot.age_s > self._max_age_s:
            raise self._stale(snapshot.age_s)
        self._last = snapshot
        return snapshot

    def since(self, cursor: Cursor | None) -> Changes:
        """Return what changed after *cursor*, which is that of a snapshot or of earlier changes.

        Not a queue: of several changes of a key the last one is returned. None,
        or a cursor of another epoch, returns everything. Raises as `read` does.
        """
        snapshot = self.read()
        entries = snapshot.tokens
        if cursor is not None and cursor.epoch == snapshot.epoch:
            entries = {key: each for key, each in entries.items() if each.rev > cursor.seq}
        return Changes(cursor=snapshot.cursor, entries=entries, keys=frozenset(snapshot.tokens))

    def feed(self) -> Feed:
        """Return what the writer says of its sources: from the lane, else as `read` does."""
        at = self._clock()
        if (beat := self._beat(at)) is not None:
            return Feed(
                fields=beat.pulse.feed,
                epoch=beat.epoch,
                flush_seq=beat.pulse.flush_seq,
                flush_failing_since=beat.pulse.failing_since,
                age_s=age_s(beat.written, at),
            )
        snapshot = self.read()
        return Feed(
            fields=snapshot.feed,
            epoch=snapshot.epoch,
            flush_seq=snapshot.flush_seq,
            flush_failing_since=None,
            age_s=snapshot.age_s,
        )

    def entry(self, key: str) -> Entry:
        """Return the newest entry of *key*: from the lane, else from the file.

        Raises:
            SnapshotMissing: There is no such key; or see `read`.
            SnapshotCorrupt, SnapshotTooNew, SnapshotStale: See `read`.
        """
        try:
            entry = self._entry(key)
        except SnapshotError as error:
            self._told[key] = _outcome(error)
            raise
        self._told[key] = entry.version
        return entry

    def follow(self, key: str, *, timeout_s: float = 1.0) -> Entry:
        """Return or raise as `entry` does, as soon as the outcome is another than last time.

        Last time is the last call of `entry` or `follow` for this key; the
        first call answers at once. Any change counts: of a field, versioned or
        not, the entry's end, the writer's silence, its return. Nothing changed
        within *timeout_s*: the old outcome again, with its new age.
        """
        began_s = self._clock().boot_s
        deadline_s = began_s + timeout_s
        told = self._told.get(key)
        # What was told a moment ago is not read again only to see that it is the same: the bell
        # knows. It is another key's `entry` or `read` that may have made it out of date.
        rang = (
            began_s < self._fit_until_s
            and self._lane is not None
            and self._lane.has_read(key)
            and self._wait(key, timeout_s)
        )
        while True:
            try:
                entry = self.entry(key)
            except SnapshotError as error:
                if _outcome(error) != told or self._clock().boot_s >= deadline_s:
                    raise
            else:
                if entry.version != told or self._clock().boot_s >= deadline_s:
                    return entry
            if rang:  # in vain: the board may have been replaced
                rang = False
                self._expire()
            else:
                rang = self._wait(key, deadline_s - self._clock().boot_s)

    def wakeup(self, key: str) -> Wakeup:
        """Start a thread that makes a file descriptor readable when *key* changes.

        For a loop that waits for other things too (select, asyncio). The
        descriptor says only that `entry` has news; close it when done.
        """
        return Wakeup(SnapshotReader(self.path, max_age_s=self._max_age_s), key)

    def close(self) -> None:
        """Give up what is open. The reader may be used again."""
        self._drop()
        self._doorbell.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _entry(self, key: str) -> Entry:
        at = self._clock()
        if (beat := self._beat(at)) is not None:
            try:
                return self._entry_of_lane(key, beat, at)
            except LaneLostError:
                self._drop()
        self._fit = self._lane = None
        return self._entry_of_file(key, at)

    def _beat(self, at: Moment) -> Beat | None:
        """Return the lane's sign of life, None if the lane is not fit to be used."""
        if self._source is None:
            return None
        fit = self._fit
        if fit is not None and at.boot_s < self._fit_until_s and fit.epoch == self._history.epoch:
            return fit
        beat = self._source.beat(at)
        if beat is not None and age_s(beat.written, at) > self._max_age_s:
            beat = self._source.look(at)  # the last look may be as old as that
        if (
            beat is None
            or age_s(beat.written, at) > self._max_age_s
            or not self._admits(beat.epoch, at)
        ):
            return None
        self._history.saw(beat.epoch, beat.written)
        self._lane = self._source.lane
        self._fit = beat
        self._fit_until_s = min(self._source.fresh_until_s, beat.written.boot_s + self._max_age_s)
        return beat

    def _entry_of_lane(self, key: str, beat: Beat, at: Moment) -> Entry:
        assert self._lane is not None
        payload = self._lane.payload(key)
        if not payload:
            raise SnapshotMissing(self._shown, key=key)
        fields = parse_fields(payload)
        entry = fields and make_entry(key, fields, epoch=beat.epoch, written=beat.written, at=at)
        if not entry:
            raise LaneLostError("payload is not an entry")
        return self._history.keep(entry)

    def _entry_of_file(self, key: str, at: Moment) -> Entry:
        line = self._file.line(key, at)
        if line is None or self._is_back(line.entry.epoch, line.flush_seq, at):
            entry = self.read().tokens.get(key)
            if entry is None:
                raise SnapshotMissing(self._shown, key=key)
            return self._history.keep(entry)
        self._history.saw(line.entry.epoch, line.written)
        writer_age_s = age_s(line.written, at)
        if writer_age_s > self._max_age_s:
            raise self._stale(writer_age_s)
        return self._history.keep(line.entry).read_at(at, writer_age_s)

    def _never_back(self, found: Snapshot, at: Moment) -> Snapshot:
        """Return *found*, or the last snapshot with its present age if *found* is older."""
        if self._is_back(found.epoch, found.flush_seq, at):
            if self._last is None or self._last.epoch != self._history.epoch:
                raise self._stale(found.age_s, superseded=True)
            return self._last.read_at(at)
        self._history.saw(found.epoch, found.written)
        tokens = {key: self._history.newest(entry) for key, entry in found.tokens.items()}
        return found.with_tokens(tokens)

    def _is_back(self, epoch: int, flush_seq: int, at: Moment) -> bool:
        last = self._last
        is_earlier = last is not None and last.epoch == epoch and last.flush_seq > flush_seq
        return is_earlier or not self._admits(epoch, at)

    def _admits(self, epoch: int, at: Moment) -> bool:
        return self._history.admits(epoch, at, self._owner_epoch)

    def _owner_epoch(self) -> int:
        owner = read_owner(self.path)
        return owner.epoch if owner else 0

    def _stale(self, age_s: float, *, superseded: bool = False) -> SnapshotStale:
        return SnapshotStale(
            self._shown, age_s=age_s, limit_s=self._max_age_s, superseded=superseded
        )

    def _wait(self, key: str, timeout_s: float) -> bool:
        """Wait for news of *key*. Returns whether the lane's bell rang."""
        timeout_s = max(0.0, min(_LONGEST_WAIT_S, timeout_s))
        if self._lane is None:
            self._doorbell.wait(timeout_s)
            return False
        try:
            if self._lane.wait(key, timeout_s):
                return True
            self._expire()
        except LaneLostError:
            self._drop()
        return False

    def _expire(self) -> None:
        """Let the next call look at the lane, whenever the last look was."""
        assert self._source is not None  # it is where the lane came from
        self._fit = None
        self._source.expire()

    def _drop(self) -> None:
        self._fit = self._lane = None
        if self._source is not None:
            self._source.drop()


def _outcome(error: SnapshotError) -> _Outcome:
    return type(error), error.key if isinstance(error, SnapshotMissing) else None
