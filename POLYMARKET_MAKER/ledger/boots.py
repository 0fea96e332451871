"""Stamps in seconds since boot, carried over a restart of the machine to the safe side.

Nobody knows how long the machine was down. So it is taken to have been no time at all: what
was counted in the last seconds of the earlier boot counts as if it were of the first of this
one. A breaker stays open, a venue that takes no orders is left alone, a budget is not full.
What gives a right is lost: a lease ends with its holder, and the account was not read yet.
"""

from __future__ import annotations

import sqlite3

_CARRIED = (("answers", "at_boot_s"), ("budgets", "at_boot_s"), ("venue", "set_boot_s"))


def enter_boot(db: sqlite3.Connection, boot_id: str) -> None:
    """Bring the stamps of the file into the boot named *boot_id*; no more than once for each."""
    if stored_boot(db) == boot_id:  # another process was faster
        return
    ended_s = _newest(db)
    for table, column in _CARRIED:
        # All three are literals of this module.
        db.execute(f"UPDATE {table} SET {column} = {column} - ?", (ended_s,))  # noqa: S608
    db.execute("UPDATE account_read SET boot_s = NULL")
    db.execute("DELETE FROM leases")
    db.execute("INSERT OR REPLACE INTO meta VALUES ('boot_id', ?)", (boot_id,))


def stored_boot(db: sqlite3.Connection) -> str | None:
    """Return the boot that the stamps of the file are of; None when none was noted yet."""
    row = db.execute("SELECT value FROM meta WHERE key = 'boot_id'").fetchone()
    return None if row is None else str(row[0])


def _newest(db: sqlite3.Connection) -> float:
    """Return the latest stamp of the file: the earlier boot lasted at least so long."""
    newest = (
        db.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]  # noqa: S608 - as above
        for table, column in (*_CARRIED, ("account_read", "boot_s"))
    )
    return max((stamp for stamp in newest if stamp is not None), default=0.0)
