"""Ours where nothing can wake a reader: the JSON file, looked at every 20 ms."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.harness.peer import Peer, Place
from benchmarks.peers.board import SNAPSHOT, SnapshotFollower
from benchmarks.peers.json_file import open_publisher
from polyshared import SnapshotReader, _doorbell


class _NoWatch:
    """In place of inotify, as on a system without it."""

    fd = -1

    def __init__(self, directory: Path) -> None:
        raise OSError(f"{directory} is not watched in this benchmark")


def _open_follower(place: Place, number: int) -> SnapshotFollower:
    vars(_doorbell)["DirectoryWatch"] = _NoWatch
    path = os.fspath(place.directory / SNAPSHOT)
    return SnapshotFollower(SnapshotReader(path, lane=False, poll_s=0.02), place.key(number))


PEER = Peer(
    name="poll",
    title="polyshared, JSON file alone, polled",
    wakes_by="stat every 20 ms",
    open_publisher=open_publisher,
    open_follower=_open_follower,
    settle_s=1.0,
)
