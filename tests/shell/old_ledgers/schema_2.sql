-- A ledger as the program of schema 2 left it.
PRAGMA journal_mode = WAL;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE intents (
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
CREATE INDEX intents_live ON intents (token_id) WHERE live = 1;
CREATE INDEX intents_answered ON intents (answered_at);

CREATE TABLE foreign_orders (
    order_id TEXT PRIMARY KEY, token_id TEXT NOT NULL, condition_id TEXT NOT NULL,
    side TEXT NOT NULL, price TEXT NOT NULL, size TEXT NOT NULL, size_matched TEXT NOT NULL,
    status TEXT NOT NULL, created_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE fills (
    trade_id TEXT NOT NULL, order_id TEXT NOT NULL, token_id TEXT NOT NULL, side TEXT NOT NULL,
    price TEXT, size TEXT NOT NULL, fee TEXT NOT NULL, is_maker INTEGER NOT NULL,
    status TEXT NOT NULL, kind TEXT NOT NULL, realised TEXT NOT NULL DEFAULT '0', at REAL NOT NULL,
    PRIMARY KEY (trade_id, order_id)
);
CREATE INDEX fills_token ON fills (token_id, at);
CREATE INDEX fills_at ON fills (at);
CREATE INDEX fills_order ON fills (order_id);

CREATE TABLE positions (
    token_id TEXT PRIMARY KEY, size TEXT NOT NULL, entry_price TEXT, realised TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE marks (
    token_id TEXT PRIMARY KEY, bid TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE days (day TEXT PRIMARY KEY, result TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE strategy_state (
    token_id TEXT PRIMARY KEY, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE consumed_signals (
    signal_id TEXT PRIMARY KEY, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE budgets (
    kind TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE leases (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;

INSERT INTO meta VALUES ('schema', '2'), ('mode', 'demo'), ('host', 'http://127.0.0.1:8000'),
    ('chain', '137'), ('funder', '0xabc'), ('account_read_at', '1795187463.5');
INSERT INTO intents (order_id, token_id, condition_id, side, price, size, time_in_force, post_only,
    body, state, status, reason, created_at, written_boot_s)
    VALUES ('open', '7132', '0xc0', 'BUY', '0.50', '10', 'GTC', 1, x'7b7d', 'placed', 'LIVE',
    'drop', 1795187463.0, 1234.5);
INSERT INTO fills VALUES ('t1', 'old', '7132', 'BUY', '0.40', '5', '0', 1, 'CONFIRMED', 'trade', '0',
    1795187000.0);
INSERT INTO positions VALUES ('7132', '5', '0.40', '0');
INSERT INTO strategy_state VALUES ('7132', '{"drop_pct": "0.06"}');
INSERT INTO leases VALUES ('account_read', 'dead', 9999999999.0);
