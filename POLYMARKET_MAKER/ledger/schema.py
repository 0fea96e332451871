"""Tables of ledger.db. Numbers that reach an order are stored as text, exact."""

from __future__ import annotations

VERSION = "2"

UPGRADES = {"1": ("ALTER TABLE intents ADD COLUMN written_boot_s REAL",)}
"""What an older version lacks, each step to the next version."""

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Every order we ever meant to send, written before it left.
-- matched: most that the exchange said has traded. seen: sum of its fills in this ledger.
-- final: the exchange has said the last word about matched.
-- failed: the answer was a refusal, or none that can be used, whatever became of it later.
-- written_boot_s: when it was written, or noted to be sent again, in seconds since boot:
-- a clock that nobody sets.
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
    created_at REAL NOT NULL, answered_at REAL, failed INTEGER NOT NULL DEFAULT 0,
    written_boot_s REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS intents_live ON intents (token_id) WHERE live = 1;
CREATE INDEX IF NOT EXISTS intents_answered ON intents (answered_at);

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
CREATE TABLE IF NOT EXISTS budgets (
    kind TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;
"""
