"""A child's orders: the ledger first, then the exchange, one order a side.

Nothing here blocks: requests run in :class:`~POLYMARKET_MAKER.calls.Calls` and their ends are
collected at the next turn. What may be placed follows from the ledger alone, which has every
order before it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_sync import AccountView, cancel_orders, look_up, read_account
from POLYMARKET_MAKER.calls import Calls, Finished
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import (
    AgedQuote,
    Fill,
    MarketInfo,
    NewOrder,
    Outcome,
    Rejected,
    Side,
    Unknown,
)
from POLYMARKET_MAKER.core.reconcile import Plan
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.errors import (
    CannotStart,
    IntentRefused,
    SettingsError,
    VenueRefused,
    VenueUnreachable,
)
from POLYMARKET_MAKER.exchange.protocol import Exchange, refuses_us
from POLYMARKET_MAKER.ledger import IntentState, Ledger, TokenView

READ = "read"
CANCEL = "cancel"
READ_EVERY_S = 5.0
READ_WHILE_LIVE_S = 0.5
READ_OURSELVES_S = 45.0
"""Age of the supervisor's last read of the account at which a child reads it itself."""
LEASE = "account_read"
LEASE_S = 15.0
FRESH_S = 60.0
"""Without a read younger than this nothing is placed."""
GONE_AFTER_S = 10.0
"""How long the exchange must not know an order before a cancel and a last read close it."""
VENUE_HOLD_S = 5.0
SHARED_STATES = {
    "post_only_mode": "post_only",
    "cancel_only": "cancel_only",
    "trading_disabled": "disabled",
    "engine_restarting": "restarting",
}
"""Codes of refusals that hold for every order of everybody, and what the ledger calls them."""
POST_WITHIN_S = 1.0
"""From the decision to the moment an order is written down: signing takes milliseconds, but
the first signature loads a library, and a busy machine may let anything wait."""
HOLD_FIRST_S = 0.5
HOLD_LONGEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Posted:
    """One order that was to be placed, and what became of it.

    Attributes:
        outcome: The exchange's answer, or the ledger's refusal: then nothing was sent.
        aged: The quote that it was decided on.
    """

    order: NewOrder
    outcome: Outcome | IntentRefused
    aged: AgedQuote


@dataclass(frozen=True, slots=True)
class News:
    """What the last turn brought, for log and status."""

    posted: tuple[Posted, ...] = ()
    canceled: frozenset[str] = frozenset()
    fills: tuple[Fill, ...] = ()


class Orders:
    """All that one child has at the exchange.

    Attributes:
        may_place: Whether a brake, a stop or the quote's health lets orders leave right now.
        refused: Why the exchange will not take any order of ours; None while it does.
        unreachable: Why the exchange could not be asked last time; None when it could.
        read_mono: When our last complete read of the account began; None before the first.
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
        self.refused: str | None = None
        self.unreachable: str | None = None
        self.read_mono: float | None = None
        self._token_id = token_id
        self._exchange = exchange
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._limits = limits
        self._is_kept = is_kept
        self._is_recovered = False
        self._last_fill = ledger.last_fill()
        self._cancelling: frozenset[str] = frozenset()
        self._read_began = float("-inf")
        self._acted_mono = float("-inf")
        self._missing_since: dict[str, float] = {}
        self._hold_s: dict[Side, float] = {}
        self._hold_until: dict[Side, float] = {}

    @property
    def is_kept(self) -> bool:
        """Whether a supervisor keeps the ledger up to what the exchange says of the account."""
        return self._is_kept

    def lose_keeper(self) -> None:
        """Read the account ourselves from now on: the supervisor is gone."""
        self._is_kept = False

    @property
    def cancelling(self) -> frozenset[str]:
        """Ids whose cancel is under way."""
        return self._cancelling

    def busy(self, view: TokenView) -> frozenset[Side]:
        """Return the sides on which nothing may be placed now."""
        mono = self._clock.mono()
        under_way = {side for side in Side if self._calls.is_running(_key(side))}
        held = {side for side, until in self._hold_until.items() if mono < until}
        return frozenset(view.busy | under_way | held)

    def age_s(self) -> float:
        """Return the seconds since a complete read of the account began; infinite without one."""
        if self._is_kept:
            read_at = self._ledger.account_read_at()
            age_s = -1.0 if read_at is None else self._clock.now() - read_at
        else:
            age_s = -1.0 if self.read_mono is None else self._clock.mono() - self.read_mono
        return age_s if age_s >= 0 else float("inf")  # also when the clock was set back

    @property
    def is_fresh(self) -> bool:
        """Whether we know the account well enough to place something."""
        return self.age_s() <= FRESH_S

    @property
    def is_recovered(self) -> bool:
        """Whether the account was read at all: before, nothing is decided."""
        self._is_recovered = self._is_recovered or self.is_fresh
        return self._is_recovered

    def need_proof(self) -> None:
        """Let only a read that begins from now on prove that nothing of ours is open."""
        self._acted_mono = self._clock.mono()

    def is_proven_clean(self, view: TokenView) -> bool:
        """Whether a read that began after our last action found nothing of ours open."""
        nothing_known = not (view.orders or view.unresolved or view.unsettled)
        nothing_sent = not self._calls.running - {READ}
        is_confirmed = self.read_mono is not None and self.read_mono > self._acted_mono
        return nothing_known and nothing_sent and is_confirmed

    def execute(self, plan: Plan, aged: AgedQuote, market: MarketInfo, reasons: Reasons) -> None:
        """Begin what the plan says; what cannot begin now is found again at the next turn."""
        self.cancel(plan.cancel)
        for order in plan.place:
            key = _key(order.side)
            if not self._calls.is_running(key):
                mono = self._acted_mono = self._clock.mono()
                reason = reasons.get(order.side, "")
                self._calls.submit(key, partial(self._post, order, aged, market, reason, mono))

    def cancel(self, order_ids: tuple[str, ...]) -> None:
        """Begin to cancel; one request at a time, never twice for the same id."""
        new = [order_id for order_id in order_ids if order_id not in self._cancelling]
        if not new or self._calls.is_running(CANCEL):
            return
        self._acted_mono = self._clock.mono()
        self._cancelling = frozenset(new)
        self._calls.submit(CANCEL, partial(cancel_orders, self._exchange, self._ledger, new))

    def read_if_due(self, view: TokenView, *, prove: bool = False) -> None:
        """Read the account: often while something of ours is open, rarely otherwise.

        Where a supervisor keeps the ledger, only single orders are read whose fate is open.

        Args:
            view: What the ledger says.
            prove: Whether :meth:`is_proven_clean` is waited for.
        """
        if self._is_kept and not prove:
            self._read_as_needed(view)
            return
        is_live = bool(view.orders or view.unresolved or view.unsettled)
        is_confirmed = self.read_mono is not None and self.read_mono > self._acted_mono
        every_s = READ_WHILE_LIVE_S if is_live or not is_confirmed else READ_EVERY_S
        mono = self._clock.mono()
        if self._calls.is_running(READ) or mono - self._read_began < every_s:
            return
        self._read_began = mono
        self._calls.submit(READ, self._read)

    def _read_as_needed(self, view: TokenView) -> None:
        mono = self._clock.mono()
        if self._calls.is_running(READ) or mono - self._read_began < READ_WHILE_LIVE_S:
            return
        unclear = self._unclear(view)
        if self.age_s() > READ_OURSELVES_S and self._ledger.take_lease(
            LEASE, self._token_id, now=self._clock.now(), for_s=LEASE_S
        ):
            self._read_began = mono
            self._calls.submit(READ, self._read)
        elif unclear:
            self._read_began = mono
            self._calls.submit(READ, partial(self._resolve, unclear))

    def _unclear(self, view: TokenView) -> tuple[str, ...]:
        """Return the orders that nothing but a read will explain."""
        is_posting = any(self._calls.is_running(_key(side)) for side in Side)
        posting = {
            intent.order_id
            for intent in view.unresolved
            if is_posting and intent.state is IntentState.INTENDED
        }
        return tuple(each for each in view.to_read if each not in posting)

    def collect(self) -> News:
        """Take what has ended since the last turn."""
        posted: list[Posted] = []
        canceled: frozenset[str] = frozenset()
        for finished in self._calls.collect():
            self._note_venue(finished)
            if finished.error is not None:
                self._hold_if_post(finished.key)
            if finished.key == CANCEL:
                self._cancelling = frozenset()
            if isinstance(finished.result, Posted):
                self._after_post(finished.result)
                posted.append(finished.result)
            elif isinstance(finished.result, AccountView):
                self.read_mono = self._read_began
            elif isinstance(finished.result, frozenset):
                canceled |= finished.result
        self._last_fill, fills = self._ledger.fills_since(self._token_id, self._last_fill)
        return News(tuple(posted), canceled, tuple(fills))

    # --- in a request's thread ---

    def _read(self) -> AccountView:
        view = self._read_once()
        ours = {intent.order_id for intent in self._ledger.live(self._token_id)}
        lost = self._lost(view.missing & ours)
        return self._bury(lost) if lost else view

    def _resolve(self, order_ids: tuple[str, ...]) -> AccountView | None:
        """Read single orders; the account as a whole only before one is given up."""
        known = {each for each in order_ids if look_up(self._exchange, self._ledger, each)}
        lost = self._lost(frozenset(order_ids) - known)
        return self._bury(lost) if lost else None

    def _lost(self, missing: frozenset[str]) -> list[str]:
        """Return the orders that the exchange has not known for too long."""
        mono = self._clock.mono()
        self._missing_since = {
            order_id: self._missing_since.get(order_id, mono) for order_id in missing
        }
        return [each for each, at in self._missing_since.items() if mono - at >= GONE_AFTER_S]

    def _bury(self, lost: list[str]) -> AccountView:
        # Nobody knows it: cancel it all the same, and believe the read that follows.
        cancel_orders(self._exchange, self._ledger, lost)
        view = self._read_once()
        for order_id in view.missing.intersection(lost):
            self._ledger.record_gone(order_id, reason="never_seen")
            log.warning("[ORDER]", event="gone", token=self._token_id, order=order_id)
        return view

    def _read_once(self) -> AccountView:
        token_id = None if self._is_kept else self._token_id
        now = self._clock.now()
        return read_account(self._exchange, self._ledger, now=now, token_id=token_id)

    def _post(
        self,
        order: NewOrder,
        aged: AgedQuote,
        market: MarketInfo,
        reason: str,
        decided_mono: float,
    ) -> Posted:
        signed = self._exchange.sign(order, market)
        late_s = self._clock.mono() - decided_mono
        if late_s > POST_WITHIN_S or not self.may_place:
            # What was decided on has aged, or somebody pulled a brake: decide anew.
            return Posted(order, IntentRefused("late", f"decided {late_s:.1f} s ago"), aged)
        try:
            self._ledger.record_intent(
                signed,
                at=self._clock.now(),
                reason=reason,
                limits=self._limits,
                condition_id=market.condition_id,
                sibling_id=market.sibling_id,
                data_age_ms=round((aged.age_s + late_s) * 1000),
                seq=aged.quote.seq,
                src=aged.source.value,
            )
        except IntentRefused as refused:
            return Posted(order, refused, aged)
        outcome = self._exchange.post(signed)
        self._ledger.record_outcome(signed.order_id, outcome, at=self._clock.now())
        return Posted(order, outcome, aged)

    # --- in the loop ---

    def _after_post(self, posted: Posted) -> None:
        side, outcome = posted.order.side, posted.outcome
        if isinstance(outcome, Rejected) and refuses_us(outcome):
            self.refused = outcome.reason
        if isinstance(outcome, Unknown):
            self._share_venue(outcome.code, outcome.retry_after_s, outcome.reason)
        if isinstance(outcome, Rejected | IntentRefused | Unknown):
            self._hold(side)
        else:
            self._hold_s.pop(side, None)

    def _share_venue(self, code: str | None, retry_after_s: float | None, reason: str) -> None:
        """Tell all children of a state of the exchange, so that one of them finds out for all."""
        if code in SHARED_STATES:
            until = self._clock.now() + (retry_after_s or VENUE_HOLD_S)
            self._ledger.set_venue(SHARED_STATES[code], until=until, reason=reason)

    def _hold_if_post(self, key: str) -> None:
        for side in Side:
            if key == _key(side):
                self._hold(side)

    def _hold(self, side: Side) -> None:
        """Place nothing on *side* for a while, the longer the more often it failed."""
        hold_s = min(self._hold_s.get(side, HOLD_FIRST_S) * 2, HOLD_LONGEST_S)
        self._hold_s[side] = hold_s
        self._hold_until[side] = self._clock.mono() + hold_s

    def _note_venue(self, finished: Finished) -> None:
        """Remember whether the exchange can be reached; an outage is told once."""
        if isinstance(finished.error, VenueUnreachable):
            error = finished.error
            self._share_venue(error.code, error.retry_after_s, str(error))
            if self.unreachable is None:
                log.error("[ORDER]", event="venue_unreachable", reason=str(finished.error))
            self.unreachable = str(finished.error)
        elif isinstance(finished.error, VenueRefused):
            log.error("[ORDER]", event="venue_refused", reason=str(finished.error))
        elif isinstance(finished.error, SettingsError | CannotStart):
            self.refused = str(finished.error)
        elif finished.error is not None:
            log.error("[ORDER]", event=finished.key, reason=str(finished.error))
        elif self.unreachable is not None:
            log.info("[ORDER]", "venue answers again", token=self._token_id)
            self.unreachable = None


Reasons = dict[Side, str]
"""Why each side's order is wanted."""


def _key(side: Side) -> str:
    return f"post_{side.value}"
