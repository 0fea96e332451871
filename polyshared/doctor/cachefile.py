"""The snapshot file, read many times: one read tells neither a torn file nor a dead writer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from polyshared import Snapshot, SnapshotCorrupt, SnapshotMissing, SnapshotTooNew, _clock
from polyshared._clock import Moment
from polyshared._file import SnapshotFile
from polyshared._lock import Owner, read_owner
from polyshared.doctor import lanefile
from polyshared.doctor.lanefile import LaneLook

CACHE_NAME = "ws_cache.json"
READS = 20
SPACING_S = 0.05
WATCH_S = 3.0  # a writer's heartbeat comes once a second; a busy machine may be late
MAX_BYTES = 1 << 26


class Outcome(StrEnum):
    """What one read found. Kept apart: each has another cause and another cure."""

    OK = "ok"
    MISSING = "missing"
    EMPTY = "empty"
    CORRUPT = "corrupt"
    TOO_NEW = "too_new"


@dataclass(frozen=True, slots=True)
class Read:
    """One read of the file; *snapshot* is None unless the outcome is OK."""

    outcome: Outcome
    detail: str
    at: Moment
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Cache:
    """All that was seen of the snapshot file.

    Attributes:
        reads: In order; at least one.
        owner: What the owner file says; None when it is absent or unreadable.
        locked: Whether a process holds the writer's lock; None when the machine cannot tell.
        strays: Other files of this name below the data directory.
        lane_before, lane_after: The lane before the second and after the last read; None
            when there is none.
    """

    path: Path
    reads: tuple[Read, ...]
    owner: Owner | None
    locked: bool | None
    strays: tuple[Path, ...]
    lane_before: LaneLook | None = None
    lane_after: LaneLook | None = None

    @property
    def good(self) -> tuple[Snapshot, ...]:
        return tuple(read.snapshot for read in self.reads if read.snapshot is not None)

    def count(self, *outcomes: Outcome) -> int:
        return sum(read.outcome in outcomes for read in self.reads)

    @property
    def vanished(self) -> int:
        """How often the file was absent after it had been there."""
        seen = False
        found = 0
        for read in self.reads:
            found += seen and read.outcome is Outcome.MISSING
            seen |= read.outcome is not Outcome.MISSING
        return found

    def first_detail(self, *outcomes: Outcome) -> str:
        return next((r.detail for r in self.reads if r.outcome in outcomes), "")

    @property
    def versions(self) -> tuple[tuple[int, int], ...]:
        """The (epoch, flush_seq) of each good read, in order."""
        return tuple((snapshot.epoch, snapshot.flush_seq) for snapshot in self.good)

    @property
    def advanced(self) -> bool:
        return len(set(self.versions)) > 1


def look(
    path: Path, *, expect_writer: bool = True, sleep: Callable[[float], None] = time.sleep
) -> Cache:
    """Read *path* READS times, and on until a second version was seen or WATCH_S have passed.

    Args:
        path: The snapshot file.
        expect_writer: False ends the look after the first reads, since nothing will change.
        sleep: Waits between two reads.
    """
    reads = [read_once(path)]
    lane_before = lanefile.look(path, _keys(reads))
    until = reads[0].at.boot_s + WATCH_S
    if reads[0].outcome is not Outcome.MISSING or expect_writer:
        while len(reads) < READS or (expect_writer and _wants_more(reads, until)):
            sleep(SPACING_S)
            reads.append(read_once(path))
    return Cache(
        path=path,
        reads=tuple(reads),
        owner=read_owner(path),
        locked=is_locked(path),
        strays=tuple(find_strays(path)),
        lane_before=lane_before,
        lane_after=lanefile.look(path, _keys(reads)),
    )


def _keys(reads: list[Read]) -> list[str]:
    """Return the keys of the last good read."""
    good = [read.snapshot for read in reads if read.snapshot is not None]
    return list(good[-1].tokens) if good else []


def _wants_more(reads: list[Read], until: float) -> bool:
    versions = {(r.snapshot.epoch, r.snapshot.flush_seq) for r in reads if r.snapshot}
    return len(versions) == 1 and reads[-1].at.boot_s < until


def read_once(path: Path) -> Read:
    """Read and decode the file; every way in which that can fail is an outcome."""
    at = _clock.now()
    try:
        return Read(Outcome.OK, "", at, SnapshotFile(path, path.name, MAX_BYTES).load(at))
    except SnapshotMissing as error:
        return Read(Outcome.EMPTY if error.empty else Outcome.MISSING, str(error), at)
    except SnapshotTooNew as error:
        return Read(Outcome.TOO_NEW, str(error), at)
    except SnapshotCorrupt as error:
        return Read(Outcome.CORRUPT, str(error), at)


def is_locked(path: Path) -> bool | None:
    """Tell whether somebody holds the writer's lock, without taking it even for an instant.

    Linux lists all file locks in /proc/locks. Trying the lock instead would make a
    writer that starts at that moment fail.

    Returns:
        None where the machine cannot tell.
    """
    try:
        status = path.with_name(f"{path.name}.lock").stat()
    except FileNotFoundError:
        return False
    except OSError:
        return None
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return any(device in line.split() for line in lines)


def find_strays(path: Path, *, depth: int = 2) -> Iterator[Path]:
    """Yield other snapshot files: the earlier program scattered them over working directories."""
    base = path.parent
    if not base.is_dir():
        return
    for level in range(1, depth + 1):
        yield from base.glob("/".join(["*"] * level + [CACHE_NAME]))
