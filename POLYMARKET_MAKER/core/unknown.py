"""Find out what became of an order that got no usable answer, without ever making it two.

The order of things (exchange docs, 2026-09):

1. LOOKING, until the request's deadline + 10 s: look for it by id, among the open
   orders *and* among the trades. An order filled at once, or ``delayed``, is in no
   list of open orders, and "not found" for an id proves nothing.
2. Still unknown: send the identical signed body once more, when risk would place
   that very order now (``RESEND``); the exchange takes the same order only once and
   says "Duplicated" of the second. Else cancel it by id (``CANCEL``).
3. CONFIRMING: one complete read that *began after* the cancel was answered. Still
   nobody knows it: it never got there.

Until it is FOUND or GONE no new order of that side may be signed, and it counts as
full exposure. Pure: the caller does what :func:`next_step` says, tells what came of
it, and keeps the inquiry it gets back.

Times are seconds since boot: that clock is the same for all processes of a machine,
counts suspend, and does not jump when somebody sets the wall clock. So a child that
asks about its own order and a supervisor that clears up after a dead child hold the
same rule: what the ledger says was written down at ``x``, the last time that it was to be sent,
cannot arrive any more after ``x`` + :data:`ARRIVAL_S`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from POLYMARKET_MAKER.core.order import CancelResult, Outcome, Placed, Rejected

REQUEST_S = 5.0
"""Deadline of the request that carries an order."""
GRACE_S = 10.0
"""How long after the request's deadline the order may still appear by itself."""
ARRIVAL_S = REQUEST_S + GRACE_S
"""How long after it was written down an order may still appear by itself."""


class Phase(StrEnum):
    """How far an inquiry is."""

    LOOKING = "looking"
    DECIDING = "deciding"  # looked long enough: resend or cancel
    CONFIRMING = "confirming"  # cancelled: one last read
    FOUND = "found"  # it got there; the ledger's ordinary ways go on with it
    GONE = "gone"  # it never got there, and cannot any more


class Step(StrEnum):
    """What the caller does next."""

    READ = "read"  # the order by id, all open orders, and trades, in this order
    RESEND = "resend"  # the identical body, not a new signature
    CANCEL = "cancel"  # by id
    FOUND = "found"  # nothing more; record what was found
    GONE = "gone"  # nothing more; record that it never got there


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is known about one unknown order. Times are seconds since boot.

    Attributes:
        order_id: The exchange's id, known before it was sent.
        look_until: Until when it is only looked for.
        phase: How far the inquiry is.
        resent: Whether the identical body was sent again: that is done once.
        proof_after: A read that begins then or later may prove that it is gone.
    """

    order_id: str
    look_until: float
    phase: Phase = Phase.LOOKING
    resent: bool = False
    proof_after: float = float("inf")

    @property
    def is_over(self) -> bool:
        return self.phase in (Phase.FOUND, Phase.GONE)


def begin(order_id: str, *, deadline_at: float) -> Inquiry:
    """Open an inquiry.

    Args:
        order_id: The order.
        deadline_at: When the request was given up, or would have been: see :func:`deadline`.
    """
    return Inquiry(order_id, deadline_at + GRACE_S)


def deadline(written_at: float, now: float) -> float:
    """Return when a request was given up at the latest, whose process cannot send it any more.

    Args:
        written_at: When its order was written down, or noted to be sent again. Later
            than *now* means that the machine has been started again since: the request
            left before that.
        now: Now.
    """
    return (written_at if written_at <= now else 0.0) + REQUEST_S


def next_step(inquiry: Inquiry, *, may_resend: bool) -> Step:
    """Return what to do next; the same answer until something new is told.

    Args:
        inquiry: The inquiry.
        may_resend: Whether risk allows that very order on a fresh tradable quote.
    """
    if inquiry.phase is Phase.DECIDING:
        return Step.RESEND if may_resend and not inquiry.resent else Step.CANCEL
    return _STEPS[inquiry.phase]


_STEPS = {
    Phase.LOOKING: Step.READ,
    Phase.CONFIRMING: Step.READ,
    Phase.FOUND: Step.FOUND,
    Phase.GONE: Step.GONE,
}


def after_read(inquiry: Inquiry, *, began_at: float, found: bool) -> Inquiry:
    """Take in one complete read: by id, open orders and trades.

    Args:
        inquiry: The inquiry.
        began_at: When the first of its requests was sent: what happened later it cannot show.
        found: Whether any of them knows the order.
    """
    if inquiry.is_over:
        return inquiry
    if found:
        return replace(inquiry, phase=Phase.FOUND)
    if inquiry.phase is Phase.LOOKING and began_at >= inquiry.look_until:
        return replace(inquiry, phase=Phase.DECIDING)
    if inquiry.phase is Phase.CONFIRMING and began_at >= inquiry.proof_after:
        return replace(inquiry, phase=Phase.GONE)
    return inquiry


def after_resend(inquiry: Inquiry, outcome: Outcome, *, deadline_at: float) -> Inquiry:
    """Take in the answer to the identical body.

    A refusal other than "Duplicated" says nothing about the first one: the balance it
    misses may be the one that the first one holds.
    """
    inquiry = replace(inquiry, resent=True)
    if isinstance(outcome, Placed) or is_duplicate(outcome):
        return replace(inquiry, phase=Phase.FOUND)
    if isinstance(outcome, Rejected):
        return inquiry
    return replace(inquiry, phase=Phase.LOOKING, look_until=deadline_at + GRACE_S)


def after_cancel(inquiry: Inquiry, result: CancelResult | None, *, at: float) -> Inquiry:
    """Take in the answer to the cancel.

    A cancel that was answered while the order may still have been on its way proves
    nothing, and is sent again.

    Args:
        inquiry: The inquiry.
        result: The answer; None when there was none that can be used: cancel again.
        at: When it was answered.
    """
    if result is None:
        return inquiry
    reason = result.not_canceled.get(inquiry.order_id)
    if inquiry.order_id in result.canceled or is_already_matched(reason):
        return replace(inquiry, phase=Phase.FOUND)
    if reason is None or at < inquiry.look_until:  # in neither list: nothing is said about it
        return inquiry
    return replace(inquiry, phase=Phase.CONFIRMING, proof_after=at)


def is_duplicate(outcome: Outcome) -> bool:
    """Whether the exchange says that it has this very order already."""
    return isinstance(outcome, Rejected) and "duplicate" in outcome.reason.lower()


def is_already_matched(reason: str | None) -> bool:
    """Whether a cancel failed because the order has traded.

    "Order not found or already canceled" and the older "already canceled or matched"
    leave open whether it ever was there.
    """
    return reason is not None and reason.lower().strip() == "order already matched"
