"""The lane: one file with a slot a key, for readers that cannot wait for the next flush.

    0     header: magic, epoch, number of slots, sizes, boot id, checksum
    128   a bell that rings when the directory below changes
    192   directory: a 16-byte digest of each slot's key, in order
    …     the feed's slot, then one slot a key

A slot is a 64-bit *generation* and two copies of {generation, length, checksum,
payload}. The writer fills the older copy, then stores the generation, then
wakes who waits at it. Whenever it is killed, one whole copy is left, and
the checksum says which. That is also why nothing depends on memory order or on
the generation being stored in one piece: it is a bell, not a source of truth.

Both sides use pread() and pwrite(). The mapping only gives the futex an address.
A write costs 1 µs more that way than a store to memory, and in return neither a
full disk nor a truncated file can kill a process with SIGBUS.

A board belongs to one epoch. A new writer, or one that needs more room, builds
a new file and renames it into place: an old writer that wakes writes to a file
that nobody reads.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

MAGIC = b"polybrd1"
_HEADER = struct.Struct("<8sQIII36s")
_CHECK = struct.Struct("<I")
_RECORD = struct.Struct("<QII")
_SEED = struct.Struct("<QQQ")
WORD = struct.Struct("<Q")
HEADER_BYTES = _HEADER.size + _CHECK.size
BELL = 128
DIRECTORY = 192
DIGEST_BYTES = 16
_ALIGN = 64


class Slot(NamedTuple):
    """Place of one value: where it starts, and the longest payload it takes."""

    offset: int
    capacity: int

    @property
    def size(self) -> int:
        return WORD.size + 2 * (_RECORD.size + self.capacity)

    def copy(self, generation: int) -> int:
        """Return the offset of the copy that *generation* goes to."""
        return self.offset + WORD.size + (generation & 1) * (_RECORD.size + self.capacity)


class Geometry(NamedTuple):
    """What the header says.

    Attributes:
        epoch: Life of the writer.
        slots: Number of slots for keys.
        capacity: Longest payload of a key's slot.
        feed_capacity: Longest payload of the feed's slot.
        boot_id: Boot in which the writer lives.
    """

    epoch: int
    slots: int
    capacity: int
    feed_capacity: int
    boot_id: str

    @property
    def feed(self) -> Slot:
        return Slot(_aligned(DIRECTORY + self.slots * DIGEST_BYTES), self.feed_capacity)

    def slot(self, number: int) -> Slot:
        feed = self.feed
        stride = _aligned(Slot(0, self.capacity).size)
        return Slot(_aligned(feed.offset + feed.size) + number * stride, self.capacity)

    @property
    def total(self) -> int:
        return self.slot(self.slots).offset


class Record(NamedTuple):
    """What a slot holds.

    Attributes:
        generation: Grows with every write of the slot.
        payload: The newest whole payload.
        word: The generation as the bell had it; what to wait at.
    """

    generation: int
    payload: bytes
    word: int


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


def board_path(snapshot: Path) -> Path:
    """Return the board's path: ``ws_cache.json`` has ``ws_cache.board``."""
    path = snapshot.with_suffix(".board")
    return path if path != snapshot else snapshot.with_name(f"{snapshot.name}.board")


def encode_header(geometry: Geometry) -> bytes:
    header = _HEADER.pack(
        MAGIC,
        geometry.epoch,
        geometry.slots,
        geometry.capacity,
        geometry.feed_capacity,
        geometry.boot_id.encode(),
    )
    return header + _CHECK.pack(zlib.crc32(header))


def parse_header(data: bytes) -> Geometry | None:
    """Return the geometry, or None if this is no board or that of another version."""
    header, check = data[: _HEADER.size], data[_HEADER.size : HEADER_BYTES]
    if len(data) < HEADER_BYTES or check != _CHECK.pack(zlib.crc32(header)):
        return None
    magic, epoch, slots, capacity, feed_capacity, boot_id = _HEADER.unpack(header)
    if magic != MAGIC:
        return None
    return Geometry(epoch, slots, capacity, feed_capacity, boot_id.rstrip(b"\0").decode())


def digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=DIGEST_BYTES).digest()


def _seed(epoch: int, offset: int, generation: int) -> int:
    # A record is whole only in its own place of its own epoch.
    return zlib.crc32(_SEED.pack(epoch, offset, generation))


def encode_record(epoch: int, slot: Slot, generation: int, payload: bytes) -> bytes:
    check = zlib.crc32(payload, _seed(epoch, slot.offset, generation))
    return _RECORD.pack(generation, len(payload), check) + payload


def parse_slot(epoch: int, slot: Slot, data: bytes) -> Record | None:
    """Return the newest whole record in a slot's bytes, or None if there is none."""
    if len(data) < slot.size:
        return None
    (word,) = WORD.unpack_from(data)
    one, other = WORD.size, WORD.size + _RECORD.size + slot.capacity
    if WORD.unpack_from(data, one) < WORD.unpack_from(data, other):
        one, other = other, one
    for start in (one, other):
        generation, length, check = _RECORD.unpack_from(data, start)
        payload = data[start + _RECORD.size : start + _RECORD.size + length]
        if (
            generation
            and length <= slot.capacity
            and zlib.crc32(payload, _seed(epoch, slot.offset, generation)) == check
        ):
            return Record(generation, payload, word)
    return None


def read_slot(fd: int, epoch: int, slot: Slot, *, tries: int = 8) -> Record | None:
    """Read a slot that may be written at this moment.

    Returns:
        The newest whole record; None if there is none, even after some tries.
    """
    record = None
    for _ in range(tries):
        record = parse_slot(epoch, slot, os.pread(fd, slot.size, slot.offset))
        # A bell ahead of the record: the copies were read before the bell was.
        if record is not None and record.generation >= record.word:
            break
    return record
