"""What the machine says of a process that a status file names.

A process id alone proves nothing, ids are used again: the same process is the same id
*and* the same start since boot.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

START_TOLERANCE_S = 1.0  # two programs round the same start differently
SHARED_CACHE_VARIABLE = "POLY_WS_SHARED_CACHE"
SUPERVISOR_SCRIPT = "poly_maker_autorun.py"
CHILD_SCRIPT = "Volatility_arbitrage_run.py"


class Life(StrEnum):
    """What became of a process."""

    RUNNING = "running"
    STOPPED = "stopped"  # by a signal or a debugger: alive, and does nothing
    ZOMBIE = "zombie"  # ended, its parent has not asked how
    GONE = "gone"
    REUSED = "reused"  # another process has the id now

    @property
    def is_alive(self) -> bool:
        return self in (Life.RUNNING, Life.STOPPED)


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the machine shows it."""

    pid: int
    life: Life
    parent: int | None = None
    started_s: float | None = None
    rss_bytes: int | None = None


def started_s(pid: int) -> float:
    """Return when *pid* started, in seconds since boot.

    Raises:
        psutil.NoSuchProcess: There is no such process.
        psutil.AccessDenied: It may not be looked at.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        if not psutil.pid_exists(pid):
            raise psutil.NoSuchProcess(pid) from None
        return float(psutil.Process(pid).create_time() - psutil.boot_time())
    # The name in parentheses may hold blanks and parentheses; field 22 counts from after it.
    return int(text.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def look_up(pid: int, expected_start_s: float | None) -> Process:
    """Return what became of the process with this id and start.

    Args:
        pid: Its id.
        expected_start_s: Its start in seconds since boot; None when nobody told it.
    """
    try:
        start = started_s(pid)
        if expected_start_s is not None and abs(start - expected_start_s) > START_TOLERANCE_S:
            return Process(pid, Life.REUSED)
        process = psutil.Process(pid)
        with process.oneshot():
            life = _life(process.status())
            return Process(pid, life, process.ppid(), start, process.memory_info().rss)
    except psutil.NoSuchProcess:
        return Process(pid, Life.GONE)
    except psutil.AccessDenied:
        return Process(pid, Life.RUNNING)


def _life(status: str) -> Life:
    if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
        return Life.STOPPED
    if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
        return Life.ZOMBIE
    return Life.RUNNING


def shared_cache_of(pid: int) -> str | None:
    """Return ``POLY_WS_SHARED_CACHE`` of another process, and nothing else of its environment.

    Returns:
        None when the process was started without it.

    Raises:
        psutil.Error: It is gone, or may not be looked at.
    """
    found: str | None = psutil.Process(pid).environ().get(SHARED_CACHE_VARIABLE)
    return found


@dataclass(frozen=True, slots=True)
class Script:
    """A running program of ours, found by its command line.

    Attributes:
        path: The script, absolute where the process's working directory is known.
        arguments: What follows the script's path.
    """

    pid: int
    path: Path
    arguments: tuple[str, ...]
    parent: int | None


def running_scripts(name: str) -> list[Script]:
    """Return this user's processes that run the script *name*."""
    found = []
    for process in psutil.process_iter(["pid", "ppid", "cmdline", "uids", "status", "cwd"]):
        info = process.info
        words = info["cmdline"] or []
        mine = info["uids"] is not None and info["uids"].real == os.getuid()
        # Word 0 is the interpreter; options such as -u may stand before the script.
        at = next((i for i, word in enumerate(words[1:6], 1) if Path(word).name == name), None)
        if mine and at is not None and info["status"] != psutil.STATUS_ZOMBIE:
            path = Path(info["cwd"] or ".") / words[at]
            found.append(Script(info["pid"], path, tuple(words[at + 1 :]), info["ppid"]))
    return found


def open_files(pid: int) -> list[Path]:
    """Return the regular files that a process holds open; none when it may not be looked at."""
    try:
        return [Path(file.path) for file in psutil.Process(pid).open_files()]
    except psutil.Error:
        return []
