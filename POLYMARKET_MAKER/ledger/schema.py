"""Tables of ledger.db. Numbers that reach an order are stored as text, exact.

Stamps named ``_boot_s`` are seconds since boot: no clock that somebody sets makes them older
or younger. What they say holds within one boot; ``boots.py`` carries them into the next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

VERSION = "3"

BOOT_NOTES = """
-- Answers to orders of the last minutes: what the breaker counts.
CREATE TABLE IF NOT EXISTS answers (at_boot_s REAL NOT NULL, failed INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS answers_at ON answers (at_boot_s);

-- The state of the exchange that a process met last, and for how long it holds.
CREATE TABLE IF NOT EXISTS venue (
    the_one INTEGER PRIMARY KEY CHECK (the_one = 1), state TEXT NOT NULL, reason TEXT NOT NULL,
    set_boot_s REAL NOT NULL, for_s REAL NOT NULL
);

-- When orders and trades of the account were last read completely: for people, and as an age.
CREATE TABLE IF NOT EXISTS account_read (
    the_one INTEGER PRIMARY KEY CHECK (the_one = 1), at REAL NOT NULL, boot_s REAL
);

CREATE TABLE IF NOT EXISTS budgets (
    kind TEXT PRIMARY KEY, level REAL NOT NULL, at_boot_s REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL, until_boot_s REAL NOT NULL
) WITHOUT ROWID;
"""
"""What is forgotten after minutes, and counts by age."""

UPGRADES = {
    "1": ("ALTER TABLE intents ADD COLUMN written_boot_s REAL;",),
    # What an older program stamped by the wall clock is taken for as young as it can be. The
    # column intents.failed stays behind: to drop it would write the whole table anew.
    "2": (
        "ALTER TABLE budgets RENAME TO wall_budgets;\nDROP TABLE leases;",
        BOOT_NOTES,
        """
        INSERT INTO budgets
            SELECT kind, level, min(at + :boot_s - :wall_s, :boot_s) FROM wall_budgets;
        DROP TABLE wall_budgets;
        INSERT INTO answers SELECT min(answered_at + :boot_s - :wall_s, :boot_s), failed
            FROM intents WHERE answered_at > :wall_s - :memory_s;
        DROP INDEX intents_answered;
        INSERT INTO account_read
            SELECT 1, CAST(value AS REAL), NULL FROM meta WHERE key = 'account_read_at';
        DELETE FROM meta WHERE key IN ('account_read_at', 'venue');
        """,
    ),
}
"""What brings an older version to the next one; ``:boot_s`` and ``:wall_s`` are now."""

TABLES = f"""
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Every order we ever meant to send, written before it left.
-- matched: most that the exchange said has traded. seen: sum of its fills in this ledger.
-- final: the exchange has said the last word about matched.
-- answered_at: when the last answer came, for the record.
-- written_boot_s: when it was written, or noted to be sent again.
-- live: it may still trade, or has traded what no fill has shown yet. Such an order is exposure.
CREATE TABLE IF NOT EXISTS intents (
    order_id TEXT PRIMARY KEY, token_id TEXT NOT NULL, condition_id TEXT NOT NULL,
    side TEXT NOT NULL, price TEXT NOT NULL, size TEXT NOT NULL,
    time_in_force TEXT NOT NULL, post_only INTEGER NOT NULL, body BLOB NOT NULL,
    state TEXT NOT NULL, status TEXT NOT NULL DEFAULT '',
    matched TEXT NOT NULL DEFAULT '0', seen TEXT NOT NULL DEFAULT '0',
    final INTEGER NOT NULL DEFAULT 0, live INTEGER NOT NULL DEFAULT 1,
    reason TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT '',
    data_age_ms INTEGER, seq INTEGER, src TEXT,
    created_at REAL NOT NULL, answered_at REAL, written_boot_s REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS intents_live ON intents (token_id) WHERE live = 1;

-- Open orders of the account that are not ours, as of the last account read.
CREATE TABLE IF NOT EXISTS foreign_orders (
    order_id TEXT PRIMARY KEY, token_id TEXT NOT NULL, condition_id TEXT NOT NULL,
    side TEXT NOT NULL, price TEXT NOT NULL, size TEXT NOT NULL, size_matched TEXT NOT NULL,
    status TEXT NOT NULL, created_at REAL NOT NULL
) WITHOUT ROWID;

-- kind: trade, or external (shares came or went without an order of ours).
CREATE TABLE IF NOT EXISTS fills (
    trade_id TEXT NOT NULL, order_id TEXT NOT NULL, token_id TEXT NOT NULL, side TEXT NOT NULL,
    price TEXT, size TEXT NOT NULL, fee TEXT NOT NULL, is_maker INTEGER NOT NULL,
    status TEXT NOT NULL, kind TEXT NOT NULL, realised TEXT NOT NULL DEFAULT '0', at REAL NOT NULL,
    PRIMARY KEY (trade_id, order_id)
);
CREATE INDEX IF NOT EXISTS fills_token ON fills (token_id, at);
CREATE INDEX IF NOT EXISTS fills_at ON fills (at);
CREATE INDEX IF NOT EXISTS fills_order ON fills (order_id);

-- What the fills of a token add up to; written in the transaction that writes the fill.
CREATE TABLE IF NOT EXISTS positions (
    token_id TEXT PRIMARY KEY, size TEXT NOT NULL, entry_price TEXT, realised TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS marks (
    token_id TEXT PRIMARY KEY, bid TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;

-- Worth of everything, won and open, when a UTC day was first looked at.
CREATE TABLE IF NOT EXISTS days (day TEXT PRIMARY KEY, result TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS strategy_state (
    token_id TEXT PRIMARY KEY, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS consumed_signals (
    signal_id TEXT PRIMARY KEY, at REAL NOT NULL
) WITHOUT ROWID;
{BOOT_NOTES}"""


def statements(*scripts: str) -> Iterator[str]:
    """Yield the statements of some scripts one by one; executescript() would commit."""
    statement = ""
    for line in "\n".join(scripts).splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
