"""The readers' side of the lane. The format stands in `_board`."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from polyshared._board import (
    BELL,
    DIGEST_BYTES,
    DIRECTORY,
    HEADER_BYTES,
    WORD,
    Geometry,
    Slot,
    digest,
    parse_header,
    read_slot,
    trailers_of,
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


class Ear:
    """One key's slot: what was last read of it, and where its next change is heard.

    This is what a child runs for each change, in caches that others have filled since the last
    one. So there is one straight way, with all that it needs at hand.

    Attributes:
        generation: Of what was last read; 0: nothing yet.
        word: What the bell of the next one shows until it rings.
    """

    def __init__(self, fd: int, futexes: FutexMap, slot: Slot) -> None:
        self.generation = 0
        self.word = ctypes.c_uint32()
        self._fd = fd
        self._futexes = futexes
        self._slot = slot
        self._seed = slot.seed
        self._offset, self._size = slot.offset, 2 * slot.room
        self._trailers, self._ends = trailers_of(slot)
        # The next generation goes to the copy that the last one did not go to.
        bells = slot.word(1), slot.word(0)
        self._nap, self._nap_odd = (futexes.napper(each, self.word) for each in bells)

    def bell(self) -> int:
        """Return where the next change rings."""
        return self._slot.word(self.generation + 1)

    def news(self, timeout_s: float) -> bytes | None:
        """Wait for a change; return what the slot holds then, None if that is the same as before.

        Raises:
            OSError, struct.error, LaneLostError: It cannot be read.
        """
        last = self.generation
        if timeout_s != self._futexes.limit_s:
            self._futexes.set_limit(timeout_s)
        if last & 1:
            self._nap_odd()
        else:
            self._nap()
        payload = self.read()
        return payload if self.generation != last else None

    def read(self) -> bytes:
        """Return the newest whole payload; raises as `news` does."""
        data = os.pread(self._fd, self._size, self._offset)
        length, check, generation, length_1, check_1, word = self._trailers(data)
        end, end_1 = self._ends
        if word > generation:
            length, check, generation, word, end = length_1, check_1, word, generation, end_1
        payload = data[end - length : end]
        seed = self._seed ^ ((generation ^ generation >> 32) & 0xFFFFFFFF)  # see `encode_record`
        if not generation or crc32(payload, seed) != check:
            return self._read_torn()
        self.generation, self.word.value = generation, word
        return payload

    def _read_torn(self) -> bytes:
        record = read_slot(self._fd, self._slot)
        if record is None:
            raise LaneLostError("slot has no whole copy")
        self.generation, self.word.value = record.generation, record.word
        return record.payload


class Lane:
    """One open board.

    Attributes:
        geometry: What its header said.
        ears: The keys that were found on it.

    Raises:
        LaneLostError: There is no usable board at *path*.
    """

    def __init__(self, path: Path) -> None:
        self._path = os.fspath(path)
        self.ears: dict[str, Ear] = {}
        self._directory_word = 0
        try:
            self._fd, status = open_regular(path)
        except OSError as error:
            raise LaneLostError(str(error)) from error
        try:
            self.geometry = self._read_geometry(status)
            self._map = FutexMap(self._fd, self.geometry.total)
            self._feed = Ear(self._fd, self._map, self.geometry.feed)
        except OSError as error:
            os.close(self._fd)
            raise LaneLostError(str(error)) from error
        except LaneLostError:
            os.close(self._fd)
            raise

    def _read_geometry(self, status: os.stat_result) -> Geometry:
        self._identity = (status.st_dev, status.st_ino)
        self._header = os.pread(self._fd, HEADER_BYTES, 0)
        geometry = parse_header(self._header)
        if geometry is None or status.st_size < geometry.total:
            raise LaneLostError("not a board of this version")
        return geometry

    def is_current(self) -> bool:
        """Say whether the path still leads to this file, and the file is what it was."""
        try:
            status = os.lstat(self._path)
            header = os.pread(self._fd, HEADER_BYTES, 0)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity and header == self._header

    def pulse(self) -> tuple[Pulse, Moment]:
        """Return the feed's state, and when the writer last gave a sign of life.

        Raises:
            LaneLostError: It cannot be read.
        """
        try:
            pulse = _decode_pulse(self._feed.read())
        except (OSError, struct.error, msgspec.MsgspecError) as error:
            raise LaneLostError(str(error)) from error
        return pulse, Moment(self.geometry.boot_id, pulse.boot_s, pulse.written_at)

    def payload(self, key: str) -> bytes:
        """Return the newest payload of *key*, empty if there is no such key.

        Raises:
            LaneLostError: It cannot be read.
        """
        ear = self.ears.get(key) or self._find(key)
        if ear is None:
            return b""
        try:
            return ear.read()
        except (OSError, struct.error) as error:
            raise LaneLostError(str(error)) from error

    def wait(self, key: str, timeout_s: float) -> bool:
        """Return when *key* was written since its last `payload`, or now and then before.

        Returns:
            False when the time is over. True may also mean that the board is: a
            writer that takes another one rings all bells of the old.

        Raises:
            LaneLostError: The file was cut short.
        """
        ear = self.ears.get(key)
        # Of a key that is not there, any new key may be the one.
        offset, word = (BELL, self._directory_word) if ear is None else (ear.bell(), ear.word.value)
        try:
            return self._map.wait(offset, word, timeout_s)
        except OSError as error:
            raise LaneLostError(str(error)) from error

    def close(self) -> None:
        self._map.close()
        os.close(self._fd)

    def _find(self, key: str) -> Ear | None:
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
        slot = self.geometry.slot(start // DIGEST_BYTES)
        ear = self.ears[key] = Ear(self._fd, self._map, slot)
        return ear
