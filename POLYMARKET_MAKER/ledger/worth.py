"""What everything is worth, and how much of that was won or lost today."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO
from POLYMARKET_MAKER.core.order import Position
from POLYMARKET_MAKER.ledger.rows import position_of

DAY_S = 86_400


def bids(db: sqlite3.Connection) -> dict[str, Decimal]:
    """Return the last best bid anybody noted, per token."""
    return {row["token_id"]: Decimal(row["bid"]) for row in db.execute("SELECT * FROM marks")}


def open_profit(position: Position, marks: dict[str, Decimal]) -> Decimal | None:
    """Return what is held at the bid, against its cost; None when no bid was ever seen."""
    if position.entry_price is None:
        return ZERO
    bid = marks.get(position.token_id)
    return None if bid is None else (bid - position.entry_price) * position.size


def worth(db: sqlite3.Connection) -> Decimal:
    """Return realised plus open result of everything; without a bid, holdings count at cost."""
    marks, total = bids(db), ZERO
    for row in db.execute("SELECT * FROM positions"):
        position = position_of(row)
        total += position.realised + (open_profit(position, marks) or ZERO)
    return total


def open_day(db: sqlite3.Connection, at: float) -> None:
    """Note the worth before the first change of a UTC day; call it before every change.

    Without it the day's result would count what was won or lost on earlier days by
    what is still held.
    """
    known = db.execute("SELECT 1 FROM days WHERE day = ?", (_day(at),)).fetchone()
    if known is None:
        db.execute("INSERT INTO days VALUES (?, ?)", (_day(at), str(worth(db))))


def day_result(db: sqlite3.Connection, now: float) -> Decimal:
    """Return USD won or lost since midnight UTC; nothing changed yet is nothing won."""
    row = db.execute("SELECT result FROM days WHERE day = ?", (_day(now),)).fetchone()
    return ZERO if row is None else worth(db) - Decimal(row["result"])


def _day(at: float) -> str:
    return str(int(at // DAY_S))
