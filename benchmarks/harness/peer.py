"""What a design must offer to be measured. One module under `benchmarks.peers` each."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Entry = dict[str, object]
EVENT = "n"
"""Field of an entry that holds the number of the event that made it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one design lives during one stage.

    Attributes:
        directory: Its own; files and sockets go there. Its path is short enough for a socket.
        tokens: Number of keys that are published.
        children: Number of followers. Follower i follows key i.
    """

    directory: Path
    tokens: int
    children: int

    def key(self, number: int) -> str:
        """Return a key as long as a real outcome token's id (77 digits)."""
        return str(7 * 10**76 + number * 982_451_653)

    @property
    def keys(self) -> list[str]:
        return [self.key(number) for number in range(self.tokens)]


class Publisher(Protocol):
    """The one process that knows first."""

    def publish(self, key: str, entry: Entry) -> None:
        """Hand *entry* on; the design decides when."""

    def close(self) -> None: ...


class Follower(Protocol):
    """One child: it wants the newest entry of its own key."""

    def next(self, timeout_s: float) -> int | None:
        """Wait for something newer; return its event's number. None or the last: none came."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """One design.

    Attributes:
        name: As it stands on the command line.
        title: As it stands in the table.
        wakes_by: What tells a child that there is news.
        open_publisher: Makes the publisher, within its process.
        open_follower: Makes the follower of a number, within its process.
        start_server: Starts the process between the two, where there is one.
        spawns_followers: Whether the publisher has to start them: they inherit from it.
        settle_s: Longest time from an event to the last child that sees it.
    """

    name: str
    title: str
    wakes_by: str
    open_publisher: Callable[[Place], Publisher]
    open_follower: Callable[[Place, int], Follower]
    start_server: Callable[[Place], subprocess.Popen[bytes]] | None = None
    spawns_followers: bool = False
    settle_s: float = 0.1


def make_entry(event: int) -> Entry:
    """Return a quote as the market feed makes them, the event's number beside it."""
    tick = event % 40
    bid, ask = round(0.30 + tick / 100, 2), round(0.32 + tick / 100, 2)
    size = 100.0 + event % 97
    return {
        "price": round((bid + ask) / 2, 3),
        "best_bid": bid,
        "best_ask": ask,
        "bid_size": size,
        "ask_size": 80.0,
        "last_trade_price": 0.5,
        "tick_size": 0.01,
        "ts": 1763680000.123 + event,
        "updated_at": 1763680000.456 + event,
        "event_type": "price_change",
        "health": "live",
        "conn": 0,
        EVENT: event,
    }
