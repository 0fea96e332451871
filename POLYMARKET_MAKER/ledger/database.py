"""The SQLite file: made once, private, opened only by the account it belongs to."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import RLock
from typing import TypeVar, cast

from POLYMARKET_MAKER.errors import LedgerBusy, LedgerError, LedgerMismatch
from POLYMARKET_MAKER.ledger import schema

BUSY_S = 3.0
"""Longest wait for another process. Transactions last milliseconds: longer means trouble."""

_KEPT_MAX = 256
"""Questions whose answers are kept at a time; a child asks about ten."""

T = TypeVar("T")

_MODE = 0o600  # bodies carry signatures and an API key id
_RETRY_S = 0.01


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose ledger it is; stored when it is made and never changed.

    Attributes:
        mode: demo, paper or live.
        host: The exchange's root URL.
        chain: Chain id.
        funder: The wallet that holds the funds.
    """

    mode: str
    host: str
    chain: int
    funder: str


def stored_identity(path: Path) -> Identity:
    """Read whose ledger *path* is, without making one.

    Raises:
        LedgerError: There is none, or it is not a ledger.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as sqlite:
            facts = dict(sqlite.execute("SELECT key, value FROM meta"))
        return Identity(facts["mode"], facts["host"], int(facts["chain"]), facts["funder"])
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise LedgerError(f"{path}: no ledger to read: {error}") from error


class Database:
    """One connection, usable from any thread, and its short transactions.

    Other processes have connections of their own. WAL lets readers go on while one
    writes; two writers wait for each other, at most *busy_s*.
    """

    def __init__(self, path: Path, identity: Identity, *, busy_s: float = BUSY_S) -> None:
        self.path = path
        self._lock = RLock()
        self._busy_s = busy_s
        self._writes = 0
        self._kept: dict[Hashable, object] = {}
        self._kept_version: tuple[int, int] | None = None
        _make_private(path)
        try:
            self._sqlite = sqlite3.connect(
                path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise LedgerError(f"{path}: cannot be opened: {error}") from error
        self._sqlite.row_factory = sqlite3.Row
        try:
            self._admit(identity)
        except BaseException:
            self._sqlite.close()
            raise

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with self._lock:
            self._sqlite.close()

    def version(self) -> tuple[int, int]:
        """Return a value that changes whenever any process has written to the ledger."""
        with self._lock, self._translated():
            return self._sqlite.execute("PRAGMA data_version").fetchone()[0], self._writes

    def kept(self, question: Hashable, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Return what *ask* reads; from memory while nobody has written anything since.

        A child asks the same questions on every turn, and hundreds of turns pass between
        two writes. *question* names what is asked, with every value *ask* depends on; the
        answer must not be changed by who gets it.
        """
        with self._lock:
            version = self.version()  # before the read: a write in between is seen next time
            if version != self._kept_version or len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
                self._kept_version = version
            if question not in self._kept:
                with self.read() as db:
                    self._kept[question] = ask(db)
            return cast(T, self._kept[question])

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read everything in the block from one moment."""
        with self._lock, self._translated():
            self._sqlite.execute("BEGIN")
            try:
                yield self._sqlite
            finally:
                self._sqlite.execute("ROLLBACK")

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Do everything in the block, or nothing, with nobody writing in between.

        Args:
            durable: Survive a power cut, not only a killed process.

        Raises:
            LedgerBusy: Another process held the ledger for too long.
            LedgerError: It cannot be written: disk full, damaged, taken away.
        """
        with self._lock, self._translated():
            self._sqlite.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._sqlite.execute("BEGIN IMMEDIATE")
            try:
                yield self._sqlite
                self._sqlite.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    self._sqlite.execute("ROLLBACK")
                raise
            self._writes += 1

    def _admit(self, identity: Identity) -> None:
        """Make the tables of a new ledger; refuse one that belongs to somebody else."""
        stored = self._stored()
        if stored is None:
            self._make(identity)
            stored = self._stored()
        assert stored is not None
        if stored.get("schema") in schema.UPGRADES:
            self._upgrade()
            stored = self._stored() or {}
        if stored.get("schema") != schema.VERSION:
            found = stored.get("schema")
            raise LedgerError(
                f"{self.path}: schema was {found}, this program reads {schema.VERSION}"
            )
        for name, value in asdict(identity).items():
            if stored.get(name) != str(value):
                raise LedgerMismatch(
                    f"{self.path}: {name} was {stored.get(name)!r} when it was made, "
                    f"now it is {str(value)!r}; use another data directory"
                )

    def _stored(self) -> dict[str, str] | None:
        """Return what the file says it is; None when it is new."""
        with self.read() as db:
            known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
            return dict(db.execute("SELECT key, value FROM meta")) if known else None

    def _make(self, identity: Identity) -> None:
        self._enter_wal()
        with self.write(durable=True) as db:
            # Not executescript(): it would commit, and another process may be making it too.
            for statement in _statements(schema.TABLES):
                db.execute(statement)
            facts = {"schema": schema.VERSION, **asdict(identity)}
            rows = [(name, str(value)) for name, value in facts.items()]
            db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", rows)

    def _upgrade(self) -> None:
        """Bring an older file up to this version; one process does it, the others find it done."""
        with self.write(durable=True) as db:
            facts = dict(db.execute("SELECT key, value FROM meta"))
            while (version := facts["schema"]) in schema.UPGRADES:
                for statement in schema.UPGRADES[version]:
                    db.execute(statement)
                facts["schema"] = str(int(version) + 1)
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (facts["schema"],))

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
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                waited = f"{self.path}: held by another process for more than {self._busy_s:g} s"
                raise LedgerBusy(waited) from error
            raise LedgerError(f"{self.path}: {error}") from error


def _make_private(path: Path) -> None:
    """Create the file with mode 0600; SQLite gives -wal and -shm the mode of the file."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _MODE))
        if os.stat(path).st_mode & 0o777 != _MODE:
            os.chmod(path, _MODE)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be opened: {error.strerror}") from error


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
