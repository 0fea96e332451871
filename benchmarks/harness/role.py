"""A process of a run: the publisher, or one follower.

    python -m benchmarks.harness.role ROLE PEER NUMBER DIRECTORY TOKENS CHILDREN

It lives as long as the connection to the harness does: no harness, no process.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from array import array
from multiprocessing.connection import Client, Connection
from pathlib import Path

from benchmarks.harness.latency import NS, Sight
from benchmarks.harness.messages import Follow, Hello, Publish, Published, Report, Role, Seen
from benchmarks.harness.peer import Follower, Place, Publisher, make_entry
from benchmarks.peers import load_peer

_STEP_S = 1.0
_PR_SET_TIMERSLACK = 29
CONTROL = "control"
Sights = tuple["array[int]", "array[int]"]
"""Numbers of events, and when each was seen."""


def main(arguments: list[str]) -> None:
    """Play the role that *arguments* name."""
    role, name, number, directory, tokens, children = arguments
    place = Place(Path(directory), int(tokens), int(children))
    peer = load_peer(name)
    if Role(role) is Role.PUBLISHER:
        publisher = peer.open_publisher(place)
        try:
            serve_publisher(publisher, place)
        finally:
            publisher.close()
    else:
        serve_follower(peer.open_follower(place, int(number)), place, int(number))


def serve_publisher(publisher: Publisher, place: Place) -> None:
    """Publish what the harness orders, until it hangs up."""
    _sharpen_timers()
    with _connect(place, Role.PUBLISHER, 0) as control:
        while (order := _next_order(control)) is not None:
            assert isinstance(order, Publish)
            control.send(_publish(publisher, place, order))


def _publish(publisher: Publisher, place: Place, order: Publish) -> Published:
    """Publish each event when it is due; late ones at once, one after the other."""
    steps = [
        (order.start_ns + round(event.due_s * NS), place.key(event.child), make_entry(event.number))
        for event in order.events
    ]
    began = array("q")
    clock = time.monotonic_ns
    for due_ns, key, entry in steps:
        while (rest_ns := due_ns - clock()) > 0:
            time.sleep(rest_ns / NS)
        began.append(clock())
        publisher.publish(key, entry)
    return Published(began.tolist())


def serve_follower(follower: Follower, place: Place, number: int) -> None:
    """Follow as the harness orders, until it hangs up."""
    try:
        with _connect(place, Role.FOLLOWER, number) as control:
            while (order := _next_order(control)) is not None:
                assert isinstance(order, Follow)
                sights = _follow(follower, order)
                if isinstance(_next_order(control), Report):
                    control.send(Seen([Sight(*pair) for pair in zip(*sights, strict=True)]))
    finally:
        follower.close()


def _follow(follower: Follower, order: Follow) -> Sights:
    numbers, times = array("q"), array("q")
    clock = time.monotonic_ns
    number: int | None = -1
    while number is None or number < order.last:
        number = follower.next(_STEP_S)
        at_ns = clock()
        if number is not None:
            numbers.append(number)
            times.append(at_ns)
        if at_ns > order.give_up_ns:
            break
    return numbers, times


def _sharpen_timers() -> None:
    """Let a sleep end when it is due, and not up to 50 µs later, as Linux may let it.

    The events come late by that, for all designs alike: it is the generator's own lateness.
    """
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def _connect(place: Place, role: Role, number: int) -> Connection:
    control = Client(os.fspath(place.directory / CONTROL), family="AF_UNIX")
    control.send(Hello(role, number, os.getpid()))
    return control


def _next_order(control: Connection) -> object:
    try:
        return control.recv()
    except (EOFError, ConnectionError):
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
