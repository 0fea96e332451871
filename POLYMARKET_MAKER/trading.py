"""One turn's trading of one token: quote → strategy → risk → reconcile → orders.

Most quotes change nothing that matters: the best prices stay, and so does all that bounds an
order. Then the strategy decides anew, as on every quote, but its answer is what it was, and so is
what risk and reconcile make of it. They are pure: the same facts have the same answer, which is
kept (:class:`_Judged`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import Decision, Strategy, without_own
from POLYMARKET_MAKER.core.gate import Gate
from POLYMARKET_MAKER.core.health import Distrust
from POLYMARKET_MAKER.core.model import ZERO, AgedQuote, MarketInfo, Side
from POLYMARKET_MAKER.core.order import OpenOrder, Wanted, WantedOrder
from POLYMARKET_MAKER.core.reconcile import Plan, plan
from POLYMARKET_MAKER.core.risk import Allowed, Exposure, Limits, check
from POLYMARKET_MAKER.errors import LedgerError
from POLYMARKET_MAKER.journal import Journal
from POLYMARKET_MAKER.ledger import Intent, Ledger
from POLYMARKET_MAKER.orders import Again, Orders
from POLYMARKET_MAKER.outlook import Surroundings

MARK_EVERY_S = 1.0


class Facts(NamedTuple):
    """All that risk and reconcile know.

    Of a quote that may be traded on that is its top: neither its age nor its levels. So two
    quotes with the same top are the same fact.
    """

    wanted: Wanted
    aged: AgedQuote
    market: MarketInfo
    around: Surroundings
    distrusted_s: float

    def are_those_of(self, other: Facts) -> bool:
        """Whether they lead to the same; a wrong no costs only time."""
        mine, theirs = self.aged, other.aged
        return (
            self.around is other.around
            and self.market is other.market
            and mine.health is theirs.health
            and mine.health.is_tradable  # else the time since it was counts
            and mine.quote.best_bid == theirs.quote.best_bid
            and mine.quote.best_ask == theirs.quote.best_ask
            and mine.quote.tick_size == theirs.quote.tick_size
            and self.wanted == other.wanted
        )


class _Judged(NamedTuple):
    """What risk and reconcile made of some facts."""

    facts: Facts
    allowed: Allowed
    todo: Plan
    reasons: dict[Side, str]


class Trading:
    """Brings the book of one token to what its strategy wants, within what is allowed."""

    def __init__(
        self,
        market: MarketInfo,
        limits: Limits,
        strategy: Strategy,
        *,
        orders: Orders,
        ledger: Ledger,
        journal: Journal,
        clock: Clock,
    ) -> None:
        """Trade with *strategy*, which has what it remembered of an earlier life."""
        self._market = market
        self._limits = limits
        self._strategy = strategy
        self._orders = orders
        self._ledger = ledger
        self._journal = journal
        self._clock = clock
        self._distrust = Distrust(clock.mono())
        self._memory: dict[str, str] = strategy.memory()
        self._kept: Strategy = strategy  # the last one whose memory is written
        self._market_now = market
        self._judged: _Judged | None = None

    def trade(
        self, aged: AgedQuote, around: Surroundings, look_anew: Callable[[], Surroundings]
    ) -> Again:
        """Bring the book to what is wanted; return what may be sent again of what got no answer.

        Args:
            aged: The quote.
            around: What a decision depends on beside it.
            look_anew: Reads that once more, if it is of an earlier turn.
        """
        distrusted_s = self._distrust.for_s(aged.health, self._clock.mono())
        decision, judged = self._work_out(aged, around, distrusted_s)
        if judged.todo.place and (now := look_anew()) is not around:
            around = now
            decision, judged = self._work_out(aged, around, distrusted_s)
        self._strategy = decision.strategy
        self._keep_memory()
        self._journal.decided(decision.stage)
        self._journal.checked(judged.allowed, judged.todo, around.view)
        self._orders.may_place = judged.allowed.gate is Gate.PLACE
        if judged.todo.cancel or judged.todo.place:
            self._orders.execute(judged.todo, aged, judged.facts.market, judged.reasons)
        if not around.view.position.is_flat:
            self._mark(aged)
        return Again(self._wanted_again(judged.facts), aged)

    def _work_out(
        self, aged: AgedQuote, around: Surroundings, distrusted_s: float
    ) -> tuple[Decision, _Judged]:
        """Ask the strategy, then risk, then reconcile; nothing is done or remembered yet."""
        market = self._market_at(aged.quote.tick_size)
        others = _others(aged, around, market)
        decision = self._strategy.decide(
            others,
            around.view.position,
            market,
            self._clock.mono(),
            sell_only=around.switches.sell_only,
            exiting=around.exiting,
        )
        return decision, self._judge(Facts(decision.wanted, others, market, around, distrusted_s))

    def _market_at(self, tick_size: Decimal | None) -> MarketInfo:
        """Return the market with the grid of now: what is decided and signed holds one grid."""
        tick_size = tick_size or self._market.tick_size
        if tick_size != self._market_now.tick_size:
            self._market_now = replace(self._market, tick_size=tick_size)
        return self._market_now

    def _keep_memory(self) -> None:
        if self._strategy is self._kept:
            return
        memory = self._strategy.memory()
        with _told_if_not_written():
            if memory != self._memory:
                self._ledger.save_state(self._market.token_id, json.dumps(memory))
                self._memory = memory
            self._kept = self._strategy

    def _judge(self, facts: Facts) -> _Judged:
        known = self._judged
        if known is not None and known.facts.are_those_of(facts):
            return known
        around = facts.around
        allowed = self._allowed(facts.wanted, facts, around.view.exposure)
        todo = plan(
            allowed,
            around.view.orders,
            facts.market,
            busy=around.busy,
            cancelling=around.cancelling,
        )
        reasons = {order.side: order.reason for order in allowed.orders}
        self._judged = _Judged(facts, allowed, todo, reasons)
        return self._judged

    def _allowed(self, wanted: Wanted, facts: Facts, exposure: Exposure) -> Allowed:
        around = facts.around
        return check(
            wanted,
            facts.aged,
            around.view.position,
            facts.market,
            limits=self._limits,
            exposure=exposure,
            distrusted_s=facts.distrusted_s,
            switches=around.switches,
            resting=around.view.orders,
            sibling_orders=around.siblings,
        )

    def _wanted_again(self, facts: Facts) -> frozenset[str]:
        unresolved = facts.around.view.unresolved
        if not unresolved:
            return frozenset()
        undecided = [each for each in unresolved if each.order_id in self._orders.undecided]
        return frozenset(each.order_id for each in undecided if self._is_wanted_again(each, facts))

    def _is_wanted_again(self, intent: Intent, facts: Facts) -> bool:
        """Whether that very order is wanted now, and would be allowed if it were new."""
        order = intent.signed.order
        if not any(each.side is order.side and each.price == order.price for each in facts.wanted):
            return False
        very = WantedOrder(
            order.side,
            order.price,
            order.size,
            "again",
            order.time_in_force,
            post_only=order.post_only,
        )
        exposure = facts.around.view.exposure
        if order.side is Side.BUY:  # it stands there already, as what may exist
            without = max(ZERO, exposure.unknown - intent.at_stake * order.price)
            exposure = replace(exposure, unknown=without)
        allowed = self._allowed((very,), facts, exposure)
        return allowed.gate is Gate.PLACE and allowed.orders == (very,)

    def _mark(self, aged: AgedQuote) -> None:
        """Note what our shares are worth, for the daily loss of all children; once a second."""
        bid = aged.quote.best_bid
        if bid is not None and log.every(MARK_EVERY_S, "mark"):
            with _told_if_not_written():
                self._ledger.mark(self._market.token_id, bid, at=self._clock.now())


def _others(aged: AgedQuote, around: Surroundings, market: MarketInfo) -> AgedQuote:
    """Return the quote without our own size in it; the same one where we have none."""
    own: tuple[OpenOrder, ...] = (*around.view.orders, *around.siblings)
    if not own:
        return aged
    others = without_own(aged.quote, own, market.sibling_id, age_s=aged.age_s)
    return replace(aged, quote=others)


@contextmanager
def _told_if_not_written() -> Iterator[None]:
    """Let a full disk be a line in the log: the next turn tries again.

    Nothing is at risk meanwhile. An order needs its intent on disk before it is sent.
    """
    try:
        yield
    except LedgerError as error:
        if log.every(60, "not_written"):
            log.error("[RUN]", event="not_written", reason=str(error))
