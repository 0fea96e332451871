"""The lane: one file with a slot a key, for readers that cannot wait for the next flush.

    0     header: magic, epoch, number of slots, sizes, boot id, checksum
    128   a bell that rings when the directory below changes
    192   directory: a 16-byte digest of each slot's key, in order
    …     the feed's slot, then one slot a key

A slot has room for two *copies*. A copy ends with {length, checksum, generation} and has its
payload before that, so that value and bell are one write: the generation is its last eight
bytes, and the bell. The writer takes the copies in turn and wakes who waits at the generation
that it has just stored. A reader that holds generation 7 waits at the other copy, which will
hold 8. Whenever the writer is killed, one whole copy is left, and the checksum says
which. That is also why nothing depends on memory order or on a write being one
piece.

Both sides use pread() and pwrite(). The mapping only gives the futex an address.
A write costs 0.6 µs more that way than a store to memory, and in return neither a
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
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

MAGIC = b"polybrd2"
_HEADER = struct.Struct("<8sQIII36s")
_CHECK = struct.Struct("<I")
TRAILER = struct.Struct("<IIQ")
_SEED = struct.Struct("<QQ")
WORD = struct.Struct("<Q")
HEADER_BYTES = _HEADER.size + _CHECK.size
BELL = 128
DIRECTORY = 192
DIGEST_BYTES = 16
_ALIGN = 64
_Copy = tuple[tuple[int, int, int], int]  # length, checksum, generation; where they stand


class Slot(NamedTuple):
    """Place of one value.

    Attributes:
        offset: Where it starts.
        capacity: Longest payload.
        room: Bytes of one copy.
        seed: Ties checksums to this place and epoch.
        size: Bytes of both copies.
    """

    offset: int
    capacity: int
    room: int
    seed: int
    size: int

    def word(self, generation: int) -> int:
        """Return the offset of the bell that rings when *generation* is stored."""
        return self.offset + (1 + (generation & 1)) * self.room - WORD.size


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
        return _slot(self.epoch, self._feed_offset, self.feed_capacity)

    def slot(self, number: int) -> Slot:
        first = _aligned(self._feed_offset + 2 * _room(self.feed_capacity))
        stride = _aligned(2 * _room(self.capacity))
        return _slot(self.epoch, first + number * stride, self.capacity)

    @property
    def _feed_offset(self) -> int:
        return _aligned(DIRECTORY + self.slots * DIGEST_BYTES)

    @property
    def total(self) -> int:
        return self.slot(self.slots).offset


class Record(msgspec.Struct, frozen=True):
    """What a slot holds.

    Attributes:
        generation: Grows with every write of the slot.
        payload: The newest whole payload.
        word: What the other copy's bell showed; what to wait at.
    """

    generation: int
    payload: bytes
    word: int


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


def _room(capacity: int) -> int:
    return -(-(capacity + TRAILER.size) // WORD.size) * WORD.size


def _slot(epoch: int, offset: int, capacity: int) -> Slot:
    room, seed = _room(capacity), zlib.crc32(_SEED.pack(epoch, offset))
    return Slot(offset, capacity, room, seed, 2 * room)


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


def seed_of(slot: Slot, generation: int) -> int:
    """Return what a checksum starts from: a record is whole only in its own place and epoch."""
    return slot.seed ^ ((generation ^ generation >> 32) & 0xFFFFFFFF)


def encode_record(slot: Slot, generation: int, payload: bytes) -> bytes:
    """Return the end of the copy that *generation* goes to; it ends where its bell ends."""
    check = zlib.crc32(payload, seed_of(slot, generation))
    return payload + TRAILER.pack(len(payload), check, generation)


def trailers_of(slot: Slot) -> tuple[Callable[[bytes], tuple[int, ...]], tuple[int, int]]:
    """Return what takes length, checksum and generation of both copies out of a slot's bytes.

    And where the payloads of the two end.
    """
    end = slot.room - TRAILER.size
    both = struct.Struct(f"<{end}xIIQ{end}xIIQ")
    return both.unpack, (end, end + slot.room)


def parse_slot(slot: Slot, data: bytes) -> Record | None:
    """Return the newest whole record in a slot's bytes, or None if there is none."""
    if len(data) < 2 * slot.room:
        return None
    end = slot.room - TRAILER.size
    older: _Copy = TRAILER.unpack_from(data, end), end
    newer: _Copy = TRAILER.unpack_from(data, end + slot.room), end + slot.room
    if older[0][2] > newer[0][2]:
        older, newer = newer, older
    return _whole(slot, data, newer, older) or _whole(slot, data, older, newer)


def _whole(slot: Slot, data: bytes, copy: _Copy, other: _Copy) -> Record | None:
    (length, check, generation), end = copy
    payload = data[end - length : end]
    if (
        generation
        and length <= slot.capacity
        and zlib.crc32(payload, seed_of(slot, generation)) == check
    ):
        return Record(generation, payload, other[0][2])
    return None


def read_slot(fd: int, slot: Slot, *, tries: int = 8) -> Record | None:
    """Read a slot that may be written at this moment.

    Returns:
        The newest whole record; None if there is none, even after some tries.
    """
    record = None
    for _ in range(tries):
        record = parse_slot(slot, os.pread(fd, 2 * slot.room, slot.offset))
        # Else the other copy is newer and not whole: it was read while it was written.
        if record is not None and record.word < record.generation:
            break
    return record
