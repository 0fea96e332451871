"""The gate before all orders: may any be placed at all, must what rests be kept, or cancelled?

What a single order must keep stands in ``core.risk``. Every refusal has a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo, Side, TokenHealth

SUSPECT_KEEP_S = 10.0
"""How long the witness of a SUSPECT quote may take before what rests is cancelled."""
RESYNC_KEEP_S = 5.0
"""Hold-down: a line that is back within it costs no queue position."""


class Gate(StrEnum):
    """What may happen to the book at all."""

    PLACE = "place"  # orders may be placed and cancelled
    REDUCE = "reduce"  # nothing new; what is not wanted any more is cancelled
    KEEP = "keep"  # nothing new; what rests stays
    CANCEL = "cancel"  # nothing new; what rests is cancelled


class Reason(StrEnum):
    """Why something wanted is not done."""

    KILLED = "killed"
    PAUSED = "paused"
    STOPPING = "stopping"
    HEALTH = "health"
    CROSSED = "crossed_quote"
    ACCOUNT_STALE = "account_stale"
    MARKET_CLOSED = "market_closed"
    SELL_ONLY = "sell_only"
    DAILY_LOSS = "daily_loss"
    CAP_TOKEN = "cap_token"
    CAP_TOTAL = "cap_total"
    NOT_HELD = "not_held"
    OFF_GRID = "off_grid"
    TOO_SMALL = "too_small"
    BELOW_ONE_DOLLAR = "below_one_dollar"
    WOULD_TAKE = "would_take"
    CROSSES_OWN = "crosses_own"
    CROSSES_SIBLING = "crosses_sibling"
    SIDE_BUSY = "side_busy"
    BREAKER = "breaker"
    VENUE = "venue"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Switches:
    """What people and the life of the process say.

    Attributes:
        killed: ``data/KILL`` exists: cancel and place nothing.
        paused: This token, or everything, is paused: the same.
        stopping: The process is told to end: the same.
        sell_only: Countdown to the end of the market: no buys.
        account_fresh: Whether orders and trades were read recently enough to trade.
        breaker_open: Whether too many orders of all children failed.
        venue: State of the exchange that some process met: ok, post_only, or what
            takes no orders at all (cancel_only, disabled, unreachable, refusing).
        budget_wait_s: How long the account's budget of requests holds an order back.
    """

    killed: bool = False
    paused: bool = False
    stopping: bool = False
    sell_only: bool = False
    account_fresh: bool = True
    breaker_open: bool = False
    venue: str = "ok"
    budget_wait_s: float = 0.0


ALL_OFF = Switches()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something wanted that is not done.

    Attributes:
        reason: The code.
        side: Side of the order; None when it concerns all of them.
        detail: What was seen, and what is allowed.
    """

    reason: Reason
    side: Side | None = None
    detail: str = ""


def gate_of(
    aged: AgedQuote, market: MarketInfo, switches: Switches, distrusted_s: float
) -> tuple[Gate, Refusal | None]:
    """Return what may happen to the book at all, and why nothing may be placed.

    Args:
        aged: The quote, with its health.
        market: Whether it is closed.
        switches: Kill, pause, stop, and what else holds orders back.
        distrusted_s: How long the quote has not been tradable.
    """
    switched = _switched_off(switches)
    if switched is not None:
        return Gate.CANCEL, Refusal(switched)
    if market.closed or aged.health is TokenHealth.CLOSED:
        return Gate.CANCEL, Refusal(Reason.MARKET_CLOSED)
    if not aged.health.is_tradable:
        keep_s = {TokenHealth.SUSPECT: SUSPECT_KEEP_S, TokenHealth.RESYNC: RESYNC_KEEP_S}
        keeps = distrusted_s <= keep_s.get(aged.health, -1.0)
        detail = f"{aged.health}, not tradable for {distrusted_s:.1f} s"
        return Gate.KEEP if keeps else Gate.CANCEL, Refusal(Reason.HEALTH, None, detail)
    if aged.quote.is_crossed:
        return Gate.KEEP, Refusal(Reason.CROSSED)
    held = _held_back(switches)
    return (Gate.PLACE, None) if held is None else (Gate.REDUCE, held)


def _held_back(switches: Switches) -> Refusal | None:
    """Return why nothing new may be sent although the market could be quoted."""
    if not switches.account_fresh:
        return Refusal(Reason.ACCOUNT_STALE)
    if switches.breaker_open:
        return Refusal(Reason.BREAKER)
    if switches.venue not in ("ok", "post_only"):
        return Refusal(Reason.VENUE, None, switches.venue)
    if switches.budget_wait_s > 0:
        return Refusal(Reason.BUDGET, None, f"{switches.budget_wait_s:.2f} s until the next order")
    return None


def _switched_off(switches: Switches) -> Reason | None:
    if switches.killed:
        return Reason.KILLED
    if switches.stopping:
        return Reason.STOPPING
    return Reason.PAUSED if switches.paused else None
