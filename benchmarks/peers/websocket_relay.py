"""A local websocket relay: the publisher sends to a server, which sends to who asked.

The relay is a program of its own: python -m benchmarks.peers.websocket_relay SOCKET
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect

from benchmarks.harness.peer import EVENT, Entry, Peer, Place

_SOCKET = "relay.sock"
_START_S = 20.0
_KEY_END = b"\n"


class _Publisher:
    def __init__(self, place: Place) -> None:
        path = os.fspath(place.directory / _SOCKET)
        self._socket = unix_connect(path, uri="ws://localhost/publish", compression=None)
        self._encode = msgspec.json.Encoder().encode

    def publish(self, key: str, entry: Entry) -> None:
        self._socket.send(key.encode() + _KEY_END + self._encode(entry))

    def close(self) -> None:
        self._socket.close()


class _Follower:
    def __init__(self, place: Place, number: int) -> None:
        path = os.fspath(place.directory / _SOCKET)
        uri = f"ws://localhost/{place.key(number)}"
        self._socket = unix_connect(path, uri=uri, compression=None)
        self._decode = msgspec.json.Decoder().decode

    def next(self, timeout_s: float) -> int | None:
        try:
            data = self._socket.recv(timeout_s, decode=False)
        except TimeoutError:
            return None
        return int(self._decode(data)[EVENT])

    def close(self) -> None:
        self._socket.close()


class Relay:
    """Passes each message on to those who named its key in their address."""

    def __init__(self) -> None:
        self._followers: dict[bytes, list[ServerConnection]] = {}

    async def serve(self, path: str) -> None:
        async with unix_serve(self._handle, path, compression=None):
            await asyncio.get_running_loop().create_future()

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        name = connection.request.path.strip("/").encode()
        if name != b"publish":
            self._followers.setdefault(name, []).append(connection)
            await connection.wait_closed()
            self._followers[name].remove(connection)
            return
        async for message in connection:
            assert isinstance(message, bytes)
            key, _, data = message.partition(_KEY_END)
            await self._pass_on(key, data)

    async def _pass_on(self, key: bytes, data: bytes) -> None:
        for follower in self._followers.get(key, ()):
            try:
                await follower.send(data)
            except ConnectionClosed:
                continue  # its own handler takes it off the list


def _start_server(place: Place) -> subprocess.Popen[bytes]:
    """Start the relay.

    Raises:
        TimeoutError: It did not accept connections.
    """
    path = place.directory / _SOCKET
    command = [sys.executable, "-m", "benchmarks.peers.websocket_relay", os.fspath(path)]
    root = Path(__file__).resolve().parents[2]
    server = subprocess.Popen(command, cwd=root, start_new_session=True)
    give_up = time.monotonic() + _START_S
    while not path.exists():
        if server.poll() is not None or time.monotonic() > give_up:
            server.kill()
            server.wait()
            raise TimeoutError(f"the relay did not open {path}")
        time.sleep(0.02)
    return server


PEER = Peer(
    name="websocket",
    title="local websocket relay",
    wakes_by="socket, through a reader thread",
    open_publisher=_Publisher,
    open_follower=_Follower,
    start_server=_start_server,
)

if __name__ == "__main__":
    asyncio.run(Relay().serve(sys.argv[1]))
