"""multiprocessing.Queue, one for each child."""

from __future__ import annotations

import multiprocessing
import queue
from multiprocessing.queues import Queue

import msgspec

from benchmarks.harness.peer import EVENT, Entry, Follower, Peer, Place
from benchmarks.harness.role import serve_follower


class _Publisher:
    """Starts the followers itself: a queue can only be inherited."""

    def __init__(self, place: Place) -> None:
        context = multiprocessing.get_context("spawn")
        self._encode = msgspec.json.Encoder().encode
        self._queues: dict[str, Queue[bytes]] = {}
        for number in range(place.children):
            mine: Queue[bytes] = context.Queue()
            self._queues[place.key(number)] = mine
            arguments = (mine, place, number)
            context.Process(target=_follow, args=arguments, daemon=True).start()

    def publish(self, key: str, entry: Entry) -> None:
        self._queues[key].put(self._encode(entry))

    def close(self) -> None:
        for each in self._queues.values():
            each.cancel_join_thread()


class _Follower:
    def __init__(self, mine: Queue[bytes]) -> None:
        self._queue = mine
        self._decode = msgspec.json.Decoder().decode

    def next(self, timeout_s: float) -> int | None:
        try:
            return int(self._decode(self._queue.get(timeout=timeout_s))[EVENT])
        except queue.Empty:
            return None

    def close(self) -> None:
        self._queue.close()


def _follow(mine: Queue[bytes], place: Place, number: int) -> None:
    serve_follower(_Follower(mine), place, number)


def _not_opened(_place: Place, _number: int) -> Follower:
    raise NotImplementedError("the publisher starts the followers of queues")


PEER = Peer(
    name="queue",
    title="multiprocessing.Queue a child",
    wakes_by="pipe, through a feeder thread",
    open_publisher=_Publisher,
    open_follower=_not_opened,
    spawns_followers=True,
)
