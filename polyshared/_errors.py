"""All errors of this package.

Exception
└── SnapshotError
    ├── SnapshotMissing   no file, an empty file, or no such key in a live one
    ├── SnapshotCorrupt   the file is there but is not a snapshot
    ├── SnapshotStale     the writer has been silent for longer than the limit
    ├── SnapshotTooNew    a newer version of this package wrote it
    ├── WriterBusy        another process is the writer
    └── WriterFenced      this process was the writer, and is no longer

A reader's four errors ask for four different actions, so none of them is the
base of another. Each says what was seen, what was expected and what to do.
"""

from __future__ import annotations

import os
import time


class SnapshotError(Exception):
    """Base of all errors of this package.

    Attributes:
        path: The snapshot file, as the caller named it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = os.fspath(path)

    def reason(self) -> str:
        return "cannot be used"

    def __str__(self) -> str:
        return f"{self.path}: {self.reason()}"


class SnapshotMissing(SnapshotError):
    """There is nothing to read.

    Attributes:
        key: The absent key of a live snapshot; None if the file itself is absent or empty.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, key: str | None = None, empty: bool = False
    ) -> None:
        super().__init__(path)
        self.key = key
        self.empty = empty

    def reason(self) -> str:
        if self.key is not None:
            return f"has no key {self.key!r}"
        if self.empty:
            return "is empty, as after a power cut; waits for a writer"
        return "does not exist; is the writer running?"


class SnapshotCorrupt(SnapshotError):
    """The file is not a snapshot.

    Attributes:
        detail: What is wrong.
        position: Byte offset of the fault; None where there is no single one.
    """

    def __init__(
        self, path: str | os.PathLike[str], detail: str, *, position: int | None = None
    ) -> None:
        super().__init__(path)
        self.detail = detail
        self.position = position

    def reason(self) -> str:
        where = "" if self.position is None else f" at byte {self.position}"
        return f"not a snapshot: {self.detail}{where}; the next flush of a live writer replaces it"


class SnapshotStale(SnapshotError):
    """The writer has been silent for too long: nothing in the file may be trusted.

    Attributes:
        age_s: Seconds since the writer's last sign of life. Infinite when the
            machine was started anew since.
        limit_s: The reader's limit.
        superseded: The file is that of an earlier writer than one already known.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        age_s: float,
        limit_s: float,
        superseded: bool = False,
    ) -> None:
        super().__init__(path)
        self.age_s = age_s
        self.limit_s = limit_s
        self.superseded = superseded

    def reason(self) -> str:
        seen = f"{self.age_s:.1f} s ago" if self.age_s < float("inf") else "before the last boot"
        if self.superseded:
            return f"last written {seen} by a writer that was replaced; wait for the new one"
        return f"last written {seen}, limit is {self.limit_s:g} s; is the writer running?"


class SnapshotTooNew(SnapshotError):
    """A newer version of this package wrote the file.

    Attributes:
        schema: The file's version.
        known: The newest version that this package reads.
    """

    def __init__(self, path: str | os.PathLike[str], *, schema: int, known: int) -> None:
        super().__init__(path)
        self.schema = schema
        self.known = known

    def reason(self) -> str:
        return (
            f"schema was {self.schema}, newest known is {self.known}; upgrade polyshared and "
            "restart this process"
        )


class WriterBusy(SnapshotError):
    """Another process holds the writer's lock.

    Attributes:
        pid: Process id of the owner; None if the owner file does not say.
        host: Its host name, likewise.
        started_at: When it became the writer, in epoch seconds, likewise.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        pid: int | None,
        host: str | None,
        started_at: float | None,
    ) -> None:
        super().__init__(path)
        self.pid = pid
        self.host = host
        self.started_at = started_at

    def reason(self) -> str:
        if self.pid is None:
            return "another process is the writer, its owner file is missing; try again in 1 s"
        since = ""
        if self.started_at is not None:
            since = time.strftime(" since %Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started_at))
        return f"pid {self.pid} on {self.host} is the writer{since}; stop it first"


class WriterFenced(SnapshotError):
    """This writer lost its place. It has stopped and writes nothing any more.

    Attributes:
        detail: What happened.
    """

    def __init__(self, path: str | os.PathLike[str], detail: str) -> None:
        super().__init__(path)
        self.detail = detail

    def reason(self) -> str:
        return f"{self.detail}; make a new writer to go on"
