"""Ours: the snapshot file with the board beside it, as children read it."""

from __future__ import annotations

import os

import msgspec

from benchmarks.harness.peer import EVENT, Entry, Peer, Place, make_entry
from polyshared import SnapshotError, SnapshotReader, SnapshotWriter

SNAPSHOT = "ws_cache.json"


class SnapshotPublisher:
    """Puts into a snapshot whose writer flushes from its own thread.

    It encodes for itself and puts the text, as the market feed does, and as the other designs do.

    Raises:
        RuntimeError: The board is wanted, and cannot be had.
    """

    def __init__(self, place: Place, *, lane: bool, min_interval_s: float = 0.5) -> None:
        path = place.directory / SNAPSHOT
        self._writer = SnapshotWriter(path, lane=lane, min_interval_s=min_interval_s)
        if self._writer.lane_error is not None:
            raise RuntimeError(f"no board: {self._writer.lane_error}")
        self._encode = msgspec.json.Encoder().encode
        for key in place.keys:
            self.publish(key, make_entry(0))
        self._writer.start()

    def publish(self, key: str, entry: Entry) -> None:
        self._writer.put_text(key, self._encode(entry))

    def close(self) -> None:
        self._writer.close()


class SnapshotFollower:
    """Follows one key with a reader that was made for it."""

    def __init__(self, reader: SnapshotReader, key: str) -> None:
        self._reader = reader
        self._key = key

    def next(self, timeout_s: float) -> int | None:
        try:
            return int(self._reader.follow(self._key, timeout_s=timeout_s).fields[EVENT])
        except SnapshotError:
            return None

    def close(self) -> None:
        self._reader.close()


def _open_publisher(place: Place) -> SnapshotPublisher:
    return SnapshotPublisher(place, lane=True)


def _open_follower(place: Place, number: int) -> SnapshotFollower:
    path = os.fspath(place.directory / SNAPSHOT)
    return SnapshotFollower(SnapshotReader(path), place.key(number))


PEER = Peer(
    name="board",
    title="polyshared, board",
    wakes_by="futex on the key's own slot",
    open_publisher=_open_publisher,
    open_follower=_open_follower,
)
