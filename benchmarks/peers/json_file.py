"""Ours without the board: the JSON file alone, inotify on its directory."""

from __future__ import annotations

import os

from benchmarks.harness.peer import Peer, Place
from benchmarks.peers.board import SNAPSHOT, SnapshotFollower, SnapshotPublisher
from polyshared import SnapshotReader

FLUSH_S = 0.02
"""A program that lives on the file alone has it written this often, not twice a second."""


def open_publisher(place: Place) -> SnapshotPublisher:
    """Open a writer without a board."""
    return SnapshotPublisher(place, lane=False, min_interval_s=FLUSH_S)


def _open_follower(place: Place, number: int) -> SnapshotFollower:
    path = os.fspath(place.directory / SNAPSHOT)
    return SnapshotFollower(SnapshotReader(path, lane=False), place.key(number))


PEER = Peer(
    name="file",
    title="polyshared, JSON file alone, every 20 ms",
    wakes_by="inotify on the directory",
    open_publisher=open_publisher,
    open_follower=_open_follower,
    settle_s=1.0,
)
