"""One writer at a time, for its whole life.

Three files: ``X.lock`` carries the lock itself (flock, so it dies with its
holder), ``X.owner`` says in JSON who holds it, and ``.polyshared/X.start`` is
held for the moment of starting, so that starts happen one after the other.

flock follows the inode, not the name. Whoever unlinks ``X.lock`` lets a second
writer in, and ``take_over`` does so on purpose. So a holder owns the place only
while the name still leads to its inode: `WriterLock.check` asks before every write.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from polyshared._atomic import TEMP_DIR, write_atomic
from polyshared._clock import Moment
from polyshared._errors import WriterBusy, WriterFenced

_START_TIMEOUT_S = 2.0


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Content of the owner file."""

    pid: int
    host: str
    started_at: float
    epoch: int = 0
    boot_id: str = ""
    boot_s: float = 0.0
    version: str = ""

    @property
    def started(self) -> Moment:
        return Moment(self.boot_id, self.boot_s, self.started_at)

    def about(self) -> dict[str, Any]:
        """Return what the snapshot's readers are told of its writer."""
        return {
            "pid": self.pid,
            "host": self.host,
            "started_at": self.started_at,
            "version": self.version,
        }


def new_owner(*, epoch: int, version: str, at: Moment) -> Owner:
    return Owner(
        pid=os.getpid(),
        host=socket.gethostname(),
        started_at=round(at.wall_s, 3),
        epoch=epoch,
        boot_id=at.boot_id,
        boot_s=round(at.boot_s, 3),
        version=version,
    )


def owner_path(snapshot: Path) -> Path:
    return snapshot.with_name(f"{snapshot.name}.owner")


def read_owner(snapshot: Path) -> Owner | None:
    """Return who holds, or last held, the lock; None if the file does not say."""
    try:
        return msgspec.json.decode(owner_path(snapshot).read_bytes(), type=Owner)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class WriterLock:
    """The right to write one snapshot.

    Args:
        snapshot: The snapshot file, already resolved.
    """

    def __init__(self, snapshot: Path) -> None:
        self._snapshot = snapshot
        self._path = snapshot.with_name(f"{snapshot.name}.lock")
        self._name = os.fspath(self._path)  # once: it is asked for with each look
        self._lock: FileLock | None = None
        self._identity = (0, 0)
        self._pid = 0

    def acquire(self, *, may_replace: Callable[[], bool] | None = None) -> None:
        """Take the lock at once or not at all.

        Args:
            may_replace: Asked when another process holds the lock; true means
                that it is to be treated as gone.

        Raises:
            WriterBusy: Another process holds it.
            OSError: The directory cannot be used.
        """
        with self._starting():
            if self._try_acquire():
                return
            if may_replace is None or not may_replace():
                raise self._busy()
            with suppress(FileNotFoundError):
                os.unlink(self._path)
            if not self._try_acquire():
                raise self._busy()

    def publish(self, owner: Owner) -> None:
        write_atomic(owner_path(self._snapshot), msgspec.json.encode(owner) + b"\n")

    def check(self) -> None:
        """Make sure that this process is still the writer.

        Raises:
            WriterFenced: It is not.
            FileNotFoundError: The lock file is gone, so nobody can tell: `reacquire`.
        """
        if self._pid != os.getpid():
            raise WriterFenced(
                self._snapshot, f"writer belongs to pid {self._pid}, not to its fork"
            )
        seen = os.stat(self._name, follow_symlinks=False)
        if (seen.st_dev, seen.st_ino) != self._identity:
            raise WriterFenced(self._snapshot, "another writer has taken over")

    def reacquire(self, owner: Owner) -> None:
        """Take the lock again after its file was removed, with the directory perhaps.

        Raises:
            WriterFenced: A later writer was or is there.
            OSError: The directory cannot be used.
        """
        os.makedirs(self._snapshot.parent, exist_ok=True)
        with self._starting():
            if self._path.exists():
                self.check()
                return
            latest = read_owner(self._snapshot)
            if latest is not None and latest.epoch > owner.epoch:
                raise WriterFenced(self._snapshot, f"pid {latest.pid} was the writer since")
            self.release()
            if not self._try_acquire():
                raise WriterFenced(self._snapshot, "another writer has taken over")
        self.publish(owner)

    def release(self) -> None:
        if self._lock is not None and self._pid == os.getpid():
            self._lock.release()
        self._lock = None

    @contextmanager
    def _starting(self) -> Iterator[None]:
        directory = self._snapshot.parent / TEMP_DIR
        directory.mkdir(mode=0o700, exist_ok=True)
        guard = FileLock(directory / f"{self._snapshot.name}.start", fallback_to_soft=False)
        try:
            guard.acquire(timeout=_START_TIMEOUT_S)
        except Timeout as error:
            raise self._busy() from error
        try:
            yield
        finally:
            guard.release()

    def _try_acquire(self) -> bool:
        lock = FileLock(
            self._path, thread_local=False, fallback_to_soft=False, on_acquired=self._note
        )
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._lock = lock
        self._pid = os.getpid()
        return True

    def _note(self, fd: int) -> None:
        status = os.fstat(fd)
        self._identity = (status.st_dev, status.st_ino)

    def _busy(self) -> WriterBusy:
        owner = read_owner(self._snapshot)
        return WriterBusy(
            self._snapshot,
            pid=owner.pid if owner else None,
            host=owner.host if owner else None,
            started_at=owner.started_at if owner else None,
        )
