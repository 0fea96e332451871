"""A child's orders: the ledger first, then the exchange, one order a side.

Nothing here blocks: requests run in :class:`~POLYMARKET_MAKER.calls.Calls` and their ends are
collected at the next turn. What may be placed follows from the ledger alone, which has every
order before it is sent.

    placing.py        one request a side, and the rest after one that was not taken
    sending.py        one order: sign, count, write down, post
    cancelling.py     cancels by id, and the pause after one that failed
    inquiries.py      what became of an order without an answer
    venue_watch.py    whether the exchange answers, and takes us
    reading.py        when the account is read
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_sync import AccountView, Cancelled, Found, look_up_each, read_account
from POLYMARKET_MAKER.calls import Calls, Finished
from POLYMARKET_MAKER.cancelling import Cancelling
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo, Side
from POLYMARKET_MAKER.core.order import Fill, Placed, Rejected, Unknown
from POLYMARKET_MAKER.core.reconcile import Plan
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.core.unknown import Step
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.exchange.protocol import Exchange
from POLYMARKET_MAKER.inquiries import Inquiries
from POLYMARKET_MAKER.ledger import IntentState, Ledger, TokenView
from POLYMARKET_MAKER.placing import Placing
from POLYMARKET_MAKER.reading import SPACING_S, Reading
from POLYMARKET_MAKER.request_budget import RequestBudget
from POLYMARKET_MAKER.sending import Posted, Sender
from POLYMARKET_MAKER.venue_watch import VenueWatch

READ = "read"
BURY = "bury"


@dataclass(frozen=True, slots=True)
class News:
    """What the last turn brought, for log and status."""

    posted: tuple[Posted, ...] = ()
    canceled: frozenset[str] = frozenset()
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """Orders without an answer that may be sent again, on the quote that this was decided on."""

    order_ids: frozenset[str]
    aged: AgedQuote


class Orders:
    """All that one child has at the exchange.

    Attributes:
        may_place: Whether a brake, a stop or the quote's health lets orders leave right now.
        in_hurry: Whether what is to be cancelled must be gone now: kill, stop, exit.
        venue: What is known of the exchange.
        reading: What is known of the account, by its age.
    """

    def __init__(
        self,
        token_id: str,
        *,
        exchange: Exchange,
        ledger: Ledger,
        calls: Calls,
        clock: Clock,
        limits: Limits,
        is_kept: bool = False,
    ) -> None:
        """Trade *token_id* through *exchange*, within *limits* that all children share.

        Args:
            token_id: The token.
            exchange: Where orders go.
            ledger: What is ours.
            calls: Runs the requests.
            clock: The clock.
            limits: The caps.
            is_kept: Whether a supervisor keeps the ledger up to what the exchange says of
                the account. Then it is read here only when that fails, or for a proof.
        """
        self.may_place = True
        self.in_hurry = False
        self.venue = VenueWatch(token_id, ledger, clock)
        self._token_id = token_id
        self._exchange = exchange
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._budget = RequestBudget(ledger, clock)
        sender = Sender(
            exchange, ledger, self._budget, clock, limits=limits, may_place=lambda: self.may_place
        )
        self._posts = Placing(sender, calls, clock)
        self._cancels = Cancelling(exchange, ledger, calls, self._budget, clock)
        self._inquiries = Inquiries(ledger, clock)
        self.reading = Reading(
            token_id, ledger, self._inquiries, self.venue, clock, is_kept=is_kept
        )
        self._last_fill = ledger.last_fill()
        self._acted_mono = float("-inf")

    @property
    def cancelling(self) -> frozenset[str]:
        """Ids whose cancel is under way."""
        return self._cancels.under_way

    def busy(self, view: TokenView) -> frozenset[Side]:
        """Return the sides on which nothing may be placed now."""
        return view.busy | self._posts.busy

    def budget_wait_s(self) -> float:
        """Return how long the account's budget holds the next order back; 0 when it does not."""
        return self._budget.wait_s()

    def need_proof(self) -> None:
        """Let only a read that begins from now on prove that nothing of ours is open."""
        self._acted_mono = self._clock.mono()

    def is_proven_clean(self, view: TokenView) -> bool:
        """Whether a read that began after our last action found nothing of ours open."""
        nothing_known = not (view.orders or view.unresolved or view.unsettled)
        nothing_sent = not self._calls.running - {READ}
        return nothing_known and nothing_sent and self._is_confirmed

    @property
    def _is_confirmed(self) -> bool:
        """Whether a read of the account began after our last action."""
        read_mono = self.reading.read_mono
        return read_mono is not None and read_mono > self._acted_mono

    # -- what to do, decided by the loop

    def execute(
        self, plan: Plan, aged: AgedQuote, market: MarketInfo, reasons: dict[Side, str]
    ) -> None:
        """Begin what the plan says; what cannot begin now is found again at the next turn."""
        self.cancel(plan.cancel)
        for order in plan.place:
            if self._posts.begin(order, aged, market, reasons.get(order.side, "")):
                self._acted_mono = self._clock.mono()

    def cancel(self, order_ids: Collection[str]) -> None:
        """Begin to cancel what it is time for; see :class:`Cancelling`."""
        if self._cancels.begin(order_ids, in_hurry=self.in_hurry):
            self._acted_mono = self._clock.mono()

    @property
    def undecided(self) -> frozenset[str]:
        """Orders without an answer that were looked for long enough: again, or cancel."""
        return self._inquiries.undecided

    def inquire(self, view: TokenView, again: Again | None) -> None:
        """Do what is next about every order whose fate is open; reads come by themselves.

        Args:
            view: What the ledger says.
            again: Of :attr:`undecided`, those that risk would place now.
        """
        if not (view.unresolved or view.unsettled or self._inquiries.has_any):
            return
        self._inquiries.follow(view, self._posting(view))
        steps = self._inquiries.steps(frozenset() if again is None else again.order_ids)
        self.cancel([each for each, step in steps.items() if step is Step.CANCEL])
        under_way = self._posts.sent_again  # no proof holds of what is just being sent
        gone = [e for e, step in steps.items() if step is Step.GONE and e not in under_way]
        if gone and not self._calls.is_running(BURY):
            self._calls.submit(BURY, partial(self._bury, gone))
        if again is not None:
            resend = {each for each, step in steps.items() if step is Step.RESEND}
            for intent in view.unresolved:
                if intent.order_id in resend and self._posts.begin_again(intent, again.aged):
                    self._acted_mono = self._clock.mono()

    def read_if_due(self, view: TokenView, *, prove: bool = False) -> None:
        """Read the account: often while something of ours is open, rarely otherwise.

        Where a supervisor keeps the ledger, only single orders are read whose fate is open.

        Args:
            view: What the ledger says.
            prove: Whether :meth:`is_proven_clean` is waited for.
        """
        if self._calls.is_running(READ) or self.reading.waited_s < SPACING_S:
            return
        is_live = bool(view.orders or view.unresolved or view.unsettled)
        if self.reading.must_read_whole(
            is_live=is_live, is_confirmed=self._is_confirmed, prove=prove
        ):
            self.reading.begin()
            self._calls.submit(READ, self._read)
        elif self.reading.is_kept and (unclear := self._unclear(view)):
            self.reading.begin()
            # The account as a whole only before one of them is given up.
            look = partial(look_up_each, self._exchange, self._ledger, unclear)
            self._calls.submit(READ, look)

    def _unclear(self, view: TokenView) -> tuple[str, ...]:
        """Return the orders that nothing but a read will explain."""
        posting = self._posting(view)
        return tuple(each for each in view.to_read if each not in posting)

    def _posting(self, view: TokenView) -> frozenset[str]:
        """Return the orders whose own request is under way, and perhaps their neighbours."""
        if not self._posts.under_way:
            return frozenset()
        return frozenset(
            intent.order_id for intent in view.unresolved if intent.state is IntentState.INTENDED
        )

    # -- what came of it

    def collect(self) -> News:
        """Take what has ended since the last turn."""
        posted: list[Posted] = []
        canceled: set[str] = set()
        for finished in self._calls.collect():
            resent = self._posts.ended(finished.key)
            if finished.error is not None:
                self._failed(finished, resent)
                continue
            if _is_answer(finished.result):
                self.venue.answered()
            if isinstance(finished.result, Posted):
                self._after_post(finished.result)
                posted.append(finished.result)
            elif isinstance(finished.result, Cancelled):
                self._cancels.answered(finished.key, finished.result)
                self._inquiries.was_cancelled(finished.result)
                canceled |= set(finished.result.result.canceled)
            else:
                self._after_read(finished.result)
        self._last_fill, fills = self._ledger.fills_since(self._token_id, self._last_fill)
        return News(tuple(posted), frozenset(canceled), tuple(fills))

    def _failed(self, finished: Finished, resent: str | None) -> None:
        error = finished.error
        assert error is not None
        if resent is not None:  # it may have left: as long as any other it may still arrive
            self._inquiries.was_sent_again(resent, Unknown(str(error)))
        self._posts.failed(finished.key)
        self._cancels.failed(finished.key, error)
        self.venue.failed(finished.key, error, is_read=finished.key == READ)

    def _after_post(self, posted: Posted) -> None:
        side, outcome = posted.order.side, posted.outcome
        if isinstance(outcome, IntentRefused):
            self._posts.refused(side)
            return
        self.venue.answered_order(outcome)
        if posted.again is not None:
            self._inquiries.was_sent_again(posted.again, outcome)
        if isinstance(outcome, Unknown) and outcome.code == "rate_limited":
            self._budget.refused(Kind.ORDER, outcome.retry_after_s)
        self._posts.answered(side, outcome)

    def _after_read(self, result: object) -> None:
        if isinstance(result, AccountView):
            self.reading.ended_whole(began_boot=result.began_boot)
            ours = {intent.order_id for intent in self._ledger.live(self._token_id)}
            self._inquiries.was_read(result, ours)
            self.venue.was_read()
        elif isinstance(result, Found):
            for order_id in result.order_ids:
                self._inquiries.was_found(order_id)

    # -- in a request's thread

    def _read(self) -> AccountView:
        token_id = None if self.reading.is_kept else self._token_id
        return read_account(self._exchange, self._ledger, clock=self._clock, token_id=token_id)

    def _bury(self, order_ids: list[str]) -> None:
        for order_id in order_ids:
            self._ledger.record_gone(order_id, reason="never_seen")
            log.warning("[ORDER]", event="gone", token=self._token_id, order=order_id)


def _is_answer(result: object) -> bool:
    """Whether the exchange said it, and not we, nor nobody."""
    if isinstance(result, Posted):
        return isinstance(result.outcome, Placed | Rejected)
    return isinstance(result, Cancelled | AccountView | Found)
