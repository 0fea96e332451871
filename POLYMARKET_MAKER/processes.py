"""Which process is meant: a pid alone may be somebody else's by now."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from filelock import FileLock, Timeout

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def started_s(pid: int | None = None) -> float | None:
    """Return when a process started, in seconds since boot; None when there is none.

    Together with its pid it names one process for the life of the machine. It does
    not move with the wall clock.

    Args:
        pid: The process; this one when None.
    """
    try:
        stat = Path(f"/proc/{pid or os.getpid()}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return _started_s_elsewhere(pid) if sys.platform != "linux" else None
    except ProcessLookupError:
        return None
    # The name in parentheses may hold spaces and parentheses; field 22 counts from it.
    ticks = int(stat.rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def _started_s_elsewhere(pid: int | None) -> float | None:
    import psutil  # noqa: PLC0415 - only where there is no /proc

    try:
        return float(psutil.Process(pid).create_time() - psutil.boot_time())
    except psutil.NoSuchProcess:
        return None


def end_with_parent(parent_pid: int) -> None:
    """Have this process receive SIGTERM when its parent ends, however it ends.

    Linux only; elsewhere the caller looks at its parent's pid itself.

    Raises:
        ProcessLookupError: The parent is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        raise ProcessLookupError(f"parent process {parent_pid} is gone")


def is_held(path: Path) -> bool:
    """Whether some process holds a lock file."""
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
