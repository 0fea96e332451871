"""The account's memory: every order meant, sent and filled, shared by all processes.

One SQLite file (WAL, mode 0600). What is *ours* stands here: an order whose id is in
the ledger, shares that its fills add up to. Everything else of the wallet is foreign.

    database.py   short transactions; who may open it
    file.py       the file, and whose it is
    schema.py     the tables
    boots.py      stamps in seconds since boot, over a restart of the machine
    rows.py       rows and the words of the program; the life of an intent
    orders.py     intents, outcomes, orders, cancels
    intents.py    the same inside a transaction
    rules.py      what holds across children: one order a side, caps, no crossing
    fills.py      fills and positions
    reports.py    exposure, the day's result, summary
    worth.py      worth of everything, result of the day
    notes.py      strategy state, consumed signals, leases, venue state

Any method may raise :class:`~POLYMARKET_MAKER.errors.LedgerBusy` (try again) or
:class:`~POLYMARKET_MAKER.errors.LedgerError` (it cannot be used); nothing is written then.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from POLYMARKET_MAKER.ledger.database import BUSY_S, Database
from POLYMARKET_MAKER.ledger.file import Identity, stored_identity
from POLYMARKET_MAKER.ledger.fills import FillBook
from POLYMARKET_MAKER.ledger.notes import Notes
from POLYMARKET_MAKER.ledger.orders import OrderBook
from POLYMARKET_MAKER.ledger.reports import PnlRow, Reports, Summary, TokenView
from POLYMARKET_MAKER.ledger.rows import Intent, IntentState

__all__ = [
    "Identity",
    "Intent",
    "IntentState",
    "Ledger",
    "PnlRow",
    "Summary",
    "TokenView",
    "stored_identity",
]


class Ledger(OrderBook, FillBook, Reports, Notes):
    """One process's access to the ledger; usable from any of its threads."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @classmethod
    def open(cls, path: Path, identity: Identity, *, busy_s: float = BUSY_S) -> Self:
        """Open the ledger, or make it.

        Raises:
            LedgerMismatch: It was made for another mode, host, chain or funder.
            LedgerError: It cannot be opened, or is of another program or version.
        """
        return cls(Database(path, identity, busy_s=busy_s))

    @classmethod
    def open_existing(cls, path: Path) -> Self:
        """Open a ledger whosever it is, to look at it.

        Raises:
            LedgerError: There is none, or it is not a ledger.
        """
        return cls.open(path, stored_identity(path))

    def version(self) -> tuple[int, int]:
        """Return a value that changes whenever any process wrote; the same: no need to look."""
        return self._db.version()

    @property
    def writes(self) -> int:
        """How often this process has written; the last part of :meth:`version`."""
        return self._db.writes

    def one_moment(
        self, version: tuple[int, int] | None = None
    ) -> AbstractContextManager[tuple[int, int]]:
        """Answer what is asked every turn as of one moment, whose :meth:`version` it yields.

        Args:
            version: What :meth:`version` returned just now, if it was asked.
        """
        return self._db.one_moment(version)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
