"""Intents and foreign orders inside a transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from POLYMARKET_MAKER.core.order import OpenOrder
from POLYMARKET_MAKER.ledger.rows import (
    Intent,
    IntentState,
    intent_of,
    is_over,
    open_order_of,
)


def live_intents(db: sqlite3.Connection, token_id: str | None = None) -> list[Intent]:
    """Return the live intents of one token, or of all."""
    where, values = ("", ()) if token_id is None else (" AND token_id = ?", (token_id,))
    rows = db.execute(
        f"SELECT * FROM intents WHERE live = 1{where} ORDER BY created_at, order_id",  # noqa: S608
        values,
    )
    return [intent_of(row) for row in rows]


def stored_intent(db: sqlite3.Connection, order_id: str) -> Intent | None:
    """Return one intent; None when the id is not ours."""
    row = db.execute("SELECT * FROM intents WHERE order_id = ?", (order_id,)).fetchone()
    return None if row is None else intent_of(row)


def store_intent(db: sqlite3.Connection, intent: Intent) -> None:
    """Write back what can change of an intent."""
    db.execute(
        "UPDATE intents SET state = ?, status = ?, matched = ?, seen = ?, final = ?, live = ?,"
        " outcome = ? WHERE order_id = ?",
        (
            intent.state.value, intent.status, str(intent.matched), str(intent.seen),
            intent.final, intent.is_live, intent.outcome, intent.order_id,
        ),
    )  # fmt: skip


def rename_intent(db: sqlite3.Connection, order_id: str, new_id: str) -> str:
    """Call an order by the exchange's id; return that."""
    # A channel that was faster has told of it as of somebody else's.
    db.execute("DELETE FROM foreign_orders WHERE order_id = ?", (new_id,))
    db.execute("UPDATE intents SET order_id = ? WHERE order_id = ?", (new_id, order_id))
    return new_id


def foreign_orders(db: sqlite3.Connection, token_id: str | None = None) -> list[OpenOrder]:
    """Return open orders of the account that are not ours."""
    rows = db.execute("SELECT * FROM foreign_orders ORDER BY created_at, order_id")
    orders = (open_order_of(row) for row in rows)
    return [order for order in orders if token_id in (None, order.token_id)]


def take_in_order(db: sqlite3.Connection, order: OpenOrder) -> None:
    """Take in what the exchange says of an order; write only what is new."""
    intent = stored_intent(db, order.order_id)
    if intent is not None:
        news = _after_news(intent, order)
        if news != intent:
            store_intent(db, news)
    elif is_over(order):
        db.execute("DELETE FROM foreign_orders WHERE order_id = ?", (order.order_id,))
    else:
        db.execute(
            "INSERT OR REPLACE INTO foreign_orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                order.order_id, order.token_id, order.condition_id, order.side.value,
                str(order.price), str(order.size), str(order.size_matched), order.status,
                order.created_at,
            ),
        )  # fmt: skip


def _after_news(intent: Intent, order: OpenOrder) -> Intent:
    matched = max(intent.matched, order.size_matched)
    intent = replace(intent, matched=matched)
    if is_over(order):
        return replace(intent, state=IntentState.CLOSED, status=order.status, final=True)
    if intent.state is IntentState.CLOSED and intent.final:
        return intent
    # A cancel that was said to have worked, and did not: it has to be cancelled again. And one
    # that was given up and is listed after all has no last word any more.
    return replace(intent, state=IntentState.PLACED, status=order.status, final=False)
