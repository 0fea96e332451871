"""The file of a ledger: private, and made for one account."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from POLYMARKET_MAKER.errors import LedgerError

_MODE = 0o600  # bodies carry signatures and an API key id


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
        with closing(connect_to_read(path, busy_s=5.0)) as sqlite:
            facts = dict(sqlite.execute("SELECT key, value FROM meta"))
        return Identity(facts["mode"], facts["host"], int(facts["chain"]), facts["funder"])
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise LedgerError(f"{path}: no ledger to read: {error}") from error


def connect_to_read(path: Path, *, busy_s: float) -> sqlite3.Connection:
    """Connect to a file that is there, to read it, from any thread."""
    return _connect(f"{path.absolute().as_uri()}?mode=ro", busy_s)


def connect_to_write(path: Path, *, busy_s: float) -> sqlite3.Connection:
    """Connect to a file, from any thread."""
    return _connect(path.absolute().as_uri(), busy_s)


def _connect(uri: str, busy_s: float) -> sqlite3.Connection:
    sqlite = sqlite3.connect(
        uri, uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False
    )
    sqlite.row_factory = sqlite3.Row
    return sqlite


def make_private(path: Path) -> None:
    """Create the file with mode 0600; SQLite gives -wal and -shm the mode of the file.

    One that is there is not opened: to close it again would drop the locks that another
    connection of this process holds on it (sqlite.org, "How To Corrupt An SQLite Database
    File", 2.2).
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _MODE))
        if os.stat(path).st_mode & 0o777 != _MODE:
            os.chmod(path, _MODE)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be opened: {error.strerror}") from error
