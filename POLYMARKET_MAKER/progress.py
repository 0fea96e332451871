"""How far one turn got behind the strategy: risk, budget, venue, order. Pure.

What stands at a stage must be the *cause*: it is what `polyshared why` names, with its cure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from POLYMARKET_MAKER.core.decision import StageName
from POLYMARKET_MAKER.core.gate import Gate, Reason, Refusal
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.reconcile import Plan
from POLYMARKET_MAKER.core.risk import Allowed
from POLYMARKET_MAKER.ledger import IntentState, TokenView
from POLYMARKET_MAKER.stages import StageState

_STAGE_OF = {
    Reason.CAP_TOKEN: StageName.BUDGET,
    Reason.CAP_TOTAL: StageName.BUDGET,
    Reason.DAILY_LOSS: StageName.BUDGET,
    Reason.BUDGET: StageName.BUDGET,
    # What is not read is not read because of the exchange, and that stage knows more of it.
    Reason.ACCOUNT_STALE: StageName.VENUE,
    Reason.VENUE: StageName.VENUE,
}


class Mark(NamedTuple):
    """What is said of one stage."""

    state: StageState
    reason: str


def after_rules(allowed: Allowed, trouble: str | None) -> dict[StageName, Mark]:
    """Say what the rules let through.

    Of all refusals of one side the first is the cause: a buy that a cap makes too small to
    rest is held back by the cap. What was only made smaller is not held back.

    Args:
        allowed: Outcome of the risk check.
        trouble: What keeps this child alone from the exchange; None when nothing does.
    """
    marks = {
        StageName.RISK: Mark(StageState.OK, "allowed"),
        StageName.BUDGET: Mark(StageState.OK, "within"),
        StageName.VENUE: at_venue(trouble),
    }
    causes: dict[Side | None, Refusal] = {}
    for refusal in allowed.refusals:
        causes.setdefault(refusal.side, refusal)
    placed = {order.side for order in allowed.orders}
    for side, refusal in causes.items():
        stage = _STAGE_OF.get(refusal.reason, StageName.RISK)
        if side not in placed and marks[stage].state is StageState.OK:
            marks[stage] = Mark(StageState.BLOCKED, _word(refusal))
    return marks


def at_venue(trouble: str | None) -> Mark:
    """Say what this child alone knows of the exchange."""
    if trouble is not None:
        return Mark(StageState.FAIL, trouble)
    return Mark(StageState.OK, "open")


def _word(refusal: Refusal) -> str:
    """Return the code; of the exchange its state, which says more."""
    return refusal.detail if refusal.reason is Reason.VENUE else refusal.reason.value


def at_order(allowed: Allowed, todo: Plan, view: TokenView, failed: Mapping[Side, str]) -> Mark:
    """Say what became of the orders that are wanted and allowed.

    Args:
        allowed: Outcome of the risk check.
        todo: What is done about it now.
        view: What the ledger says.
        failed: Why the last order of a side was not taken.
    """
    unknown = {each.side for each in view.unresolved if each.state is IntentState.UNKNOWN}
    if not allowed.orders:
        return Mark(StageState.WAIT, "nothing_wanted")
    if todo.waiting & unknown:
        return Mark(StageState.BLOCKED, "unknown")
    if failed:
        return Mark(StageState.BLOCKED, next(iter(failed.values())))
    if todo.waiting or todo.place:
        return Mark(StageState.WAIT, "side_busy")
    if allowed.gate is Gate.REDUCE and not view.orders:
        return Mark(StageState.WAIT, "nothing_wanted")
    return Mark(StageState.OK, "resting")
