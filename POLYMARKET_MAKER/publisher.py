"""The feed's side of the snapshot: entries out, and whether it serves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.core.entry import EntryText
from POLYMARKET_MAKER.errors import CannotStart
from polyshared import SnapshotWriter, WriterBusy, WriterFenced

NOT_STARTED = "无法启动 WS 聚合器"
"""Checklists grep for this text and the next one, as they always did."""
SERVES = "聚合订阅启动，tokens={}"


class Publisher:
    """Writes the snapshot, until the lock is lost: then every call does nothing.

    Args:
        path: The snapshot file.
        flush_interval_s: Least time between two writes of it.
        version: Shown in the file as the writer's version.

    Raises:
        CannotStart: Another process is the writer, or the directory cannot be used.

    Attributes:
        failure: Why it ended by itself; "" while it works.
        serves: A line is open and the file has been written.
        has_served: It did once.
    """

    def __init__(self, path: Path, *, flush_interval_s: float, version: str) -> None:
        self.failure = ""
        self.serves = False
        self.has_served = False
        self._told_down = False
        try:
            self._writer = SnapshotWriter(
                path,
                min_interval_s=flush_interval_s,
                version=version,
                on_flush_state=self._on_flush_state,
            ).start()
        except (WriterBusy, WriterFenced, OSError) as error:
            log.error("[WS]", NOT_STARTED, event="aggregator_start", reason=str(error))
            raise CannotStart(f"cannot start the market feed: {error}") from error

    @property
    def flush_failures(self) -> int:
        return self._writer.failures

    @property
    def flush_failing_since(self) -> float | None:
        """Epoch seconds since when the file cannot be written; None while it can."""
        return self._writer.failing_since

    def put(self, token_id: str, entry: EntryText) -> None:
        """Publish a token's entry; children that follow it are woken."""
        if not self.failure:
            try:
                self._writer.put_text(token_id, *entry)
            except WriterFenced as error:
                self._fail(error)

    def delete(self, token_id: str) -> None:
        if not self.failure:
            try:
                self._writer.delete(token_id)
            except WriterFenced as error:
                self._fail(error)

    def set_feed(self, feed: Mapping[str, object], *, is_open: bool, tokens: int) -> None:
        """Say how the lines are, and begin to serve when one is open and the file is written.

        Args:
            feed: The snapshot's feed block.
            is_open: Whether a line is open.
            tokens: Wanted tokens, for the log.
        """
        if self.failure:
            return
        try:
            self._writer.set_feed(feed)
            if is_open and not self.has_served:
                self._begin_to_serve(tokens)
        except WriterFenced as error:
            self._fail(error)
        else:
            self.serves = is_open and self.has_served

    def report_down(self, reason: str) -> None:
        """Log, once, that no line has opened yet: a network that does not answer."""
        if not self._told_down:
            self._told_down = True
            log.error("[WS]", NOT_STARTED, event="feed_not_open", reason=reason)

    def _on_flush_state(self, error: OSError | None) -> None:
        """Say when the file can no longer be written, and when it can again: once each."""
        if error is None:
            log.info("[CACHE]", event="written_again")
        else:
            log.error("[CACHE]", event="not_written", reason=str(error))

    def close(self) -> None:
        """Write what is not yet written and give up the lock."""
        self._writer.close()
        self.serves = False

    def _begin_to_serve(self, tokens: int) -> None:
        self._writer.heartbeat()
        if self._writer.failing_since is None:
            self.has_served = True
            log.info("[WS]", SERVES.format(tokens), path=str(self._writer.path))

    def _fail(self, error: WriterFenced) -> None:
        self.failure = str(error)
        self.serves = False
        log.error("[WS]", NOT_STARTED, event="aggregator_failed", reason=self.failure)
