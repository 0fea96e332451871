"""A child's questions about orders whose fate is open; the rule itself is ``core.unknown``."""

from __future__ import annotations

from collections.abc import Collection

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_sync import AccountView, Cancelled
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.order import Outcome
from POLYMARKET_MAKER.core.unknown import (
    Inquiry,
    Phase,
    Step,
    after_cancel,
    after_read,
    after_resend,
    begin,
    deadline,
    next_step,
)
from POLYMARKET_MAKER.ledger import Intent, Ledger, TokenView


def written_at(intent: Intent, clock: Clock) -> float:
    """Return when an order was written down, in seconds since boot.

    An older program did not note that. Then the wall clock is all there is; set back, it
    says that the order was written just now.
    """
    if intent.written_boot_s is not None:
        return intent.written_boot_s
    return clock.boot() - max(0.0, clock.now() - intent.created_at)


class Inquiries:
    """What is known about each order whose fate is open; used by the loop only."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Begin without any."""
        self._ledger = ledger
        self._clock = clock
        self._open: dict[str, Inquiry] = {}

    def follow(self, view: TokenView, posting: Collection[str]) -> None:
        """Begin to ask about what has become open, and stop where the ledger has the answer.

        Args:
            view: What the ledger says.
            posting: Orders whose own request is under way: there is nothing to ask yet.
        """
        live = {*view.to_read, *(order.order_id for order in view.orders)}
        self._open = {each: asked for each, asked in self._open.items() if each in live}
        for intent in (*view.unresolved, *view.unsettled):
            if not intent.final and intent.order_id not in posting:
                self._ask_about(intent)

    def _ask_about(self, intent: Intent) -> None:
        if intent.order_id not in self._open:
            boot = self._clock.boot()
            # Just now we, too, may have waited for the answer: it counts from here.
            deadline_at = max(boot, deadline(written_at(intent, self._clock), boot))
            self._open[intent.order_id] = begin(intent.order_id, deadline_at=deadline_at)

    @property
    def has_any(self) -> bool:
        """Whether any order is asked about."""
        return bool(self._open)

    # -- what is to be done

    def steps(self, may_resend: Collection[str]) -> dict[str, Step]:
        """Return the next step about each order, *may_resend* being those that risk allows."""
        return {
            order_id: next_step(inquiry, may_resend=order_id in may_resend)
            for order_id, inquiry in self._open.items()
        }

    @property
    def undecided(self) -> frozenset[str]:
        """Orders that were looked for long enough: send them again, or cancel them."""
        return frozenset(
            each for each, inquiry in self._open.items() if inquiry.phase is Phase.DECIDING
        )

    @property
    def need_whole_read(self) -> bool:
        """Whether only a read of everything brings some order further."""
        boot = self._clock.boot()
        return any(
            inquiry.phase is Phase.CONFIRMING
            or (inquiry.phase is Phase.LOOKING and boot >= inquiry.look_until)
            for inquiry in self._open.values()
        )

    # -- what came of it

    def was_read(self, view: AccountView, ours: Collection[str]) -> None:
        """Take in a read of everything.

        Args:
            view: What it found.
            ours: Orders of this child; others' are not asked about here.
        """
        listed = {order.order_id for order in view.listed}
        for order_id in view.missing.intersection(ours) - self._open.keys():
            intent = self._ledger.intent(order_id)
            if intent is not None:
                self._ask_about(intent)
        for order_id, inquiry in list(self._open.items()):
            if order_id in view.missing:
                self._note(after_read(inquiry, began_at=view.began_boot, found=False))
            elif order_id in listed or order_id in view.ended:
                self._note(after_read(inquiry, began_at=view.began_boot, found=True))

    def was_found(self, order_id: str) -> None:
        """Take in that the exchange knows it by its id."""
        inquiry = self._open.get(order_id)
        if inquiry is not None:
            self._note(after_read(inquiry, began_at=self._clock.boot(), found=True))

    def was_cancelled(self, done: Cancelled) -> None:
        """Take in the answer to a cancel."""
        for order_id in done.asked:
            inquiry = self._open.get(order_id)
            if inquiry is not None:
                self._note(after_cancel(inquiry, done.result, at=done.answered_boot))

    def was_sent_again(self, order_id: str, outcome: Outcome) -> None:
        """Take in the answer to the identical body."""
        inquiry = self._open.get(order_id)
        if inquiry is not None:
            self._note(after_resend(inquiry, outcome, deadline_at=self._clock.boot()))

    def _note(self, inquiry: Inquiry) -> None:
        before = self._open.get(inquiry.order_id)
        if before is not None and before.phase is not inquiry.phase:
            log.info("[ORDER]", event="inquiry", order=inquiry.order_id, phase=inquiry.phase.value)
        if inquiry.phase is Phase.FOUND:
            self._open.pop(inquiry.order_id, None)
        else:
            self._open[inquiry.order_id] = inquiry
