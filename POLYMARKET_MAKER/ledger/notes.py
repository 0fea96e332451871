"""Small things that must outlive a process or be known to all of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from POLYMARKET_MAKER.core.budget import Bucket, Kind, full, wait_to_place_s
from POLYMARKET_MAKER.ledger.database import Database


class Notes:
    """The part of the ledger that is neither order nor fill."""

    _db: Database

    def save_state(self, token_id: str, state: str) -> None:
        """Keep what a strategy must remember, as text of its own."""
        with self._db.write() as db:
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

    def account_read(self, at: float) -> None:
        """Note that orders and trades of the account were read completely at *at*."""
        self._put("account_read_at", repr(at))

    def account_read_at(self) -> float | None:
        """Return when the account was last read, in epoch seconds; None when it never was."""
        value = self._get("account_read_at")
        return None if value is None else float(value)

    def set_venue(self, state: str, *, until: float, reason: str) -> None:
        """Share a state of the exchange (post_only, cancel_only, unreachable …) until then."""
        self._put("venue", f"{until!r} {state} {reason}")

    def venue(self, *, now: float) -> tuple[str, str]:
        """Return the state of the exchange that a process shared last, and why; ok when over."""
        until, state, reason = (self._get("venue") or "0 ok -").split(" ", 2)
        return (state, reason) if now < float(until) else ("ok", "-")

    def take_lease(self, name: str, owner: str, *, now: float, for_s: float) -> bool:
        """Become the only one to do *name* for a while; the owner may take it again.

        Times are epoch seconds. A holder that died loses it when its time is over.
        """
        with self._db.write() as db:
            taken = db.execute(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET owner = excluded.owner, until = excluded.until"
                " WHERE leases.owner = excluded.owner OR leases.until <= ?",
                (name, owner, now + for_s, now),
            )
            return taken.rowcount == 1

    def take_budget(self, kind: Kind, cost: int, *, now: float) -> float:
        """Take *cost* requests from the account's budget, shared by all processes.

        Returns:
            0 when they were taken; else the seconds to wait, and nothing was taken.
            Cancels are always taken.
        """
        with self._db.write() as db:
            bucket = _bucket(db, kind, now)
            wait_s = bucket.wait_s(cost, now) if kind is Kind.ORDER else 0.0
            if wait_s == 0:
                _store_bucket(db, kind, bucket.taken(cost, now))
            return wait_s

    def budget_wait_s(self, *, now: float) -> float:
        """Return how long to wait until one more order may be sent; 0 when it may be now."""
        orders, cancels = (
            self._db.kept(("budget", kind), partial(_stored_bucket, kind=kind)) or full(kind, now)
            for kind in (Kind.ORDER, Kind.CANCEL)
        )
        return wait_to_place_s(orders, cancels, now)

    def learn_budget(self, kind: Kind, remaining: int, *, now: float) -> None:
        """Take in what the exchange said is left (``Poly-RateLimit-Remaining``).

        Only what is less than our own count is written.
        """
        self._lower_budget(kind, now, lambda bucket: bucket.told(remaining, now))

    def learn_refusal(self, kind: Kind, retry_after_s: float, *, now: float) -> None:
        """Take in a 429: nothing is left, and what the exchange asked us to wait."""
        self._lower_budget(kind, now, lambda bucket: bucket.refused(retry_after_s, now))

    def _lower_budget(self, kind: Kind, now: float, lower: Callable[[Bucket], Bucket]) -> None:
        with self._db.read() as db:
            counted = _bucket(db, kind, now).filled(now)
        if lower(counted) == counted:
            return
        with self._db.write() as db:
            _store_bucket(db, kind, lower(_bucket(db, kind, now)))

    def _put(self, key: str, value: str) -> None:
        with self._db.write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _get(self, key: str) -> str | None:
        return self._db.kept(("meta", key), partial(_value, key=key))


def _value(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row["value"])


def _bucket(db: sqlite3.Connection, kind: Kind, now: float) -> Bucket:
    return _stored_bucket(db, kind) or full(kind, now)


def _stored_bucket(db: sqlite3.Connection, kind: Kind) -> Bucket | None:
    row = db.execute("SELECT level, at FROM budgets WHERE kind = ?", (kind.value,)).fetchone()
    return None if row is None else replace(full(kind, row["at"]), level=row["level"])


def _store_bucket(db: sqlite3.Connection, kind: Kind, bucket: Bucket) -> None:
    db.execute(
        "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?)", (kind.value, bucket.level, bucket.at)
    )
