"""The rules that hold across children, held in the transaction that writes an intent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from decimal import Decimal

from POLYMARKET_MAKER.core.gate import Reason
from POLYMARKET_MAKER.core.model import ZERO, Side
from POLYMARKET_MAKER.core.money import ONE
from POLYMARKET_MAKER.core.order import SignedOrder
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger.intents import foreign_orders, live_intents
from POLYMARKET_MAKER.ledger.rows import Intent, IntentState, position_of


def hold_rules(
    db: sqlite3.Connection, signed: SignedOrder, limits: Limits, sibling_id: str | None
) -> None:
    """Refuse an order that would break a rule.

    Raises:
        IntentRefused: With the code of the rule.
    """
    order, live = signed.order, live_intents(db)
    here = [each for each in live if each.signed.order.token_id == order.token_id]
    for other in here:
        if other.side is order.side:
            raise IntentRefused(Reason.SIDE_BUSY, f"{order.side} {other.order_id} is {other.state}")
    if sibling_id is not None:
        _hold_apart(signed, [each for each in live if each.signed.order.token_id == sibling_id])
    if order.side is Side.SELL:
        row = db.execute("SELECT * FROM positions WHERE token_id = ?", (order.token_id,)).fetchone()
        held = ZERO if row is None else position_of(row).size
        if order.size > held:
            raise IntentRefused(Reason.NOT_HELD, f"size was {order.size}, held are {held}")
        return
    _hold_caps(db, signed, limits, live)


def _hold_apart(signed: SignedOrder, siblings: Iterable[Intent]) -> None:
    """Refuse what would trade with our own order on the complement.

    A BUY at q there is a SELL at 1 - q here.
    """
    order = signed.order
    for other in siblings:
        there = other.signed.order
        if there.side is not order.side or other.state is IntentState.CLOSED:
            continue
        both = order.price + there.price
        if both >= ONE if order.side is Side.BUY else both <= ONE:
            detail = f"{order.side} {order.price} here meets {there.price} on the complement"
            raise IntentRefused(Reason.CROSSES_SIBLING, detail)


def _hold_caps(
    db: sqlite3.Connection, signed: SignedOrder, limits: Limits, live: Iterable[Intent]
) -> None:
    token_id, notional = signed.order.token_id, signed.order.notional
    stakes = stakes_by_token(db, live)
    for cap, stake, reason in (
        (limits.max_notional_per_token, stakes.get(token_id, ZERO), Reason.CAP_TOKEN),
        (limits.max_notional_total, sum(stakes.values(), ZERO), Reason.CAP_TOTAL),
    ):
        if cap is not None and stake + notional > cap:
            detail = f"{stake:.2f} USD at stake, {notional:.2f} more is above {cap}"
            raise IntentRefused(reason, detail)


def stakes_by_token(db: sqlite3.Connection, live: Iterable[Intent]) -> dict[str, Decimal]:
    """Return per token the USD in holdings (at cost), live buys and foreign buys."""
    stakes: dict[str, Decimal] = {}

    def add(token_id: str, usd: Decimal) -> None:
        stakes[token_id] = stakes.get(token_id, ZERO) + usd

    for row in db.execute("SELECT * FROM positions WHERE size != '0'"):
        position = position_of(row)
        add(position.token_id, position.size * (position.entry_price or ZERO))
    for intent in live:
        if intent.side is Side.BUY:
            add(intent.signed.order.token_id, intent.at_stake * intent.signed.order.price)
    for order in foreign_orders(db):
        if order.side is Side.BUY:
            add(order.token_id, order.remaining * order.price)
    return stakes
