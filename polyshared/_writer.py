"""The one process that writes a snapshot."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from polyshared import _clock
from polyshared._atomic import Replacer
from polyshared._board import board_path
from polyshared._broadcast import Broadcast
from polyshared._clock import Moment
from polyshared._codec import encode_fields
from polyshared._errors import WriterFenced
from polyshared._lock import WriterLock, new_owner
from polyshared._start import clean_up, next_epoch, require_usable, silence_s
from polyshared._table import Table

UNVERSIONED = frozenset({"updated_at", "health", "conn"})
_log = logging.getLogger("polyshared")


class SnapshotWriter:
    """Publishes the latest state of many keys to other processes.

    Takes the writer's lock for its life. Starts without entries, in an epoch
    later than any before. Nothing is written before the first flush.

    Who flushes? Either call `flush_if_due` from a loop of your own, or
    `start` a thread that does it. Both write the file when something changed,
    at most every *min_interval_s*, and every *heartbeat_s* when nothing did.

    All methods may be called from any thread, and none from a forked child.

    Args:
        path: The snapshot file. Its directory must exist. A symbolic link is
            resolved once, here.
        min_interval_s: Least time between two flushes.
        heartbeat_s: Longest time between two flushes.
        max_age_s: With *take_over*, how long the owner must have been silent.
        take_over: Replace a lock whose owner is suspended or stuck. Without
            it, only an owner that has ended gives way.
        durable: Flush every file to disk. Costs milliseconds each time; a
            cache does not need it.
        lane: Also keep the board, so that readers are woken at once. Where it
            cannot be had (`lane_error` says why) readers live on the file.
        allow_remote: Also write to a network file system. Locks may lock
            nothing there, and readers on other hosts only poll.
        unversioned: Fields that change without a new seq.
        version: Shown as the writer's version in the file.
        on_flush_state: Called with the error when flushing begins to fail and
            with None when it works again, from the thread that flushes. Must not flush.
        clock: For tests.

    Raises:
        WriterBusy: Another process is the writer.
        OSError: The directory cannot be used, or *path* is no regular file.

    Attributes:
        path: The snapshot file, links resolved.
        epoch: The life of this writer.
        failing_since: Epoch seconds since when flushing fails; None while it works.
        failures: How many flushes have failed in all.
        last_error: The last failure; stays after recovery.
        callback_errors: How many calls of *on_flush_state* raised.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        min_interval_s: float = 0.5,
        heartbeat_s: float = 1.0,
        max_age_s: float = 10.0,
        take_over: bool = False,
        durable: bool = False,
        lane: bool = True,
        allow_remote: bool = False,
        unversioned: Collection[str] = UNVERSIONED,
        version: str = "",
        on_flush_state: Callable[[OSError | None], None] | None = None,
        clock: Callable[[], Moment] = _clock.now,
    ) -> None:
        self._replacer = Replacer(path, durable=durable)
        self.path = self._replacer.target
        self.failing_since: float | None = None
        self.failures = 0
        self.last_error: OSError | None = None
        self.callback_errors = 0
        self._min_interval_s = min_interval_s
        self._heartbeat_s = heartbeat_s
        self._max_age_s = max_age_s
        self._wants_lane = lane
        self._on_flush_state = on_flush_state
        self._clock = clock

        self._mutex = threading.Lock()  # guards all that follows
        self._flushing = threading.Lock()  # held for a whole flush; taken before _mutex
        self._table = Table(unversioned)
        self._flush_seq = 0  # of the last file that was tried
        self._flushed_seq = 0  # of the last file that was written
        self._pulsed_s = 0.0
        self._is_dirty = True
        self._last_try_s: float | None = None
        self._ended: Exception | None = None
        self._wake = threading.Event()
        self._stop = False
        self._thread: threading.Thread | None = None

        require_usable(self.path, allow_remote=allow_remote)
        self._lock = WriterLock(self.path)
        self._lock.acquire(may_replace=self._owner_is_silent if take_over else None)
        try:
            self._begin(version)
        except BaseException:
            self._lock.release()
            raise

    def _begin(self, version: str) -> None:
        clean_up(self.path)
        at = self._clock()
        self.epoch = next_epoch(self.path, at)
        self._owner = new_owner(epoch=self.epoch, version=version, at=at)
        self._lock.publish(self._owner)
        self._about: dict[str, Any] = {
            "pid": self._owner.pid,
            "host": self._owner.host,
            "started_at": self._owner.started_at,
            "version": version,
        }
        self._lane = Broadcast(
            board_path(self.path),
            epoch=self.epoch,
            boot_id=at.boot_id,
            entries=self._table.entries,
        )
        if self._wants_lane:
            self._lane.restore(self._pulse(at))

    def _owner_is_silent(self) -> bool:
        return silence_s(self.path, self._clock()) > self._max_age_s

    @property
    def lane_error(self) -> OSError | None:
        """Why there is no lane; None while there is one, or none is wanted."""
        return self._lane.error

    def put(self, key: str, entry: Mapping[str, Any]) -> int:
        """Set the entry of *key*. Readers' copies follow at once or at the next flush.

        The entry is copied. The same fields in the same order change nothing.

        Args:
            key: Any text.
            entry: JSON values under string keys. ``seq``, ``rev`` and
                ``boot_s`` belong to the writer.

        Returns:
            The entry's seq.

        Raises:
            ValueError: A number is not finite, or something is not JSON or is
                too large. The old entry stands.
            WriterFenced: This process is no longer the writer.
        """
        try:
            fields = self._table.encode(entry)
            with self._mutex:
                self._check()
                at = self._clock()
                put = self._table.put(key, fields, at.boot_s)
                if put.text is not None:
                    self._lane.put(key, put.text, lambda: self._pulse(at))
                    self._mark_dirty()
                if at.boot_s - self._pulsed_s > self._heartbeat_s:
                    self._lane.set_pulse(self._pulse(at))  # whoever flushes may hang in a disk
        except ValueError as error:
            raise ValueError(f"entry of {key!r}: {error}") from error
        return put.seq

    def _pulse(self, at: Moment) -> bytes:
        self._pulsed_s = at.boot_s
        return self._table.pulse(at, self._flushed_seq, self.failing_since)

    def delete(self, key: str) -> bool:
        """Remove *key*; put again later, its seq goes on. Returns whether it was there."""
        with self._mutex:
            self._check()
            if not self._table.delete(key):
                return False
            self._lane.delete(key)
            self._mark_dirty()
        return True

    def set_feed(self, feed: Mapping[str, Any]) -> None:
        """Say how the writer's own sources are. Any JSON object; raises as `put` does."""
        text = encode_fields(feed)
        with self._mutex:
            self._check()
            if text != self._table.feed:
                self._table.feed = text
                self._lane.set_pulse(self._pulse(self._clock()))
                self._mark_dirty()

    def _mark_dirty(self) -> None:
        if not self._is_dirty:
            self._is_dirty = True
            self._wake.set()

    def flush(self) -> None:
        """Write the file now, changed or not.

        Raises:
            OSError: The old file stands, and the failure is noted.
            WriterFenced: This process is no longer the writer.
        """
        with self._flushing:
            try:
                with self._mutex:
                    data = self._render()
                disturbed = self._replacer.replace(data)
            except OSError as error:
                self._note(error)
                raise
            if disturbed:
                self._note_disturbed()
            self._note(None)

    def _note_disturbed(self) -> None:
        """Say in the next files that another program wrote to the file; ours is back already."""
        with self._mutex:
            self._about["disturbed"] = self._about.get("disturbed", 0) + 1
            self._about["disturbed_at"] = round(self._clock().wall_s, 3)
            self._mark_dirty()

    def heartbeat(self) -> None:
        """Give a sign of life: flush, but let a failure be a state instead of an exception.

        Raises:
            WriterFenced: This process is no longer the writer.
        """
        with suppress(OSError):
            self.flush()

    def flush_if_due(self) -> float:
        """Flush if it is time to. Returns the seconds until it will be time again.

        Raises:
            WriterFenced: This process is no longer the writer.
        """
        if self._due_in_s() <= 0:
            self.heartbeat()
        return max(0.0, self._due_in_s())

    def _due_in_s(self) -> float:
        with self._mutex:
            self._check()
            if self._last_try_s is None:
                return 0.0
            # A disk that is full is asked again once a heartbeat, however much changes.
            is_soon = self._is_dirty and self.failing_since is None
            interval_s = self._min_interval_s if is_soon else self._heartbeat_s
            return self._last_try_s + interval_s - self._clock().boot_s

    def _render(self) -> bytes:
        self._check()
        at = self._clock()
        self._last_try_s = at.boot_s
        self._regain_place()
        if self._wants_lane:
            self._lane.restore(self._pulse(at))
        self._flush_seq += 1
        self._is_dirty = False
        return self._table.render(at, self.epoch, self._flush_seq, encode_fields(self._about))

    def _note(self, error: OSError | None) -> None:
        with self._mutex:
            was_failing = self.failing_since is not None
            if error is None:
                self.failing_since = None
                self._flushed_seq = self._flush_seq
            else:
                self.failures += 1
                self.last_error = error
                self._is_dirty = True
                if not was_failing:
                    self.failing_since = self._clock().wall_s
            self._lane.set_pulse(self._pulse(self._clock()))
        if was_failing is (error is not None) or self._on_flush_state is None:
            return
        try:
            self._on_flush_state(error)
        except Exception:  # noqa: BLE001 - a user's callback must not stop the writer
            self.callback_errors += 1
            _log.exception("on_flush_state of %s raised", self.path)

    def _check(self) -> None:
        """Raise unless this process may write."""
        if self._ended is not None:
            raise self._ended
        try:
            self._lock.check()
        except WriterFenced as error:
            if os.getpid() == self._owner.pid:
                self._end(error)
            raise
        except OSError:
            # It is gone, or cannot be looked at. The next flush takes it again or fails.
            # Until then a lane of ours that lost its place is a file nobody reads.
            pass

    def _regain_place(self) -> None:
        """Take the lock again if somebody removed its file, or the directory."""
        try:
            self._lock.check()
        except FileNotFoundError:
            try:
                self._lock.reacquire(self._owner)
            except WriterFenced as error:
                self._end(error)
                raise

    def _end(self, reason: Exception) -> None:
        self._ended = reason
        self._lane.close()
        self._lock.release()
        self._wake.set()

    def start(self) -> Self:
        """Flush from a thread of this writer's own until `close`.

        When the writer is fenced the thread ends and says so in the log; the
        next call of any method raises `WriterFenced`. An unexpected exception
        does the same: it is raised again by the next call.
        """
        with self._mutex:
            self._check()
            if self._thread is None:
                name = f"polyshared {self.path.name}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
        return self

    def _run(self) -> None:
        try:
            while True:
                self._wake.clear()
                if self._stop:
                    return
                self._wake.wait(self.flush_if_due())
        except WriterFenced as error:
            _log.error("%s", error)
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            # A writer that takes what it is given and writes no file would look alive.
            _log.exception("%s: flushing ended", self.path)
            with self._mutex:
                self._end(error)

    def close(self) -> None:
        """Write what is not yet written and give up the lock. The files stay, and grow stale."""
        if self._owner.pid != os.getpid():
            return  # a forked child holds nothing that it could give up
        self._stop = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._ended is None:
            with suppress(WriterFenced):
                if self._is_dirty:
                    self.heartbeat()
        with self._mutex:
            if self._ended is None:
                self._end(RuntimeError(f"{self.path}: writer was closed"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
