"""Orders in the ledger: intents before they are sent, and what became of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from POLYMARKET_MAKER.core.model import (
    ZERO,
    CancelResult,
    OpenOrder,
    Outcome,
    Placed,
    Rejected,
    Side,
    SignedOrder,
)
from POLYMARKET_MAKER.core.money import ONE
from POLYMARKET_MAKER.core.risk import Limits, Reason
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger.database import Database
from POLYMARKET_MAKER.ledger.rows import (
    Intent,
    IntentState,
    intent_of,
    is_over,
    open_order_of,
    position_of,
)

NO_LIMITS = Limits(None, None, None)


class OrderBook:
    """The part of the ledger that is about orders."""

    _db: Database

    def record_intent(
        self,
        signed: SignedOrder,
        *,
        at: float,
        reason: str,
        limits: Limits = NO_LIMITS,
        condition_id: str = "",
        sibling_id: str | None = None,
        data_age_ms: int | None = None,
        seq: int | None = None,
        src: str | None = None,
    ) -> None:
        """Write down an order before it is sent; when this returns it survives a power cut.

        The rules that hold across children are held here, in the transaction that
        writes, so that two children cannot pass each by itself and break them together:
        one live order a side, sells within what is held, no crossing with our own
        orders on the complement, the caps.

        Args:
            signed: The order; its body is kept to send the identical order again.
            at: Now, in epoch seconds.
            reason: Why it is wanted.
            limits: The caps; without them only the other rules hold.
            condition_id: Its market.
            sibling_id: The complementary token.
            data_age_ms: Age of the quote that led to it, for the record.
            seq: That quote's version.
            src: That quote's source.

        Raises:
            IntentRefused: A rule would be broken. Do not send it.
            LedgerBusy: Not written. Do not send it.
            LedgerError: Not written. Do not send it.
        """
        order = signed.order
        values = (
            signed.order_id, order.token_id, condition_id, order.side.value, str(order.price),
            str(order.size), order.time_in_force.value, order.post_only, signed.body,
            IntentState.INTENDED.value, reason, data_age_ms, seq, src, at,
        )  # fmt: skip
        with self._db.write(durable=True) as db:
            _hold_rules(db, signed, limits, sibling_id)
            db.execute(
                "INSERT INTO intents (order_id, token_id, condition_id, side, price, size,"
                " time_in_force, post_only, body, state, reason, data_age_ms, seq, src,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def record_outcome(self, order_id: str, outcome: Outcome, *, at: float) -> None:
        """Write down the answer to a sent order. What is known better already is kept."""
        with self._db.write() as db:
            intent = _intent(db, order_id)
            if intent is None or intent.state not in (IntentState.INTENDED, IntentState.UNKNOWN):
                return
            if isinstance(outcome, Placed):
                status = "DELAYED" if outcome.status == "delayed" else "LIVE"
                intent = replace(intent, state=IntentState.PLACED, status=status)
                told = outcome.status
            elif isinstance(outcome, Rejected):
                # A resend of an unknown order may be refused although the first one got there.
                refused = IntentState.REJECTED
                if intent.state is IntentState.UNKNOWN:
                    refused = IntentState.UNKNOWN
                intent, told = replace(intent, state=refused), outcome.reason
            else:
                intent, told = replace(intent, state=IntentState.UNKNOWN), outcome.reason
            _store(db, replace(intent, outcome=told), answered_at=at)

    def record_lost(self, token_id: str) -> list[Intent]:
        """Declare unknown what a dead process of this token had written and not seen answered.

        Only the holder of the token's lock may call it, before it sends anything.

        Returns:
            Everything of the token that is unknown now.
        """
        with self._db.write() as db:
            for intent in live_intents(db, token_id):
                if intent.state is IntentState.INTENDED:
                    told = "no answer: the process ended"
                    _store(db, replace(intent, state=IntentState.UNKNOWN, outcome=told))
        return self.unresolved(token_id)

    def record_order(self, order: OpenOrder) -> None:
        """Take in what the exchange says of an order, ours or foreign.

        It settles an unknown order. What has traded never shrinks and an order that
        is over never opens again, so late and repeated news do no harm.
        """
        with self._db.write() as db:
            _record_order(db, order)

    def record_account(self, open_orders: Iterable[OpenOrder]) -> list[str]:
        """Take in the complete list of the account's open orders.

        Foreign orders that are not in it are forgotten. Ours that are not in it are
        *not* closed: an order filled at once, or delayed, is in no such list.

        Returns:
            Ids of our orders that may be open and were not in the list: read them one by one.
        """
        with self._db.write() as db:
            db.execute("DELETE FROM orders WHERE ours = 0")
            listed = set()
            for order in open_orders:
                _record_order(db, order)
                listed.add(order.order_id)
            known = db.execute("SELECT order_id FROM intents WHERE live = 1 AND final = 0")
            return sorted({row["order_id"] for row in known} - listed)

    def record_cancel(self, result: CancelResult) -> list[str]:
        """Take in the answer to a cancel.

        Returns:
            Ids of ours to read now: what traded before the cancel is known only from
            the order itself, and until :meth:`record_order` told it they stay live.
        """
        with self._db.write() as db:
            for order_id in result.canceled:
                intent = _intent(db, order_id)
                if intent is not None and intent.state is not IntentState.CLOSED:
                    _store(db, replace(intent, state=IntentState.CLOSED, status="CANCELED"))
            asked = [*result.canceled, *result.not_canceled]
            found = (_intent(db, order_id) for order_id in asked)
            return [each.order_id for each in found if each is not None and not each.final]

    def record_gone(self, order_id: str, *, reason: str) -> None:
        """Write down that an order is proven not to be open, and traded no more than its fills.

        The proof is the caller's: cancelled by id, then orders and trades read once more.
        """
        with self._db.write() as db:
            intent = _intent(db, order_id)
            if intent is None or (intent.state is IntentState.CLOSED and intent.final):
                return
            state = IntentState.CLOSED if intent.seen > 0 else IntentState.REJECTED
            gone = replace(intent, state=state, matched=intent.seen, final=True, outcome=reason)
            _store(db, gone)

    def intent(self, order_id: str) -> Intent | None:
        """Return one order of ours; None when the id is not ours."""
        with self._db.read() as db:
            return _intent(db, order_id)

    def is_ours(self, order_id: str) -> bool:
        """Whether we meant to send it: only such orders are ever cancelled."""
        return self.intent(order_id) is not None

    def live(self, token_id: str | None = None) -> list[Intent]:
        """Return our orders that may still trade or whose fills are not all known, oldest first."""
        with self._db.read() as db:
            return live_intents(db, token_id)

    def our_orders(self, token_id: str | None = None) -> list[OpenOrder]:
        """Return our orders that rest as far as we know, oldest first."""
        return [
            intent.as_open_order()
            for intent in self.live(token_id)
            if intent.state is IntentState.PLACED
        ]

    def open_order_ids(self, token_id: str | None = None) -> list[str]:
        """Return our ids that may be on the book, unknown ones too: what a stop cancels."""
        return [
            intent.order_id
            for intent in self.live(token_id)
            if intent.state is not IntentState.CLOSED
        ]

    def unresolved(self, token_id: str | None = None) -> list[Intent]:
        """Return our orders of which we do not know whether the exchange has them."""
        return [
            intent
            for intent in self.live(token_id)
            if intent.state in (IntentState.INTENDED, IntentState.UNKNOWN)
        ]

    def foreign_orders(self, token_id: str | None = None) -> list[OpenOrder]:
        """Return the account's open orders that are not ours, as of the last account read."""
        with self._db.read() as db:
            return foreign_orders(db, token_id)


def live_intents(db: sqlite3.Connection, token_id: str | None = None) -> list[Intent]:
    """Return the live intents of one token, or of all."""
    where, values = ("", ()) if token_id is None else (" AND token_id = ?", (token_id,))
    rows = db.execute(
        f"SELECT * FROM intents WHERE live = 1{where} ORDER BY created_at, order_id",  # noqa: S608
        values,
    )
    return [intent_of(row) for row in rows]


def foreign_orders(db: sqlite3.Connection, token_id: str | None = None) -> list[OpenOrder]:
    """Return open orders of the account that are not ours."""
    rows = db.execute("SELECT * FROM orders WHERE ours = 0 ORDER BY created_at, order_id")
    orders = (open_order_of(row) for row in rows)
    return [order for order in orders if token_id in (None, order.token_id)]


def stored_intent(db: sqlite3.Connection, order_id: str) -> Intent | None:
    """Return one intent; None when the id is not ours."""
    row = db.execute("SELECT * FROM intents WHERE order_id = ?", (order_id,)).fetchone()
    return None if row is None else intent_of(row)


_intent = stored_intent


def store_intent(
    db: sqlite3.Connection, intent: Intent, *, answered_at: float | None = None
) -> None:
    """Write back what can change of an intent."""
    db.execute(
        "UPDATE intents SET state = ?, status = ?, matched = ?, seen = ?, final = ?, live = ?,"
        " outcome = ?, answered_at = coalesce(?, answered_at) WHERE order_id = ?",
        (
            intent.state.value, intent.status, str(intent.matched), str(intent.seen),
            intent.final, intent.is_live, intent.outcome, answered_at, intent.order_id,
        ),
    )  # fmt: skip


_store = store_intent


def _record_order(db: sqlite3.Connection, order: OpenOrder) -> None:
    intent = _intent(db, order.order_id)
    over = is_over(order)
    if intent is None and over:
        db.execute("DELETE FROM orders WHERE order_id = ?", (order.order_id,))
        return
    db.execute(
        "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order.order_id, order.token_id, order.condition_id, order.side.value,
            str(order.price), str(order.size), str(order.size_matched), order.status,
            order.created_at, intent is not None,
        ),
    )  # fmt: skip
    if intent is not None:
        _store(db, _after_news(intent, order, over=over))


def _after_news(intent: Intent, order: OpenOrder, *, over: bool) -> Intent:
    matched = max(intent.matched, order.size_matched)
    condition_id = intent.condition_id or order.condition_id
    intent = replace(intent, matched=matched, condition_id=condition_id)
    if over:
        return replace(intent, state=IntentState.CLOSED, status=order.status, final=True)
    if intent.state is IntentState.CLOSED:
        return intent
    return replace(intent, state=IntentState.PLACED, status=order.status)


def _hold_rules(
    db: sqlite3.Connection, signed: SignedOrder, limits: Limits, sibling_id: str | None
) -> None:
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
