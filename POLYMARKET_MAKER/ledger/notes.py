"""Small things that must outlive a process or be known to all of them.

What counts by its age is stamped in seconds since boot (*boot_s*).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

from POLYMARKET_MAKER.core.budget import Bucket, Kind, full, wait_to_place_s
from POLYMARKET_MAKER.ledger.database import QUICK_S, Database


class Notes:
    """The part of the ledger that is neither order nor fill."""

    _db: Database

    def save_state(self, token_id: str, state: str) -> None:
        """Keep what a strategy must remember, as text of its own; waits for nobody."""
        with self._db.write(wait_s=QUICK_S) as db:
            db.execute("INSERT OR REPLACE INTO strategy_state VALUES (?, ?)", (token_id, state))

    def load_state(self, token_id: str) -> str | None:
        """Return what :meth:`save_state` kept; None when nothing was."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT state FROM strategy_state WHERE token_id = ?", (token_id,)
            ).fetchone()
        return None if row is None else str(row["state"])

    def consume_signal(self, signal_id: str, *, at: float) -> bool:
        """Mark a signal as acted on; True for exactly one caller, once."""
        with self._db.write() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO consumed_signals VALUES (?, ?)", (signal_id, at)
            )
            return done.rowcount == 1

    def is_consumed(self, signal_id: str) -> bool:
        """Whether :meth:`consume_signal` was called for it."""
        with self._db.read() as db:
            found = db.execute("SELECT 1 FROM consumed_signals WHERE signal_id = ?", (signal_id,))
            return found.fetchone() is not None

    # -- the account

    def account_read(self, at: float, *, boot_s: float) -> None:
        """Note that a complete read of the account's orders and trades began at *at*.

        Args:
            at: Epoch seconds, for people.
            boot_s: The same moment, for its age.
        """
        with self._db.write() as db:
            db.execute("INSERT OR REPLACE INTO account_read VALUES (1, ?, ?)", (at, boot_s))

    def account_read_at(self) -> float | None:
        """Return when the account was last read, in epoch seconds; None when it never was."""
        read = self._db.kept("account read", _account_read)
        return None if read is None else read[0]

    def account_read_boot_s(self) -> float | None:
        """Return the same in seconds since boot; None also when it was before this boot."""
        read = self._db.kept("account read", _account_read)
        return None if read is None else read[1]

    def note_proof(self, orders: int) -> None:
        """Note that the exchange showed none of ours open, *orders* being all that were meant."""
        with self._db.write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('proven_orders', ?)", (str(orders),))

    def is_proven(self) -> bool:
        """Whether such a proof was noted, and no order was meant to be sent since."""
        with self._db.read() as db:
            meant = db.execute("SELECT count(*) FROM intents").fetchone()[0]
            row = db.execute("SELECT value FROM meta WHERE key = 'proven_orders'").fetchone()
        return int(meant) == (0 if row is None else int(row["value"]))

    # -- the exchange

    def set_venue(self, state: str, *, for_s: float, boot_s: float, reason: str) -> None:
        """Share a state of the exchange (post_only, cancel_only …) that lasts *for_s* from now.

        Waits for nobody: who meets that state next shares it again.
        """
        with self._db.write(wait_s=QUICK_S) as db:
            values = (state, reason, boot_s, for_s)
            db.execute("INSERT OR REPLACE INTO venue VALUES (1, ?, ?, ?, ?)", values)

    def venue(self, *, boot_s: float) -> tuple[str, str]:
        """Return the state of the exchange that a process shared last, and why; ok when over."""
        state, reason, until_boot_s = self._db.kept("venue", _venue)
        return (state, reason) if boot_s < until_boot_s else ("ok", "-")

    def take_lease(self, name: str, owner: str, *, boot_s: float, for_s: float) -> bool:
        """Become the only one to do *name* for a while; the owner may take it again.

        A holder that died loses it when its time is over. Waits for nobody: ask again.
        """
        with self._db.write(wait_s=QUICK_S) as db:
            taken = db.execute(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET owner = excluded.owner, until_boot_s = excluded.until_boot_s"
                " WHERE leases.owner = excluded.owner OR leases.until_boot_s <= ?",
                (name, owner, boot_s + for_s, boot_s),
            )
            return taken.rowcount == 1

    # -- the budget of requests

    def take_budget(self, kind: Kind, cost: int, *, boot_s: float) -> float:
        """Take *cost* requests from the account's budget, shared by all processes.

        Returns:
            0 when they were taken; else the seconds to wait, and nothing was taken.
            Cancels are always taken.
        """
        with self._db.write() as db:
            bucket = _bucket(db, kind, boot_s)
            wait_s = bucket.wait_s(cost, boot_s) if kind is Kind.ORDER else 0.0
            if wait_s == 0:
                _store_bucket(db, kind, bucket.taken(cost, boot_s))
            return wait_s

    def budget_wait_s(self, *, boot_s: float) -> float:
        """Return how long to wait until one more order may be sent; 0 when it may be now."""
        orders, cancels = self._db.kept("budgets", _stored_buckets)
        if orders is None and cancels is None:
            return 0.0
        return wait_to_place_s(
            orders or full(Kind.ORDER, boot_s), cancels or full(Kind.CANCEL, boot_s), boot_s
        )

    def learn_budget(self, kind: Kind, remaining: int, *, boot_s: float) -> None:
        """Take in what the exchange said is left (``Poly-RateLimit-Remaining``).

        Only what is less than our own count is written; waits for nobody.
        """
        self._lower_budget(kind, boot_s, lambda bucket: bucket.told(remaining, boot_s))

    def learn_refusal(self, kind: Kind, retry_after_s: float, *, boot_s: float) -> None:
        """Take in a 429: nothing is left, and what the exchange asked us to wait."""
        self._lower_budget(kind, boot_s, lambda bucket: bucket.refused(retry_after_s, boot_s))

    def _lower_budget(self, kind: Kind, boot_s: float, lower: Callable[[Bucket], Bucket]) -> None:
        with self._db.read() as db:
            counted = _bucket(db, kind, boot_s).filled(boot_s)
        if lower(counted) == counted:
            return
        with self._db.write(wait_s=QUICK_S) as db:
            _store_bucket(db, kind, lower(_bucket(db, kind, boot_s)))


def _account_read(db: sqlite3.Connection) -> tuple[float, float | None] | None:
    row = db.execute("SELECT at, boot_s FROM account_read").fetchone()
    return None if row is None else (row["at"], row["boot_s"])


def _venue(db: sqlite3.Connection) -> tuple[str, str, float]:
    row = db.execute("SELECT state, reason, set_boot_s + for_s AS until FROM venue").fetchone()
    return (
        ("ok", "-", float("-inf")) if row is None else (row["state"], row["reason"], row["until"])
    )


def _bucket(db: sqlite3.Connection, kind: Kind, boot_s: float) -> Bucket:
    return _stored_bucket(db, kind) or full(kind, boot_s)


def _stored_bucket(db: sqlite3.Connection, kind: Kind) -> Bucket | None:
    row = db.execute("SELECT level, at_boot_s FROM budgets WHERE kind = ?", (kind.value,))
    found = row.fetchone()
    return None if found is None else replace(full(kind, found["at_boot_s"]), level=found["level"])


def _stored_buckets(db: sqlite3.Connection) -> tuple[Bucket | None, Bucket | None]:
    return _stored_bucket(db, Kind.ORDER), _stored_bucket(db, Kind.CANCEL)


def _store_bucket(db: sqlite3.Connection, kind: Kind, bucket: Bucket) -> None:
    db.execute(
        "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?)", (kind.value, bucket.level, bucket.at)
    )
