"""The readers' side of the lane. The format stands in `_board`."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import msgspec

from polyshared._board import (
    BELL,
    DIGEST_BYTES,
    DIRECTORY,
    HEADER_BYTES,
    WORD,
    Geometry,
    Record,
    Slot,
    digest,
    parse_header,
    read_slot,
)
from polyshared._clock import Moment
from polyshared._files import open_regular
from polyshared._linux import FutexMap


class LaneLostError(Exception):
    """The board cannot be used, or no longer; the file still can."""


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of the feed's slot: the sign of life and what the writer says of its sources."""

    written_at: float
    boot_s: float
    flush_seq: int
    failing_since: float | None
    feed: dict[str, Any]


_decode_pulse = msgspec.json.Decoder(Pulse).decode


class Lane:
    """One open board.

    Attributes:
        geometry: What its header said.

    Raises:
        LaneLostError: There is no usable board at *path*.
    """

    def __init__(self, path: Path) -> None:
        self._path = os.fspath(path)
        self._slots: dict[str, Slot] = {}
        self._records: dict[str, Record] = {}  # what was last read of each key
        self._directory_word = 0
        try:
            self._fd, status = open_regular(path)
        except OSError as error:
            raise LaneLostError(str(error)) from error
        try:
            self.geometry = self._read_geometry(status)
            self._feed = self.geometry.feed
            self._map = FutexMap(self._fd, self.geometry.total)
        except OSError as error:
            os.close(self._fd)
            raise LaneLostError(str(error)) from error
        except LaneLostError:
            os.close(self._fd)
            raise

    def _read_geometry(self, status: os.stat_result) -> Geometry:
        self._identity = (status.st_dev, status.st_ino)
        geometry = parse_header(os.pread(self._fd, HEADER_BYTES, 0))
        if geometry is None or status.st_size < geometry.total:
            raise LaneLostError("not a board of this version")
        return geometry

    def is_current(self) -> bool:
        """Say whether the path still leads to this file, and the file is what it was."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
            header = os.pread(self._fd, HEADER_BYTES, 0)
        except OSError:
            return False
        is_same = (status.st_dev, status.st_ino) == self._identity
        return is_same and parse_header(header) == self.geometry

    def pulse(self) -> tuple[Pulse, Moment]:
        """Return the feed's state, and when the writer last gave a sign of life.

        Raises:
            LaneLostError: It cannot be read.
        """
        try:
            pulse = _decode_pulse(self._read(self._feed).payload)
        except msgspec.MsgspecError as error:
            raise LaneLostError(str(error)) from error
        return pulse, Moment(self.geometry.boot_id, pulse.boot_s, pulse.written_at)

    def payload(self, key: str) -> bytes:
        """Return the newest payload of *key*, empty if there is no such key.

        Raises:
            LaneLostError: It cannot be read.
        """
        slot = self._slots.get(key) or self._find(key)
        if slot is None:
            return b""
        record = self._records[key] = self._read(slot)
        return record.payload

    def has_read(self, key: str) -> bool:
        """Say whether `payload` has found *key*, so that `wait` waits for that key alone."""
        return key in self._records

    def wait(self, key: str, timeout_s: float) -> bool:
        """Return when *key* was written since its last `payload`, or now and then before.

        Returns:
            False when the time is over. True may also mean that the board is: a
            writer that takes another one rings all bells of the old.

        Raises:
            LaneLostError: The file was cut short.
        """
        record = self._records.get(key)
        if record is None:  # there is no such key; wait for any new one
            offset, word = BELL, self._directory_word
        else:
            offset, word = self._slots[key].word(record.generation + 1), record.word
        try:
            return self._map.wait(offset, word, timeout_s)
        except OSError as error:
            raise LaneLostError(str(error)) from error

    def close(self) -> None:
        self._map.close()
        os.close(self._fd)

    def _find(self, key: str) -> Slot | None:
        # The bell first: a key that comes after it was read rings it again.
        try:
            self._directory_word = WORD.unpack(os.pread(self._fd, WORD.size, BELL))[0]
            directory = os.pread(self._fd, self.geometry.slots * DIGEST_BYTES, DIRECTORY)
        except (OSError, struct.error) as error:
            raise LaneLostError(str(error)) from error
        wanted = digest(key)
        start = directory.find(wanted)
        while start % DIGEST_BYTES and start >= 0:
            start = directory.find(wanted, start + 1)
        if start < 0:
            return None
        slot = self._slots[key] = self.geometry.slot(start // DIGEST_BYTES)
        return slot

    def _read(self, slot: Slot) -> Record:
        try:
            record = read_slot(self._fd, slot)
        except OSError as error:
            raise LaneLostError(str(error)) from error
        if record is None:
            raise LaneLostError("slot has no whole copy")
        return record
