"""Orders in the ledger: intents before they are sent, and what became of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from POLYMARKET_MAKER.core.breaker import DEFAULT, Answer, Breaker, open_until
from POLYMARKET_MAKER.core.order import (
    CancelResult,
    OpenOrder,
    Outcome,
    Placed,
    Rejected,
    SignedOrder,
)
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger.database import Database
from POLYMARKET_MAKER.ledger.intents import (
    foreign_orders,
    live_intents,
    rename_intent,
    store_intent,
    stored_intent,
    take_in_order,
)
from POLYMARKET_MAKER.ledger.rows import Intent, IntentState
from POLYMARKET_MAKER.ledger.rules import hold_rules

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
        boot_s: float | None = None,
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
            boot_s: Now, in seconds since boot: for how long its request may be on its way.

        Raises:
            IntentRefused: A rule would be broken. Do not send it.
            LedgerBusy: Not written. Do not send it.
            LedgerError: Not written. Do not send it.
        """
        order = signed.order
        values = (
            signed.order_id, order.token_id, condition_id, order.side.value, str(order.price),
            str(order.size), order.time_in_force.value, order.post_only, signed.body,
            IntentState.INTENDED.value, reason, data_age_ms, seq, src, at, boot_s,
        )  # fmt: skip
        with self._db.write(durable=True) as db:
            hold_rules(db, signed, limits, sibling_id)
            db.execute(
                "INSERT INTO intents (order_id, token_id, condition_id, side, price, size,"
                " time_in_force, post_only, body, state, reason, data_age_ms, seq, src,"
                " created_at, written_boot_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def note_resend(self, order_id: str, *, boot_s: float) -> None:
        """Write down that the identical body leaves again, before it does; survives a power cut.

        It is unknown from here on, also where the answer to the first one could not be
        written: a refusal of the second says nothing about the first.

        Args:
            order_id: An order without an answer.
            boot_s: Now, in seconds since boot: it may be on its way for as long as a new one.

        Raises:
            IntentRefused: What became of it is known meanwhile. Do not send it.
            LedgerError: Not written. Do not send it.
        """
        with self._db.write(durable=True) as db:
            pending = (IntentState.INTENDED.value, IntentState.UNKNOWN.value)
            noted = db.execute(
                "UPDATE intents SET written_boot_s = ?, state = ?"
                " WHERE order_id = ? AND state IN (?, ?)",
                (boot_s, IntentState.UNKNOWN.value, order_id, *pending),
            )
            if noted.rowcount == 0:
                raise IntentRefused("late", "what became of it is known")

    def record_outcome(self, order_id: str, outcome: Outcome, *, at: float, boot_s: float) -> None:
        """Write down the answer to a sent order. What is known better already is kept.

        An order that the exchange calls by another id than ours is known by that id from here
        on: only by it can it be found, and cancelled.

        Args:
            order_id: The order.
            outcome: The answer.
            at: Now, in epoch seconds, for the record.
            boot_s: Now, in seconds since boot: the breaker counts by it.
        """
        with self._db.write() as db:
            intent = stored_intent(db, order_id)
            if intent is None:
                return
            if intent.state in (IntentState.INTENDED, IntentState.UNKNOWN):
                store_intent(db, _after_answer(intent, outcome))
            if isinstance(outcome, Placed) and outcome.order_id != order_id:
                order_id = rename_intent(db, order_id, outcome.order_id)
            db.execute("UPDATE intents SET answered_at = ? WHERE order_id = ?", (at, order_id))
            # Also where the user channel was faster: the breaker counts answers.
            is_failed = not isinstance(outcome, Placed)
            db.execute("INSERT INTO answers VALUES (?, ?)", (boot_s, is_failed))
            db.execute("DELETE FROM answers WHERE at_boot_s <= ?", (boot_s - DEFAULT.memory_s,))

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
                    store_intent(db, replace(intent, state=IntentState.UNKNOWN, outcome=told))
        return self.unresolved(token_id)

    def record_order(self, order: OpenOrder) -> None:
        """Take in what the exchange says of an order, ours or foreign.

        It settles an unknown order. What has traded never shrinks, and after the last word
        an order never opens again, so late and repeated news do no harm. The answer to a
        cancel is not the last word: an order that is shown as open after it is open.
        """
        with self._db.write() as db:
            take_in_order(db, order)

    def record_account(self, open_orders: Iterable[OpenOrder]) -> list[str]:
        """Take in the complete list of the account's open orders.

        Foreign orders that are not in it are forgotten. Ours that are not in it are
        *not* closed: an order filled at once, or delayed, is in no such list.

        Returns:
            Ids of our orders that may be open and were not in the list: read them one by one.
        """
        listed = {order.order_id: order for order in open_orders}
        with self._db.write() as db:
            foreign = {order.order_id: order for order in foreign_orders(db)}
            for order_id in foreign.keys() - listed.keys():
                db.execute("DELETE FROM foreign_orders WHERE order_id = ?", (order_id,))
            for order in listed.values():
                if order != foreign.get(order.order_id):
                    take_in_order(db, order)
            known = db.execute("SELECT order_id FROM intents WHERE live = 1 AND final = 0")
            return sorted({row["order_id"] for row in known} - listed.keys())

    def record_cancel(self, result: CancelResult) -> list[str]:
        """Take in the answer to a cancel.

        Returns:
            Ids of ours to read now: what traded before the cancel is known only from
            the order itself, and until :meth:`record_order` told it they stay live.
        """
        with self._db.write() as db:
            for order_id in result.canceled:
                intent = stored_intent(db, order_id)
                if intent is not None and intent.state is not IntentState.CLOSED:
                    store_intent(db, replace(intent, state=IntentState.CLOSED, status="CANCELED"))
            asked = [*result.canceled, *result.not_canceled]
            found = (stored_intent(db, order_id) for order_id in asked)
            return [each.order_id for each in found if each is not None and not each.final]

    def record_gone(self, order_id: str, *, reason: str) -> None:
        """Write down that an order is proven not to be open, and traded no more than its fills.

        The proof is the caller's: cancelled by id, then orders and trades read once more; or
        it was never sent.
        """
        with self._db.write() as db:
            intent = stored_intent(db, order_id)
            if intent is None or (intent.state is IntentState.CLOSED and intent.final):
                return
            state = IntentState.CLOSED if intent.seen > 0 else IntentState.REJECTED
            gone = replace(intent, state=state, matched=intent.seen, final=True, outcome=reason)
            store_intent(db, gone)

    def intent(self, order_id: str) -> Intent | None:
        """Return one order of ours; None when the id is not ours."""
        with self._db.read() as db:
            return stored_intent(db, order_id)

    def is_ours(self, order_id: str) -> bool:
        """Whether we meant to send it: only such orders are ever cancelled."""
        return self.intent(order_id) is not None

    def orders_meant(self) -> int:
        """Return how many orders were ever meant to be sent; none is ever forgotten."""
        with self._db.read() as db:
            return int(db.execute("SELECT count(*) FROM intents").fetchone()[0])

    def live(self, token_id: str | None = None) -> list[Intent]:
        """Return our orders that may still trade or whose fills are not all known, oldest first."""
        return list(self._db.kept(("live", token_id), lambda db: live_intents(db, token_id)))

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

    def breaker_until(self, *, boot_s: float, breaker: Breaker = DEFAULT) -> float | None:
        """Return until when too many failed orders stop all children; None when they do not.

        Args:
            boot_s: Now, in seconds since boot, as is the answer.
            breaker: Its limits. Answers are kept as long as the usual ones remember.
        """
        answers = self._db.kept("answers", _answers)
        remembered = [each for each in answers if each.at > boot_s - breaker.memory_s]
        return open_until(remembered, boot_s, breaker)


def _answers(db: sqlite3.Connection) -> list[Answer]:
    rows = db.execute("SELECT at_boot_s, failed FROM answers ORDER BY at_boot_s")
    return [Answer(row["at_boot_s"], bool(row["failed"])) for row in rows]


def _after_answer(intent: Intent, outcome: Outcome) -> Intent:
    if isinstance(outcome, Placed):
        status = "DELAYED" if outcome.status == "delayed" else "LIVE"
        told = outcome.status
        return replace(intent, state=IntentState.PLACED, status=status, outcome=told)
    refused = isinstance(outcome, Rejected)
    # A resend of an unknown order may be refused although the first one got there.
    proven = refused and intent.state is IntentState.INTENDED
    state = IntentState.REJECTED if proven else IntentState.UNKNOWN
    return replace(intent, state=state, outcome=outcome.reason)
