"""The one process that writes a snapshot."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Self

from polyshared import _clock
from polyshared._atomic import Replacer
from polyshared._board import board_path
from polyshared._broadcast import Broadcast
from polyshared._clock import Moment
from polyshared._codec import encode_fields
from polyshared._errors import WriterFenced
from polyshared._flush_state import FlushState
from polyshared._flusher import Flusher
from polyshared._lock import new_owner
from polyshared._start import clean_up, next_epoch, require_usable, silence_s
from polyshared._table import Table, Texts
from polyshared._tenure import Tenure

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
        take_over: Replace a lock whose owner is suspended or stuck, too. An
            owner that has ended gives way in any case.
        durable: Flush every file to disk; a cache does not need it.
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
        self.callback_errors = 0
        self._heartbeat_s = heartbeat_s
        self._max_age_s = max_age_s
        self._wants_lane = lane
        self._on_flush_state = on_flush_state
        self._clock = clock

        self._mutex = threading.Lock()  # guards all that follows
        self._flushing = threading.Lock()  # held for a whole flush; taken before _mutex
        self._table = Table(unversioned)
        self._flushes = FlushState(min_interval_s=min_interval_s, heartbeat_s=heartbeat_s)
        self._flusher = Flusher(self.path, self.flush_if_due, self._crash)
        self._pulsed_s = 0.0

        require_usable(self.path, allow_remote=allow_remote)
        self._tenure = Tenure(self.path, self._on_end)
        self._tenure.begin(may_replace=self._owner_is_silent if take_over else None)
        try:
            self._begin(version)
        except BaseException:
            self._tenure.release()
            raise

    def _begin(self, version: str) -> None:
        clean_up(self.path)
        at = self._clock()
        self.epoch = next_epoch(self.path, at)
        self._owner = new_owner(epoch=self.epoch, version=version, at=at)
        self._tenure.publish(self._owner)
        self._table.writer = self._owner.about()
        self._lane = Broadcast(
            board_path(self.path),
            epoch=self.epoch,
            boot_id=at.boot_id,
            pulse=self._pulse,
            entries=self._table.entries,
        )
        if self._wants_lane:
            self._lane.restore()

    def _on_end(self) -> None:
        self._lane.close()
        self._flusher.wake()

    def _owner_is_silent(self) -> bool:
        return silence_s(self.path, self._clock()) > self._max_age_s

    @property
    def lane_error(self) -> OSError | None:
        """Why there is no lane; None while there is one, or none is wanted."""
        return self._lane.error

    @property
    def failing_since(self) -> float | None:
        """Epoch seconds since when flushing fails; None while it works."""
        return self._flushes.failing_since

    @property
    def failures(self) -> int:
        """How many flushes have failed in all."""
        return self._flushes.failures

    @property
    def last_error(self) -> OSError | None:
        """The last failure of a flush; stays after recovery."""
        return self._flushes.last_error

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
            return self._put(key, self._table.encode(key, entry))
        except ValueError as error:
            raise ValueError(f"entry of {key!r}: {error}") from error

    def put_text(self, key: str, versioned: bytes, rest: bytes = b"{}") -> int:
        """Do what `put` does with an entry that is text already, in half the time.

        Args:
            key: Any text.
            versioned: A JSON object, as ``msgspec.json.encode`` writes it. It is certain to be one
                when this returns. That no name is there twice, here or in *rest*, and that
                numbers are in their shortest form is the caller's word.
            rest: Another one, of the fields that change without a new seq.

        Returns:
            The entry's seq.

        Raises:
            ValueError: One is not the text of a JSON object, or too large. The old entry stands.
            WriterFenced: This process is no longer the writer.
        """
        try:
            self._table.prove(key, (versioned, rest))
            return self._put(key, (versioned, rest))
        except ValueError as error:
            raise ValueError(f"entry of {key!r}: {error}") from error

    def _put(self, key: str, texts: Texts) -> int:
        with self._mutex:
            at = self._clock()
            self._tenure.check(at)
            seq, text = self._table.put(key, texts, at.boot_s)
            if text is not None:
                self._lane.put(key, text)
                self._mark_dirty()
            if at.boot_s - self._pulsed_s > self._heartbeat_s:
                self._lane.beat()  # whoever flushes may hang in a disk
        return seq

    def _pulse(self) -> bytes:
        at = self._clock()
        self._pulsed_s = at.boot_s
        return self._table.pulse(at, self._flushes.written, self._flushes.failing_since)

    def delete(self, key: str) -> bool:
        """Remove *key*; put again later, its seq goes on. Returns whether it was there."""
        with self._mutex:
            self._tenure.check(self._clock())
            if not self._table.delete(key):
                return False
            self._lane.delete(key)
            self._mark_dirty()
        return True

    def set_feed(self, feed: Mapping[str, Any]) -> None:
        """Say how the writer's own sources are. Any JSON object; raises as `put` does."""
        text = encode_fields(feed)
        with self._mutex:
            self._tenure.check(self._clock())
            if text != self._table.feed:
                self._table.feed = text
                self._lane.beat()
                self._mark_dirty()

    def _mark_dirty(self) -> None:
        if not self._flushes.is_dirty:
            self._flushes.is_dirty = True
            self._flusher.wake()

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
            self._note(None, disturbed=disturbed)

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
            at = self._clock()
            self._tenure.check(at)
            return self._flushes.due_in_s(at.boot_s)

    def _render(self) -> bytes:
        at = self._clock()
        self._tenure.look(at)
        self._flushes.begin(at.boot_s)
        self._tenure.regain()
        if self._wants_lane:
            self._lane.restore()
        number = self._flushes.take()
        return self._table.render(at, self.epoch, number)

    def _note(self, error: OSError | None, *, disturbed: bool = False) -> None:
        with self._mutex:
            wall_s = self._clock().wall_s
            has_changed = self._flushes.end(error, wall_s)
            if disturbed:
                self._table.note_disturbance(wall_s)
                self._mark_dirty()
            self._lane.beat()
        if not has_changed or self._on_flush_state is None:
            return
        try:
            self._on_flush_state(error)
        except Exception:  # noqa: BLE001 - a user's callback must not stop the writer
            self.callback_errors += 1
            _log.exception("on_flush_state of %s raised", self.path)

    def start(self) -> Self:
        """Flush from a thread of this writer's own until `close`.

        When the writer is fenced the thread ends and says so in the log; the
        next call of any method raises `WriterFenced`. An unexpected exception
        does the same: it is raised again by the next call.
        """
        with self._mutex:
            self._tenure.check(self._clock())
            self._flusher.start()
        return self

    def _crash(self, error: Exception) -> None:
        with self._mutex:
            self._tenure.end(error)

    def close(self) -> None:
        """Write what is not yet written and give up the lock. The files stay, and grow stale."""
        if self._owner.pid != os.getpid():
            return  # a forked child holds nothing that it could give up
        self._flusher.stop()
        if self._tenure.ended is None:
            with suppress(WriterFenced):
                if self._flushes.is_dirty:
                    self.heartbeat()
        with self._mutex:
            if self._tenure.ended is None:
                self._tenure.end(RuntimeError(f"{self.path}: writer was closed"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
