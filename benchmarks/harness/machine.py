"""Where a run took place, and whether it may."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil

MAX_BUSY = 0.15
"""Share of all cores that other programs may use before a run."""
_LOOK_S = 3.0
_PACKAGES = ("msgspec", "redis", "hiredis", "pyzmq", "websockets", "websocket-client")


class BusyError(Exception):
    """Others use the machine; what would be measured is mostly them."""


def busy_share() -> float:
    """Return what share of all cores is in use, looked at for three seconds.

    Not the load average: that one still remembers what ended a minute ago.
    """
    psutil.cpu_percent()
    time.sleep(_LOOK_S)
    return float(psutil.cpu_percent()) / 100


def require_quiet(share: float) -> None:
    """Refuse a machine that is busy.

    Raises:
        BusyError: It is.
    """
    if share > MAX_BUSY:
        raise BusyError(
            f"{share:.0%} of the processors was in use before the start, limit is "
            f"{MAX_BUSY:.0%}; wait until it is quiet, or say --force and distrust the figures"
        )


def describe(directory: Path, *, share: float) -> list[str]:
    """Return what a reader has to know of the machine, a line each."""
    cores = os.cpu_count() or 1
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version}" for name in _PACKAGES if (version := _version(name)))
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{platform.system()} {platform.release()}",
        f"{_processor()}, {cores} cores, {_governor()}, {memory:.0f} GB, {_virtual()}",
        f"Python {platform.python_version()}; {versions}; {_redis()}",
        f"files on {file_system(directory)}",
        f"before the start: load {os.getloadavg()[0]:.2f}, {share:.0%} of the processors in use",
    ]


def file_system(directory: Path) -> str:
    """Return the type of the file system that *directory* is on."""
    best, kind = -1, "unknown"
    for part in psutil.disk_partitions(all=True):
        mount = part.mountpoint
        if os.path.commonpath((mount, directory.resolve())) == mount and len(mount) > best:
            best, kind = len(mount), part.fstype
    return kind


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _redis() -> str:
    program = shutil.which("redis-server")
    if program is None:
        return "no redis-server"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    words = said.stdout.split()
    return " ".join(["redis-server", *(word for word in words if word.startswith("v="))])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _governor() -> str:
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return f"governor {path.read_text().strip()}" if path.exists() else "no governor to be seen"


def _virtual() -> str:
    return "virtual machine" if " hypervisor" in Path("/proc/cpuinfo").read_text() else "bare metal"
