"""A ledger's file in use: opened only by the account it belongs to, in short transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from threading import RLock
from typing import TypeVar, cast

from POLYMARKET_MAKER.clock import Clock, boot_id
from POLYMARKET_MAKER.core.breaker import DEFAULT
from POLYMARKET_MAKER.errors import LedgerBusy, LedgerError, LedgerMismatch
from POLYMARKET_MAKER.ledger import schema
from POLYMARKET_MAKER.ledger.boots import enter_boot
from POLYMARKET_MAKER.ledger.file import (
    Identity,
    connect_to_read,
    connect_to_write,
    make_private,
)

BUSY_S = 3.0
"""Longest wait for another process. Transactions last milliseconds: longer means trouble."""
QUICK_S = 0.05
"""The same for what a loop writes, which must not wait: it can be written at its next turn."""

_KEPT_MAX = 256
"""Questions whose answers are kept at a time; a child asks about ten."""

T = TypeVar("T")

_RETRY_S = 0.01


class Database:
    """Two connections, usable from any thread, and their short transactions.

    One reads, the other writes, each has its lock: WAL lets readers go on while somebody
    writes, and a thread that waits for another process, or for the disk, holds up no other
    thread that only reads. Two writers wait for each other, at most *busy_s*.
    """

    def __init__(
        self, path: Path, identity: Identity, *, busy_s: float = BUSY_S, boot: str | None = None
    ) -> None:
        """Open the file, or make it.

        Args:
            path: The file.
            identity: Whose it must be.
            busy_s: Longest wait for another process.
            boot: Name of this boot of the machine; asked of the system when None.
        """
        self.path = path
        self._boot_id = boot_id() if boot is None else boot
        self._busy_s = busy_s
        self._lock = RLock()
        self._read_lock = RLock()
        self.writes = 0
        self._kept: dict[Hashable, object] = {}
        self._kept_version: tuple[int, int] | None = None
        self._moment: int | None = None  # what had been written when the block began
        make_private(path)
        with self._translated():
            self._sqlite = connect_to_write(path, busy_s=busy_s)
        self._reader = self._sqlite  # until the file is known to be ours
        try:
            self._admit(identity)
            with self._translated():
                self._reader = connect_to_read(path, busy_s=busy_s)
        except BaseException:
            self._sqlite.close()
            raise

    def close(self) -> None:
        """Close both connections; a second call does nothing."""
        with self._lock, self._read_lock:
            self._reader.close()
            self._sqlite.close()

    def version(self) -> tuple[int, int]:
        """Return a value that changes whenever any process has written to the ledger."""
        with self._read_lock, self._translated():
            return self._reader.execute("PRAGMA data_version").fetchone()[0], self.writes

    def kept(self, question: Hashable, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Return what *ask* reads; from memory while nobody has written anything since.

        A child asks the same questions on every turn, and hundreds of turns pass between
        two writes. *question* names what is asked, with every value *ask* depends on; the
        answer must not be changed by who gets it.
        """
        with self._read_lock:
            # Before the read: a write in between is seen next time.
            version = self.version() if self._moment is None else (self._moment, self.writes)
            if version != self._kept_version or len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
                self._kept_version = version
            if question not in self._kept:
                with self.read() as db:
                    self._kept[question] = ask(db)
            return cast(T, self._kept[question])

    @contextmanager
    def one_moment(self, version: tuple[int, int] | None = None) -> Iterator[tuple[int, int]]:
        """Ask only once, for all :meth:`kept` of the block, whether anybody has written.

        Yields the :meth:`version` at its beginning. Nobody else in this process reads the ledger
        meanwhile; what this process itself writes is seen in it.

        Args:
            version: What :meth:`version` returned just now, if it was asked. What was written
                since may be in the answers; it is news to the next who asks.
        """
        with self._read_lock:
            version = version or self.version()
            self._moment = version[0]
            try:
                yield version
            finally:
                self._moment = None

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read everything in the block from one moment."""
        with self._read_lock, self._translated():
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("ROLLBACK")

    @contextmanager
    def write(
        self, *, durable: bool = False, wait_s: float | None = None
    ) -> Iterator[sqlite3.Connection]:
        """Do everything in the block, or nothing, with nobody writing in between.

        Args:
            durable: Survive a power cut, not only a killed process.
            wait_s: Longest wait for other threads and processes, if shorter than usual.

        Raises:
            LedgerBusy: Somebody else held the ledger for too long.
            LedgerError: It cannot be written: disk full, damaged, taken away.
        """
        busy_s = self._busy_s if wait_s is None else min(wait_s, self._busy_s)
        with self._turn_to_write(wait_s), self._translated(busy_s):
            self._sqlite.execute(f"PRAGMA busy_timeout={round(busy_s * 1000)}")
            self._sqlite.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._sqlite.execute("BEGIN IMMEDIATE")
            try:
                yield self._sqlite
                self._sqlite.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    self._sqlite.execute("ROLLBACK")
                raise
            self.writes += 1

    @contextmanager
    def _turn_to_write(self, wait_s: float | None) -> Iterator[None]:
        """Be the only thread that writes; who is in a hurry does not wait for one that waits."""
        if not self._lock.acquire(timeout=-1 if wait_s is None else wait_s):
            raise LedgerBusy(f"{self.path}: another thread is writing")
        try:
            yield
        finally:
            self._lock.release()

    # -- the file

    def _admit(self, identity: Identity) -> None:
        """Make the tables of a new ledger; refuse one that belongs to somebody else."""
        if not (stored := self._stored()):
            self._make(identity)
            stored = self._stored()
        for name, value in asdict(identity).items():
            if stored.get(name) != str(value):
                raise LedgerMismatch(
                    f"{self.path}: {name} was {stored.get(name)!r} when it was made, "
                    f"now it is {str(value)!r}; use another data directory"
                )
        if stored.get("schema") in schema.UPGRADES:
            self._upgrade()
            stored = self._stored()
        if (found := stored.get("schema")) != schema.VERSION:
            raise LedgerError(
                f"{self.path}: schema was {found}, this program reads {schema.VERSION}"
            )
        if stored.get("boot_id") != self._boot_id:
            with self.write(durable=True) as db:
                enter_boot(db, self._boot_id)

    def _stored(self) -> dict[str, str]:
        """Return what the file says it is; empty when it is new."""
        with self.read() as db:
            known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
            return dict(db.execute("SELECT key, value FROM meta")) if known else {}

    def _make(self, identity: Identity) -> None:
        self._enter_wal()
        with self.write(durable=True) as db:
            # Nothing is committed before all of it: another process may be making it too.
            for statement in schema.statements(schema.TABLES):
                db.execute(statement)
            facts = {"schema": schema.VERSION, "boot_id": self._boot_id, **asdict(identity)}
            rows = [(name, str(value)) for name, value in facts.items()]
            db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", rows)

    def _upgrade(self) -> None:
        """Bring an older file up to this version; one process does it, the others find it done."""
        clock = Clock()
        now = {"boot_s": clock.boot(), "wall_s": clock.now(), "memory_s": DEFAULT.memory_s}
        with self.write(durable=True) as db:
            facts = dict(db.execute("SELECT key, value FROM meta"))
            version = facts["schema"]
            while version in schema.UPGRADES:
                for statement in schema.statements(*schema.UPGRADES[version]):
                    db.execute(statement, now)
                version = str(int(version) + 1)
            facts = {"schema": version, "boot_id": self._boot_id}
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())

    def _enter_wal(self) -> None:
        """Switch to WAL. SQLite does not wait here when others open the file, so we do."""
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                with self._lock, self._translated():
                    self._sqlite.execute("PRAGMA journal_mode=WAL")
            except LedgerBusy:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)
            else:
                return

    @contextmanager
    def _translated(self, busy_s: float | None = None) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                waited_s = self._busy_s if busy_s is None else busy_s
                waited = f"{self.path}: held by another process for more than {waited_s:g} s"
                raise LedgerBusy(waited) from error
            raise LedgerError(f"{self.path}: {error}") from error
