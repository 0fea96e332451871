"""Send one order, in a request's thread: sign, count, write down, and only then post."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.gate import Reason
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo
from POLYMARKET_MAKER.core.order import NewOrder, Outcome, Placed, SignedOrder
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.exchange.protocol import Exchange
from POLYMARKET_MAKER.ledger import Intent, Ledger
from POLYMARKET_MAKER.ledger.database import BUSY_S
from POLYMARKET_MAKER.request_budget import RequestBudget

POST_WITHIN_S = 1.0
"""From the decision to the moment an order is written down: signing takes milliseconds, but
the first signature loads a library, and a busy machine may let anything wait."""
SEND_WITHIN_S = POST_WITHIN_S + BUSY_S
"""From the decision to the moment it leaves: writing it down may wait for the ledger."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An order that was decided on.

    Attributes:
        order: What is to be sent.
        aged: The quote that it was decided on.
        market: Its market, with the tick size that holds now.
        reason: Why it is wanted.
        at_boot: When that was, in seconds since boot: a machine that sleeps makes it old.
    """

    order: NewOrder
    aged: AgedQuote
    market: MarketInfo
    reason: str
    at_boot: float


@dataclass(frozen=True, slots=True)
class Posted:
    """One order that was to be placed, and what became of it.

    Attributes:
        outcome: The exchange's answer, or a refusal of ours: then nothing was sent.
        aged: The quote that it was decided on.
        again: Id of an order without an answer, when this was its identical body.
    """

    order: NewOrder
    outcome: Outcome | IntentRefused
    aged: AgedQuote
    again: str | None = None


class Sender:
    """Sends the orders of one child; from any thread."""

    def __init__(
        self,
        exchange: Exchange,
        ledger: Ledger,
        budget: RequestBudget,
        clock: Clock,
        *,
        limits: Limits,
        may_place: Callable[[], bool],
    ) -> None:
        """Send through *exchange*, within *limits*, while *may_place* says yes."""
        self._exchange = exchange
        self._ledger = ledger
        self._budget = budget
        self._clock = clock
        self._limits = limits
        self._may_place = may_place

    def send(self, decided: Decided) -> Posted:
        """Sign and post a new order, unless a rule holds it back at the last moment.

        Raises:
            LedgerError: It was not written down and not sent; or it was sent, and its answer
                could not be written: then it is unknown.
            VenueRefused: It cannot be signed.
        """
        order, aged, market = decided.order, decided.aged, decided.market
        try:
            signed = self._sign(order, market)
            late_s = self._hold_back(decided.at_boot)
            aged = replace(aged, age_s=aged.age_s + late_s)  # it waited to be signed
            self._budget.take_order()
            self._ledger.record_intent(
                signed,
                at=self._clock.now(),
                reason=decided.reason,
                limits=self._limits,
                condition_id=market.condition_id,
                sibling_id=market.sibling_id,
                data_age_ms=round(aged.age_s * 1000),
                seq=aged.quote.seq,
                src=aged.source.value,
                boot_s=self._clock.boot(),
            )
        except IntentRefused as refused:
            return Posted(order, refused, aged)
        try:
            self._hold_back(decided.at_boot, SEND_WITHIN_S)  # the ledger was waited for
        except IntentRefused as refused:
            self._ledger.record_gone(signed.order_id, reason=refused.reason)
            return Posted(order, refused, aged)
        return Posted(order, self._post(signed), aged)

    def send_again(self, intent: Intent, aged: AgedQuote, at_boot: float) -> Posted:
        """Post the identical body of an order without an answer; never a new signature.

        That it leaves again is written down before: whoever asks what became of it counts
        from there.

        Raises:
            LedgerError: It was not written down and not sent; or its answer could not be
                written.
        """
        signed = intent.signed
        try:
            self._hold_back(at_boot)
            self._budget.take_order()
            self._ledger.note_resend(signed.order_id, boot_s=self._clock.boot())
            self._hold_back(at_boot, SEND_WITHIN_S)
        except IntentRefused as refused:
            return Posted(signed.order, refused, aged, signed.order_id)
        return Posted(signed.order, self._post(signed), aged, signed.order_id)

    def _sign(self, order: NewOrder, market: MarketInfo) -> SignedOrder:
        try:
            return self._exchange.sign(order, market)
        except ValueError as error:  # off the market's grid: that order, not the child
            raise IntentRefused(Reason.OFF_GRID, str(error)) from error

    def _post(self, signed: SignedOrder) -> Outcome:
        outcome = self._exchange.post(signed)
        if isinstance(outcome, Placed) and outcome.order_id != signed.order_id:
            ours, theirs = signed.order_id, outcome.order_id
            log.error("[ORDER]", event="other_order_id", order=theirs, computed=ours)
        self._ledger.record_outcome(
            signed.order_id, outcome, at=self._clock.now(), boot_s=self._clock.boot()
        )
        return outcome

    def _hold_back(self, at_boot: float, within_s: float = POST_WITHIN_S) -> float:
        """Return the seconds since the decision; refuse when what it was made on has changed."""
        late_s = self._clock.boot() - at_boot
        if late_s > within_s or not self._may_place():
            raise IntentRefused("late", f"decided {late_s:.1f} s ago")
        return late_s
