"""Which process is at the other end of a connection, as the system knows it (Linux)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")


def owns_port(pid: int, port: int) -> bool:
    """Whether process *pid* holds the socket that a connection to us comes from.

    Args:
        pid: A process of our own user; of another one's nothing can be seen.
        port: The port of its end.
    """
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    with suppress(OSError):  # it has ended
        return any(_points_to(each) in sockets for each in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _inodes(port: int) -> list[str]:
    """Return the inodes of the sockets that have this local port."""
    rows = [row.split() for row in CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]]
    return [row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port]


def _points_to(link: Path) -> str | None:
    try:
        return str(link.readlink())
    except OSError:  # closed since it was listed
        return None
