"""Redis pub/sub in its best variant: a unix socket, hiredis, no persistence."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import hiredis  # noqa: F401 - redis-py uses it if it is there; without it the baseline is slow
import msgspec
import redis

from benchmarks.harness.peer import EVENT, Entry, Peer, Place

_SOCKET = "redis.sock"
_START_S = 20.0


class _Publisher:
    def __init__(self, place: Place) -> None:
        self._client = redis.Redis(unix_socket_path=os.fspath(place.directory / _SOCKET))
        self._encode = msgspec.json.Encoder().encode

    def publish(self, key: str, entry: Entry) -> None:
        self._client.publish(key, self._encode(entry))

    def close(self) -> None:
        self._client.close()


class _Follower:
    def __init__(self, place: Place, number: int) -> None:
        client = redis.Redis(unix_socket_path=os.fspath(place.directory / _SOCKET))
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(place.key(number))
        self._pubsub.get_message(timeout=5.0)  # the confirmation: subscribed from here on
        self._decode = msgspec.json.Decoder().decode

    def next(self, timeout_s: float) -> int | None:
        message = self._pubsub.get_message(timeout=timeout_s)
        return None if message is None else int(self._decode(message["data"])[EVENT])

    def close(self) -> None:
        self._pubsub.close()


def _start_server(place: Place) -> subprocess.Popen[bytes]:
    """Start a server of our own that is reachable through its socket only.

    Raises:
        FileNotFoundError: There is no redis-server.
        TimeoutError: It did not accept connections.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server is not installed; `make bench` installs it")
    path = place.directory / _SOCKET
    options = ["--port", "0", "--unixsocket", os.fspath(path), "--dir", os.fspath(place.directory)]
    quiet = ["--save", "", "--appendonly", "no", "--logfile", "redis.log", "--maxclients", "1000"]
    server = subprocess.Popen([program, *options, *quiet], start_new_session=True)
    give_up = time.monotonic() + _START_S
    while not path.exists():
        if server.poll() is not None or time.monotonic() > give_up:
            server.kill()
            server.wait()
            raise TimeoutError(f"redis-server did not open {path}")
        time.sleep(0.01)
    return server


PEER = Peer(
    name="redis",
    title="Redis pub/sub, unix socket, hiredis",
    wakes_by="socket",
    open_publisher=_Publisher,
    open_follower=_Follower,
    start_server=_start_server,
)
