"""The machine under the data directory: disk, memory, descriptors, file system."""

from __future__ import annotations

import os
import resource
import stat
from dataclasses import dataclass
from pathlib import Path

import psutil

from polyshared._atomic import TEMP_DIR, process_exists

NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs"}


@dataclass(frozen=True, slots=True)
class Host:
    """What was read of the machine.

    Attributes:
        exists: Whether the data directory is there.
        writable: Whether this user may make files in it.
        file_system: Its type, empty when unknown.
        descriptors: The limit of open files of this user's processes.
        temporaries: Temporary files that dead processes left.
    """

    data_dir: Path
    exists: bool
    writable: bool
    mode: int | None
    free_bytes: int
    total_bytes: int
    free_inodes: int | None
    total_inodes: int | None
    file_system: str
    available_memory: int
    total_memory: int
    descriptors: int
    temporaries: int


def look(data_dir: Path) -> Host:
    """Read the machine's state around *data_dir*, or around its nearest existing parent."""
    exists = data_dir.is_dir()
    place = _nearest(data_dir)
    disk = os.statvfs(place)
    memory = psutil.virtual_memory()
    return Host(
        data_dir=data_dir,
        exists=exists,
        writable=exists and os.access(data_dir, os.W_OK | os.X_OK),
        mode=stat.S_IMODE(data_dir.stat().st_mode) if exists else None,
        free_bytes=disk.f_bavail * disk.f_frsize,
        total_bytes=disk.f_blocks * disk.f_frsize,
        free_inodes=disk.f_favail if disk.f_files else None,
        total_inodes=disk.f_files or None,
        file_system=_file_system(place),
        available_memory=memory.available,
        total_memory=memory.total,
        descriptors=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        temporaries=sum(_leftovers(folder) for folder in (data_dir, data_dir / "children")),
    )


def _leftovers(folder: Path) -> int:
    """Count temporary files, named ``target.pid.random.tmp``, whose process is dead."""
    pids = (path.name.split(".")[-3:-2] for path in (folder / TEMP_DIR).glob("*.*.*.tmp"))
    return sum(not process_exists(int(pid)) for found in pids for pid in found if pid.isdigit())


def _nearest(path: Path) -> Path:
    absolute = path.absolute()
    return next(p for p in (absolute, *absolute.parents) if p.is_dir())


def _file_system(place: Path) -> str:
    """Return the type of the file system that holds *place*: the deepest mount above it."""
    resolved = place.resolve()
    best, found = -1, ""
    for part in psutil.disk_partitions(all=True):
        mount = Path(part.mountpoint)
        if resolved.is_relative_to(mount) and len(mount.parts) >= best:
            best, found = len(mount.parts), part.fstype
    return found
