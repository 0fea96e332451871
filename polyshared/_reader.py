"""Any number of processes that read a snapshot."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from polyshared import _clock
from polyshared._clock import Moment, age_s, boot_s_of
from polyshared._codec import MAX_BYTES
from polyshared._doorbell import Doorbell
from polyshared._errors import SnapshotError, SnapshotMissing, SnapshotStale
from polyshared._file import SnapshotFile
from polyshared._history import History
from polyshared._lane_reader import LONGEST_WAIT_S, LaneReader
from polyshared._lock import read_owner
from polyshared._snapshot import Changes, Cursor, Entry, Feed, Snapshot
from polyshared._wakeup import Wakeup

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
        self._boot_s = boot_s_of(clock)
        self._file = SnapshotFile(self.path, self._shown, max_bytes)
        self._doorbell = Doorbell(self.path, poll_s)
        self._history = History(max_age_s)
        self._lane: LaneReader | None = None
        if lane:
            self._lane = LaneReader(
                self.path,
                self._shown,
                self._history,
                admits=self._admits,
                max_age_s=max_age_s,
                clock=clock,
            )
        self._last: Snapshot | None = None
        self._failed: dict[str, _Outcome] = {}  # keys whose last outcome was an error

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
        beat = self._lane.beat(at) if self._lane is not None else None
        if beat is not None:
            return Feed(
                fields=beat.pulse.feed,
                epoch=beat.epoch,
                flush_seq=beat.pulse.flush_seq,
                flush_failing_since=beat.pulse.failing_since,
                written=beat.written,
                age_s=age_s(beat.written, at),
            )
        snapshot = self.read()
        return Feed(
            fields=snapshot.feed,
            epoch=snapshot.epoch,
            flush_seq=snapshot.flush_seq,
            flush_failing_since=None,
            written=snapshot.written,
            age_s=snapshot.age_s,
        )

    def entry(self, key: str) -> Entry:
        """Return the newest entry of *key*: from the lane, else from the file.

        Raises:
            SnapshotMissing: There is no such key; or see `read`.
            SnapshotCorrupt, SnapshotTooNew, SnapshotStale: See `read`.
        """
        at = self._clock()
        try:
            entry = self._lane.entry(key, at) if self._lane is not None else None
            if entry is None:
                entry = self._entry_of_file(key, at)
        except SnapshotError as error:
            self._failed[key] = _outcome(error)
            raise
        self._failed.pop(key, None)
        return entry

    def follow(self, key: str, *, timeout_s: float = 1.0) -> Entry:
        """Return or raise as `entry` does, as soon as the outcome is another than last time.

        Last time is the last call of `entry` or `follow` for this key; the
        first call answers at once. Any change counts: of a field, versioned or
        not, the entry's end, the writer's silence, its return. Nothing changed
        within *timeout_s*: the old outcome again, with its new age.
        """
        began_s = self._boot_s()
        if self._lane is not None and key not in self._failed:
            entry = self._lane.hear(key, began_s, timeout_s)
            if entry is not None:
                return entry
        return self._follow(key, began_s + timeout_s)

    def _follow(self, key: str, deadline_s: float) -> Entry:
        """Follow any key, whatever was told of it, and whatever can wake us."""
        told = self._last_outcome(key)
        now_s = self._boot_s()
        if self._is_listening(key, now_s):
            rest_s = min(LONGEST_WAIT_S, deadline_s - now_s)
            self._doorbell.wait(rest_s, functools.partial(self._file.has_news, key))
        rang = False
        while True:
            try:
                entry = self.entry(key)
            except SnapshotError as error:
                if _outcome(error) != told or self._boot_s() >= deadline_s:
                    raise
            else:
                if entry.version != told or self._boot_s() >= deadline_s:
                    return entry
            if rang and self._lane is not None:  # in vain: the board may have been replaced
                rang = False
                self._lane.expire()
            else:
                rang = self._wait(key, deadline_s - self._boot_s())

    def wakeup(self, key: str) -> Wakeup:
        """Start a thread that makes a file descriptor readable when *key* changes.

        For a loop that waits for other things too (select, asyncio). The
        descriptor says only that `entry` has news; close it when done.
        """
        return Wakeup(SnapshotReader(self.path, max_age_s=self._max_age_s), key)

    def close(self) -> None:
        """Give up what is open. The reader may be used again."""
        if self._lane is not None:
            self._lane.drop()
        self._doorbell.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _last_outcome(self, key: str) -> _Outcome | None:
        entry = self._history.entries.get(key)
        return self._failed.get(key) or (None if entry is None else entry.version)

    def _is_listening(self, key: str, now_s: float) -> bool:
        """Say whether a change of its line in the file tells all that may become of *key*."""
        alive = self._history.alive
        return (
            key not in self._failed
            and self._file.has_told(key)
            and alive is not None
            and now_s - alive.boot_s <= self._max_age_s
            and not (self._lane and self._lane.is_used)
        )

    def _entry_of_file(self, key: str, at: Moment) -> Entry:
        entry = self._file.line(key, at)
        if entry is None or self._is_back(entry.epoch, self._file.flush_seq, at):
            whole = self.read().tokens.get(key)
            if whole is None:
                raise SnapshotMissing(self._shown, key=key)
            return self._history.keep(whole)
        self._history.saw(entry.epoch, self._file.written)
        if entry.writer_age_s > self._max_age_s:
            raise self._stale(entry.writer_age_s)
        newest = self._history.keep(entry)
        return entry if newest is entry else newest.read_at(at, entry.writer_age_s)

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
        if last is not None and last.epoch == epoch and last.flush_seq > flush_seq:
            return True
        return epoch < self._history.epoch and not self._admits(epoch, at)

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
        timeout_s = max(0.0, min(LONGEST_WAIT_S, timeout_s))
        if self._lane is not None and self._lane.is_used:
            return self._lane.wait(key, timeout_s)
        self._doorbell.wait(timeout_s)
        return False


def _outcome(error: SnapshotError) -> _Outcome:
    return type(error), error.key if isinstance(error, SnapshotMissing) else None
