"""Entries of the lane, as long as there is one that is fit to be used."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import msgspec

from polyshared._clock import Moment, age_s, boot_s_of
from polyshared._codec import decode, parse_fields
from polyshared._errors import SnapshotMissing
from polyshared._history import History
from polyshared._lane import Lane, LaneLostError
from polyshared._lane_source import Beat, LaneSource
from polyshared._snapshot import Entry, make_entry, make_newer

LONGEST_WAIT_S = 1.0  # then the writer's life is looked at
_NOT_NEWS = (OSError, struct.error, LaneLostError, msgspec.MsgspecError, KeyError, TypeError)


class LaneReader:
    """Reads and follows single keys on the board, and knows when to leave that to the file.

    Args:
        path: The snapshot file.
        shown: What errors call it.
        history: What the reader has given out so far.
        admits: Says whether an epoch may be believed.
        max_age_s: Silence of the writer after which the lane is not used.
        clock: The reader's.
    """

    def __init__(
        self,
        path: Path,
        shown: str,
        history: History,
        *,
        admits: Callable[[int, Moment], bool],
        max_age_s: float,
        clock: Callable[[], Moment],
    ) -> None:
        self._source = LaneSource(path)
        self._shown = shown
        self._history = history
        self._admits = admits
        self._max_age_s = max_age_s
        self._clock = clock
        self._boot_s = boot_s_of(clock)
        self._lane: Lane | None = None  # where the last entry came from; None: the file
        self._fit: Beat | None = None  # what `beat` found, and may take again until then:
        self._fit_until_s = 0.0

    @property
    def is_used(self) -> bool:
        """Whether the last entry came from here."""
        return self._lane is not None

    def beat(self, at: Moment) -> Beat | None:
        """Return the lane's sign of life, None if the lane is not fit to be used."""
        fit = self._fit
        if fit is not None and at.boot_s < self._fit_until_s and fit.epoch == self._history.epoch:
            return fit
        self._fit = None
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

    def entry(self, key: str, at: Moment) -> Entry | None:
        """Return the newest entry of *key*, None if the file must be asked.

        Raises:
            SnapshotMissing: There is no such key.
        """
        beat = self.beat(at)
        if beat is not None:
            try:
                return self._read(key, beat, at)
            except LaneLostError:
                self.drop()
        self._fit = self._lane = None
        return None

    def _read(self, key: str, beat: Beat, at: Moment) -> Entry:
        assert self._lane is not None
        payload = self._lane.payload(key)
        if not payload:
            raise SnapshotMissing(self._shown, key=key)
        fields = parse_fields(payload)
        entry = fields and make_entry(key, fields, epoch=beat.epoch, written=beat.written, at=at)
        if not entry:
            raise LaneLostError("payload is not an entry")
        return self._history.keep(entry)

    def hear(self, key: str, now_s: float, timeout_s: float) -> Entry | None:
        """Wait for what is newer than what was given out of *key*.

        What was given out a moment ago is not read again only to see that it is the same: the
        bell knows. And a change that follows it shows that its writer lives, so a look at the
        board comes before the wait and not after it, when somebody wants the news.

        Returns:
            The newer entry; after *timeout_s* the same one, of its new age; None: look closer.
        """
        if now_s >= self._fit_until_s:
            self.beat(self._clock())
        fit, lane, last = self._fit, self._lane, self._history.entries.get(key)
        if fit is None or lane is None or last is None or last.epoch != fit.epoch:
            return None
        ear = lane.ears.get(key)
        try:
            limit_s = timeout_s if timeout_s < LONGEST_WAIT_S else LONGEST_WAIT_S  # noqa: FURB136
            payload = ear.news(limit_s) if ear is not None else b""
            if payload:
                entry = make_newer(last, decode(payload), fit.written, self._boot_s())
                if entry is not None and entry.writer_age_s <= self._max_age_s:
                    self._history.entries[key] = entry
                    return entry
        except _NOT_NEWS:
            payload = b""  # who looks closer meets it again, and says what it is
        if payload is None:
            return self._unchanged(last, now_s + timeout_s)
        self.expire()
        return None

    def _unchanged(self, last: Entry, deadline_s: float) -> Entry | None:
        """Return *last* with its present age if it is time, and the lane still is what it was."""
        at = self._clock()
        if at.boot_s < deadline_s:  # somebody rang, or it is time for a look
            self.expire()
            return None
        lane, beat = self._lane, self.beat(at)
        if beat is None or beat.epoch != last.epoch or self._lane is not lane:
            return None
        return last.read_at(at, age_s(beat.written, at))

    def wait(self, key: str, timeout_s: float) -> bool:
        """Wait where the last entry came from. Returns whether the bell rang."""
        assert self._lane is not None
        try:
            if self._lane.wait(key, timeout_s):
                return True
            self.expire()
        except LaneLostError:
            self.drop()
        return False

    def expire(self) -> None:
        """Let the next call look at the board, whenever the last look was."""
        self._source.expire()
        self._fit_until_s = 0.0

    def drop(self) -> None:
        """Forget the board until it is time to look for one."""
        self._fit = self._lane = None
        self._source.drop()
