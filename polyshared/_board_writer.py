"""The writer's side of the lane. The format stands in `_board`."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from polyshared._atomic import swap_in, temp_dir, temp_path
from polyshared._board import (
    BELL,
    DIGEST_BYTES,
    DIRECTORY,
    HEADER_BYTES,
    TRAILER,
    WORD,
    Geometry,
    Slot,
    digest,
    encode_header,
    parse_header,
)
from polyshared._files import open_regular
from polyshared._linux import FutexMap, require_support

_MIN_SLOTS = 64
_MIN_CAPACITY = 976  # an entry with five levels a side, and a stride of 31 cache lines
_MIN_FEED_CAPACITY = 2032


class BoardFullError(Exception):
    """A key or a payload does not fit: build a larger board."""


_pack_trailer = TRAILER.pack


class _Place:
    """A slot, the last generation that was written to it, and its two bells.

    Each pair is for even and odd generations: they go to different copies.
    """

    __slots__ = ("_bells", "_capacity", "_ends", "_fd", "_seed", "generation")

    def __init__(self, fd: int, slot: Slot, futexes: FutexMap) -> None:
        self.generation = 0
        self._fd = fd
        self._seed = slot.seed
        self._capacity = slot.capacity
        self._ends = slot.word(0) + WORD.size, slot.word(1) + WORD.size
        self._bells = futexes.waker(slot.word(0)), futexes.waker(slot.word(1))

    def write(self, payload: bytes) -> None:
        """Store *payload* in the copy whose turn it is, and wake who waits for it.

        The steps of `encode_record` in one straight way: this is what a change costs, in caches
        that others have filled since the last one.

        Raises:
            BoardFullError: It is too long; nothing changed.
            OSError: Writing failed; readers see the payload before.
        """
        length, generation = len(payload), self.generation + 1
        if length > self._capacity:
            raise BoardFullError
        check = crc32(payload, self._seed ^ ((generation ^ generation >> 32) & 0xFFFFFFFF))
        record = payload + _pack_trailer(length, check, generation)
        copy, length = generation & 1, len(record)
        if os.pwrite(self._fd, record, self._ends[copy] - length) != length:
            raise _disk_full()
        self.generation = generation
        self._bells[copy]()


class BoardWriter:
    """One board, from its birth to the day that it is too small.

    Args:
        path: Where readers look for it.
        epoch: Life of the writer.
        boot_id: This boot.
        feed: Payload of the feed's slot.
        entries: Payloads by key that it begins with.

    Raises:
        OSError: It could not be built; what stood at *path* is unchanged.
    """

    def __init__(
        self, path: Path, *, epoch: int, boot_id: str, feed: bytes, entries: Mapping[str, bytes]
    ) -> None:
        require_support()
        self._path = path
        longest = max(map(len, entries.values()), default=0)
        self._geometry = Geometry(
            epoch=epoch,
            slots=max(_MIN_SLOTS, 2 * len(entries)),
            capacity=max(_MIN_CAPACITY, longest * 3 // 2),
            feed_capacity=max(_MIN_FEED_CAPACITY, len(feed) * 3 // 2),
            boot_id=boot_id,
        )
        self._places: dict[str, _Place] = {}
        self._directory_changes = 0
        self._fd = -1
        self._map: FutexMap | None = None
        temp = temp_path(temp_dir(path), path.name)
        try:
            self._build(temp, feed, entries)
            self._publish(temp)
        except BaseException:
            self.close()
            with suppress(OSError):
                os.unlink(temp)
            raise

    def _build(self, temp: Path, feed: bytes, entries: Mapping[str, bytes]) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(temp, flags, 0o666)
        # All blocks now: a disk that fills up later cannot reach this file.
        os.posix_fallocate(self._fd, 0, self._geometry.total)
        self._map = FutexMap(self._fd, self._geometry.total)
        self._ring_directory = self._map.waker(BELL)
        self._feed = _Place(self._fd, self._geometry.feed, self._map)
        self._feed.write(feed)
        for key, payload in entries.items():
            self._append(key, payload)
        _pwrite(self._fd, encode_header(self._geometry), 0)
        status = os.fstat(self._fd)
        self._identity = (status.st_dev, status.st_ino)

    def _publish(self, temp: Path) -> None:
        """Take the path, and wake all who still wait at the board that stood there."""
        old = -1
        with suppress(OSError):
            old, _ = open_regular(self._path)
        try:
            swap_in(temp, self._path, exchange=True)
            _ring_all(old)
        finally:
            with suppress(OSError):
                os.close(old)

    def put(self, key: str, payload: bytes) -> None:
        """Set a key's payload and wake who follows it.

        Raises:
            BoardFullError: There is no room; nothing changed.
            OSError: Writing failed; readers see the payload before.
        """
        place = self._places.get(key)
        if place is not None:
            place.write(payload)
            return
        self._append(key, payload)
        self._directory_changes += 1
        _pwrite(self._fd, WORD.pack(self._directory_changes), BELL)
        self._ring_directory()

    def delete(self, key: str) -> None:
        """Empty a key's slot. An empty payload means that there is no such key."""
        if key in self._places:
            self._places[key].write(b"")

    def set_feed(self, payload: bytes) -> None:
        """Set the feed's payload, which is also the sign of life; raises as `put` does."""
        self._feed.write(payload)

    def is_in_place(self) -> bool:
        """Say whether readers still find this board, unharmed, at its path."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
            header = os.pread(self._fd, HEADER_BYTES, 0)
        except OSError:
            return False
        identity = (status.st_dev, status.st_ino)
        return (
            identity == self._identity
            and status.st_size >= self._geometry.total
            and parse_header(header) == self._geometry
        )

    def close(self) -> None:
        if self._map is not None:
            self._map.close()
            self._map = None
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):  # the descriptor is gone whatever close() answers
                os.close(fd)

    def _append(self, key: str, payload: bytes) -> None:
        number = len(self._places)
        if number >= self._geometry.slots:
            raise BoardFullError
        assert self._map is not None
        place = _Place(self._fd, self._geometry.slot(number), self._map)
        # The value first: a digest that can be found has something to show.
        place.write(payload)
        _pwrite(self._fd, digest(key), DIRECTORY + number * DIGEST_BYTES)
        self._places[key] = place


def _pwrite(fd: int, data: bytes, offset: int) -> None:
    if os.pwrite(fd, data, offset) != len(data):
        raise _disk_full()


def _disk_full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _ring_all(fd: int) -> None:
    """Wake everybody at a board that has been replaced, without changing it."""
    with suppress(OSError):
        geometry = parse_header(os.pread(fd, HEADER_BYTES, 0))
        if geometry is None:
            return
        directory = os.pread(fd, geometry.slots * DIGEST_BYTES, DIRECTORY).rstrip(b"\0")
        used = -(-len(directory) // DIGEST_BYTES)
        bells = FutexMap(fd, geometry.total)
        bells.waker(BELL)()
        for slot in map(geometry.slot, range(used)):
            for generation in (0, 1):
                bells.waker(slot.word(generation))()
        bells.close()
