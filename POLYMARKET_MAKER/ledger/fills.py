"""Fills in the ledger, and the positions that they add up to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO, Side
from POLYMARKET_MAKER.core.order import Fill, FillStatus, Position
from POLYMARKET_MAKER.core.position import Trade, apply, replay
from POLYMARKET_MAKER.ledger.database import Database
from POLYMARKET_MAKER.ledger.intents import store_intent, stored_intent
from POLYMARKET_MAKER.ledger.rows import IntentState, fill_of, position_of
from POLYMARKET_MAKER.ledger.worth import open_day

_TERMINAL = (FillStatus.CONFIRMED.value, FillStatus.FAILED.value)


class FillBook:
    """The part of the ledger that is about fills and positions."""

    _db: Database

    def record_fill(self, fill: Fill) -> bool:
        """Take in a fill, or a later status of one; FAILED undoes it.

        Repeated and late news change nothing. A fill of an order that is not ours is
        not stored: its shares are foreign.

        Returns:
            Whether it is ours and was not known before.
        """
        with self._db.write() as db:
            return _record_fill(db, fill)

    def take_fills(self, fills: Iterable[Fill]) -> list[Fill]:
        """Take in what a read brought, mostly once more; return those of ours that are new.

        What is known already is only looked up: a read every half second must not hold
        other processes up.
        """
        with self._db.read() as db:
            news = [fill for fill in fills if _is_news(db, fill)]
        if not news:
            return []
        with self._db.write() as db:
            return [fill for fill in news if _record_fill(db, fill)]

    def record_external(
        self,
        change_id: str,
        token_id: str,
        side: Side,
        size: Decimal,
        *,
        price: Decimal | None,
        at: float,
    ) -> bool:
        """Book shares that came or went without an order of ours: redeemed, sold by hand, adopted.

        Args:
            change_id: Names this change; booking it twice changes nothing.
            token_id: The token.
            side: BUY when shares came, SELL when they went.
            size: How many.
            price: USD per share; None moves them at their average cost.
            at: When, in epoch seconds.

        Returns:
            Whether it was not booked before.
        """
        with self._db.write() as db:
            open_day(db, at)
            added = db.execute(
                "INSERT OR IGNORE INTO fills VALUES"
                " (?, 'external', ?, ?, ?, ?, '0', 0, 'CONFIRMED', 'external', '0', ?)",
                (change_id, token_id, side.value, _text(price), str(size), at),
            )
            if added.rowcount:
                _recount(db, token_id)
            return added.rowcount == 1

    def position(self, token_id: str) -> Position:
        """Return what the fills of one token add up to; flat when there are none."""
        with self._db.read() as db:
            return stored_position(db, token_id)

    def positions(self) -> list[Position]:
        """Return every token that was ever traded, flat ones too."""
        with self._db.read() as db:
            rows = db.execute("SELECT * FROM positions ORDER BY token_id")
            return [position_of(row) for row in rows]

    def last_fill(self) -> int:
        """Return a number that :meth:`fills_since` counts on from."""
        with self._db.read() as db:
            return _last_row(db)

    def fills_since(self, token_id: str, last: int) -> tuple[int, list[Fill]]:
        """Return the trades of a token that any process took in since, and the number to go on."""
        question = ("fills since", token_id, last)
        newest, fills = self._db.kept(question, lambda db: _fills_since(db, token_id, last))
        return newest, list(fills)

    def fills(self, token_id: str | None = None) -> list[Fill]:
        """Return our trades in order of time, failed ones too."""
        with self._db.read() as db:
            rows = db.execute("SELECT * FROM fills WHERE kind = 'trade' ORDER BY at, rowid")
            found = [fill_of(row) for row in rows]
        return [fill for fill in found if token_id in (None, fill.token_id)]


def _fills_since(db: sqlite3.Connection, token_id: str, last: int) -> tuple[int, list[Fill]]:
    rows = db.execute(
        "SELECT * FROM fills WHERE rowid > ? AND token_id = ? AND kind = 'trade' ORDER BY rowid",
        (last, token_id),
    )
    return _last_row(db), [fill_of(row) for row in rows]


def _last_row(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(rowid), 0) FROM fills").fetchone()[0])


def stored_position(db: sqlite3.Connection, token_id: str) -> Position:
    """Return the stored position of a token; flat when there is none."""
    row = db.execute("SELECT * FROM positions WHERE token_id = ?", (token_id,)).fetchone()
    return Position(token_id) if row is None else position_of(row)


def trades_of(db: sqlite3.Connection, token_id: str) -> list[tuple[int, Trade]]:
    """Return the trades of a token that hold, with their row ids, in order of time."""
    rows = db.execute(
        "SELECT rowid, side, size, price, fee FROM fills"
        " WHERE token_id = ? AND status != 'FAILED' ORDER BY at, rowid",
        (token_id,),
    )
    return [
        (
            row["rowid"],
            Trade(
                Side(row["side"]),
                Decimal(row["size"]),
                None if row["price"] is None else Decimal(row["price"]),
                Decimal(row["fee"]),
            ),
        )
        for row in rows
    ]


def _is_news(db: sqlite3.Connection, fill: Fill) -> bool:
    """Whether it is not known to be known, with this status, or to be a stranger's."""
    row = db.execute(
        "SELECT fills.status FROM intents LEFT JOIN fills"
        " ON fills.order_id = intents.order_id AND fills.trade_id = ?"
        " WHERE intents.order_id = ?",
        (fill.trade_id, fill.order_id),
    ).fetchone()
    if row is None:  # not ours
        return False
    status = row["status"]
    return status is None or (status not in _TERMINAL and status != fill.status.value)


def _record_fill(db: sqlite3.Connection, fill: Fill) -> bool:
    intent = stored_intent(db, fill.order_id)
    if intent is None:
        return False
    open_day(db, fill.at)
    key = (fill.trade_id, fill.order_id)
    known = db.execute(
        "SELECT status FROM fills WHERE trade_id = ? AND order_id = ?", key
    ).fetchone()
    if known is not None:
        if known["status"] in _TERMINAL or known["status"] == fill.status.value:
            return False
        db.execute(
            "UPDATE fills SET status = ? WHERE trade_id = ? AND order_id = ?",
            (fill.status.value, *key),
        )
        if fill.status is FillStatus.FAILED:
            _recount(db, fill.token_id)
        return False
    db.execute(
        "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'trade', '0', ?)",
        (
            *key, fill.token_id, fill.side.value, str(fill.price), str(fill.size), str(fill.fee),
            fill.is_maker, fill.status.value, fill.at,
        ),
    )  # fmt: skip
    seen = intent.seen + fill.size
    intent = replace(intent, seen=seen, matched=max(intent.matched, seen))
    if seen >= intent.signed.order.size:
        intent = replace(intent, state=IntentState.CLOSED, status="MATCHED", final=True)
    elif intent.state in (IntentState.INTENDED, IntentState.UNKNOWN):
        intent = replace(intent, state=IntentState.PLACED, status="LIVE")  # it did get there
    store_intent(db, intent)
    if fill.status is not FillStatus.FAILED:
        _count_in(db, fill)
    return True


def _count_in(db: sqlite3.Connection, fill: Fill) -> None:
    """Add a fill that was just stored; only one that is older than another needs a recount."""
    later = db.execute(
        "SELECT 1 FROM fills WHERE token_id = ? AND at > ? LIMIT 1", (fill.token_id, fill.at)
    ).fetchone()
    if later is not None:
        _recount(db, fill.token_id)
        return
    before = stored_position(db, fill.token_id)
    after = apply(before, Trade(fill.side, fill.size, fill.price, fill.fee))
    _store_position(db, after)
    db.execute(
        "UPDATE fills SET realised = ? WHERE trade_id = ? AND order_id = ?",
        (str(after.realised - before.realised), fill.trade_id, fill.order_id),
    )


def _recount(db: sqlite3.Connection, token_id: str) -> None:
    """Add up the fills of a token anew, in order of time, whatever order they came in."""
    trades = trades_of(db, token_id)
    after = replay(token_id, (trade for _, trade in trades))
    before = ZERO
    for (row_id, _), position in zip(trades, after, strict=True):
        won, before = position.realised - before, position.realised
        db.execute(
            "UPDATE fills SET realised = ?1 WHERE rowid = ?2 AND realised != ?1", (str(won), row_id)
        )
    db.execute(
        "UPDATE fills SET realised = '0' WHERE token_id = ? AND status = 'FAILED'", (token_id,)
    )
    _store_position(db, after[-1] if after else Position(token_id))


def _store_position(db: sqlite3.Connection, position: Position) -> None:
    db.execute(
        "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)",
        (
            position.token_id, str(position.size), _text(position.entry_price),
            str(position.realised),
        ),
    )  # fmt: skip


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
