"""The one process that writes a snapshot."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Self

from polyshared import _clock
from polyshared._atomic import Parts, Replacer
from polyshared._board import board_path
from polyshared._broadcast import Broadcast
from polyshared._clock import Moment, boot_s_of
from polyshared._codec import encode_fields
from polyshared._errors import WriterFenced
from polyshared._file_writer import FileWriter
from polyshared._flush_state import FlushState
from polyshared._flusher import Flusher
from polyshared._start import require_usable
from polyshared._table import Table
from polyshared._tenure import Tenure
from polyshared._writer_state import WriterState

UNVERSIONED = frozenset({"updated_at", "health", "conn"})


class SnapshotWriter(WriterState):
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
        self._heartbeat_s = heartbeat_s
        self._wants_lane = lane
        self._clock = clock
        self._boot_s = boot_s_of(clock)

        self._mutex = threading.Lock()  # guards all that follows
        self._table = Table(unversioned)
        self._flushes = FlushState(min_interval_s=min_interval_s, heartbeat_s=heartbeat_s)
        replacer = Replacer(path, durable=durable)
        self.path = replacer.target
        self._tenure = Tenure(self.path, self._on_end)
        self._file = FileWriter(
            replacer,
            self._mutex,
            self._flushes,
            clock,
            check=self._tenure.check,
            render=self._render,
            on_end=self._on_flushed,
            on_change=on_flush_state,
        )
        self._flusher = Flusher(self.path, self.flush_if_due, self._crash)
        self._pulsed_s = 0.0

        require_usable(self.path, allow_remote=allow_remote)
        self._owner = self._tenure.begin(
            clock, version=version, silent_for_s=max_age_s if take_over else None
        )
        self.epoch = self._owner.epoch
        self._table.writer = self._owner.about()
        self._lane = Broadcast(
            board_path(self.path),
            epoch=self.epoch,
            boot_id=self._owner.boot_id,
            pulse=self._pulse,
            entries=self._table.entries,
        )
        if lane:
            self._lane.restore()

    def _on_end(self) -> None:
        self._lane.close()
        self._flusher.wake()

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
            return self._put(key, *self._table.encode(key, entry), proven=True)
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
            return self._put(key, versioned, rest)
        except ValueError as error:
            raise ValueError(f"entry of {key!r}: {error}") from error

    def _put(self, key: str, versioned: bytes, rest: bytes, *, proven: bool = False) -> int:
        with self._mutex:
            boot_s = self._boot_s()
            self._tenure.check(boot_s)
            seq, text = self._table.put(key, versioned, rest, boot_s, proven=proven)
            if text is not None:
                self._lane.put(key, text)
                if not self._flushes.is_dirty:
                    self._mark_dirty()
            if boot_s - self._pulsed_s > self._heartbeat_s:
                self._lane.beat()  # whoever flushes may hang in a disk
        return seq

    def _pulse(self) -> bytes:
        at = self._clock()
        self._pulsed_s = at.boot_s
        return self._table.pulse(at, self._flushes.written, self._flushes.failing_since)

    def delete(self, key: str) -> bool:
        """Remove *key*; put again later, its seq goes on. Returns whether it was there."""
        with self._mutex:
            self._tenure.check(self._boot_s())
            if not self._table.delete(key):
                return False
            self._lane.delete(key)
            self._mark_dirty()
        return True

    def set_feed(self, feed: Mapping[str, Any]) -> None:
        """Say how the writer's own sources are. Any JSON object; raises as `put` does."""
        text = encode_fields(feed)
        with self._mutex:
            self._tenure.check(self._boot_s())
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
        self._file.flush()

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
        return self._file.flush_if_due()

    def _render(self, at: Moment) -> Parts:
        is_ours = self._tenure.look(at.boot_s)
        self._flushes.begin(at.boot_s)
        if not is_ours:
            self._tenure.regain()
        if self._wants_lane:
            self._lane.restore()
        number = self._flushes.take()
        return self._table.render(at, self.epoch, number)

    def _on_flushed(self, was_disturbed: bool) -> None:  # noqa: FBT001 - a callback's argument
        if was_disturbed:
            self._table.note_disturbance(self._clock().wall_s)
            self._mark_dirty()
        self._lane.beat()

    def start(self) -> Self:
        """Flush from a thread of this writer's own until `close`.

        When the writer is fenced the thread ends and says so in the log; the
        next call of any method raises `WriterFenced`. An unexpected exception
        does the same, and is the cause of that `WriterFenced`.
        """
        with self._mutex:
            self._tenure.check(self._boot_s())
            self._flusher.start()
        return self

    def _crash(self, error: Exception) -> None:
        ended = WriterFenced(self.path, f"flushing ended: {error!r}")
        ended.__cause__ = error
        with self._mutex:
            self._tenure.end(ended)

    def close(self) -> None:
        """Write what is not yet written and give up the lock. The files stay, and grow stale.

        A flush that hangs in a disk is waited for only for seconds; nothing is written after it.
        """
        if self._owner.pid != os.getpid():
            return  # a forked child holds nothing that it could give up
        has_stopped = self._flusher.stop()
        if has_stopped and self._tenure.ended is None:
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
