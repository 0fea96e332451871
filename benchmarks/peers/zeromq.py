"""ZeroMQ PUB/SUB over ipc, without a limit that would drop messages."""

from __future__ import annotations

import msgspec
import zmq

from benchmarks.harness.peer import EVENT, Entry, Peer, Place


def _address(place: Place) -> str:
    return f"ipc://{place.directory}/zeromq.sock"


class _Publisher:
    def __init__(self, place: Place) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.set_hwm(0)
        self._socket.bind(_address(place))
        self._encode = msgspec.json.Encoder().encode

    def publish(self, key: str, entry: Entry) -> None:
        self._socket.send_multipart((key.encode(), self._encode(entry)))

    def close(self) -> None:
        self._context.destroy(linger=0)


class _Follower:
    def __init__(self, place: Place, number: int) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set_hwm(0)
        self._socket.connect(_address(place))
        self._socket.subscribe(place.key(number))
        self._decode = msgspec.json.Decoder().decode

    def next(self, timeout_s: float) -> int | None:
        self._socket.rcvtimeo = round(timeout_s * 1000)
        try:
            _, data = self._socket.recv_multipart()
        except zmq.Again:
            return None
        return int(self._decode(data)[EVENT])

    def close(self) -> None:
        self._context.destroy(linger=0)


PEER = Peer(
    name="zeromq",
    title="ZeroMQ PUB/SUB, ipc",
    wakes_by="socket, through an I/O thread",
    open_publisher=_Publisher,
    open_follower=_Follower,
)
