"""The designs that are compared, ours among them."""

from __future__ import annotations

import importlib

from benchmarks.harness.peer import Peer

_MODULES = {
    "board": "board",
    "floor": "floor",
    "file": "json_file",
    "poll": "json_poll",
    "redis": "redis_pubsub",
    "zeromq": "zeromq",
    "queue": "queues",
    "websocket": "websocket_relay",
    "earlier": "earlier",
}
NAMES = tuple(_MODULES)


def load_peer(name: str) -> Peer:
    """Import one design and nothing else: a process pays only for its own.

    Raises:
        KeyError: There is no such design.
        ImportError: What it compares with is not installed.
    """
    peer = importlib.import_module(f"benchmarks.peers.{_MODULES[name]}").PEER
    assert isinstance(peer, Peer)
    return peer
