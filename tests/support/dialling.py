"""How many processes dial the simulator at the same time, by the system's own account."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.failover import suspended
from tests.support.simulator import Simulator

ESTABLISHED = "01"
WRITER_SILENT_S = 10.0
LATEST_LEAVER_S = 17.0
"""A writer's silence, a second until it is seen, the longest jitter, and a little."""


def most_dialling(sim: Simulator, *, lost_mono: float, but: int) -> int:
    """Suspend the exchange while everybody wants to dial; return the most that did at once.

    It accepts nobody, so who dials stays there and can be counted: by the system's own
    table of connections, not by anything that the children say.

    Args:
        sim: The exchange; its connections are counted, also those that it has not accepted.
        lost_mono: When the children lost their feed.
        but: Process whose connections do not count, the supervisor.
    """
    pause_until(lost_mono + WRITER_SILENT_S - 1)
    most = 0
    with suspended(sim.process.pid):
        before = _connections_to(sim)
        while time.monotonic() < lost_mono + LATEST_LEAVER_S:
            more = _connections_to(sim) - before
            most = max(most, len(more - _sockets_of(but)))
            time.sleep(0.05)
    return most


def pause_until(mono: float) -> None:
    time.sleep(max(0.0, mono - time.monotonic()))


def _connections_to(sim: Simulator) -> set[str]:
    """Return the clients' ends of the TCP connections to the simulator, by inode."""
    port = urlsplit(sim.urls["clob"]).port
    rows = (line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:])
    return {
        row[9]
        for row in rows
        if int(row[2].rpartition(":")[2], 16) == port and row[3] == ESTABLISHED
    }


def _sockets_of(pid: int) -> set[str]:
    """Return the inodes of a process's sockets."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since
            kind, _, rest = str(descriptor.readlink()).partition(":[")
            if kind == "socket":
                found.add(rest.rstrip("]"))
    return found
