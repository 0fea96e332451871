"""The loop of one child: quote → strategy → risk → reconcile → exchange.

One non-blocking state machine. Every turn looks at everything anew: shutdown, kill
switch, pause, market end and quote act within one turn, also in the middle of a buy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.brakes import Brakes
from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import Strategy, without_own
from POLYMARKET_MAKER.core.health import Distrust
from POLYMARKET_MAKER.core.model import (
    ZERO,
    AgedQuote,
    MarketInfo,
    Side,
    TokenHealth,
    Wanted,
    WantedOrder,
)
from POLYMARKET_MAKER.core.reconcile import plan
from POLYMARKET_MAKER.core.risk import Allowed, Gate, Limits, Switches, check
from POLYMARKET_MAKER.core.unknown import ARRIVAL_S
from POLYMARKET_MAKER.errors import ChildExit, LedgerError
from POLYMARKET_MAKER.journal import Journal
from POLYMARKET_MAKER.ledger import Intent, Ledger, TokenView
from POLYMARKET_MAKER.orders import Again, Orders
from POLYMARKET_MAKER.quotes import NoQuote, Quotes

TURN_S = 0.25
TURN_WHILE_ASKING_S = 0.02
"""Length of a turn while a request is under way, whose end does not wake the loop."""
LISTEN_S = 0.025
"""How often a child with something open looks whether the account has news of it."""
CLOSING_S = ARRIVAL_S + 3.0
"""How long the end waits for its proof: an order without an answer may take so long."""
STARVED_S = 600.0
"""So long without a source and without a place for an own line: better a fresh start."""
MARK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What bounds a child beside its strategy.

    Attributes:
        limits: The caps.
        exit_only: Sell what is held and end.
        exit_signal: When this file exists: the same.
        brakes: Kill and pause.
        sell_only_from: Epoch seconds from which nothing is bought; None for never.
    """

    limits: Limits
    exit_only: bool
    exit_signal: Path
    brakes: Brakes
    sell_only_from: float | None


class Worker:
    """Trades one token until told to stop, or until there is nothing left to trade."""

    def __init__(
        self,
        market: MarketInfo,
        rules: Rules,
        strategy: Strategy,
        *,
        quotes: Quotes,
        orders: Orders,
        ledger: Ledger,
        status: ChildStatus,
        clock: Clock,
        asking: Callable[[], bool],
        on_quote: Callable[[AgedQuote], object] = lambda _: None,
        has_news: Callable[[], bool] = lambda: False,
        beat: Callable[[], object] = lambda: None,
    ) -> None:
        """Put the parts together; nothing is asked or placed before :meth:`run`.

        Args:
            market: The token's market.
            rules: What bounds this child.
            strategy: With what it remembered of an earlier life.
            quotes: Where quotes come from.
            orders: What is at the exchange.
            ledger: The account's memory.
            status: What the child tells of itself.
            clock: The clock.
            asking: Whether a request is under way.
            on_quote: Told of every quote, as paper trading wants to be.
            has_news: Whether the account had news of this token since it was asked last.
            beat: Called every turn: tells the supervisor that the loop does not hang.
        """
        self._market = market
        self._rules = rules
        self._strategy = strategy
        self._quotes = quotes
        self._orders = orders
        self._ledger = ledger
        self._status = status
        self._clock = clock
        self._asking = asking
        self._on_quote = on_quote
        self._has_news = has_news
        self._beat = beat
        self._has_orders = False
        self._is_killed = False
        self._journal = Journal(market.token_id, status, clock)
        self._stopping = False
        self._closing: ChildExit | None = None
        self._closing_until = 0.0
        self._distrust = Distrust(clock.mono())
        self._memory: dict[str, str] = strategy.memory()

    def stop(self) -> None:
        """Ask to cancel and end; from any thread or signal handler."""
        self._stopping = True

    @property
    def has_account(self) -> bool:
        """Whether the account was read since the start: before that nothing is decided."""
        return self._orders.reading.is_recovered

    def run(self) -> ChildExit:
        """Trade; return why it ended, after proving that nothing of ours is open.

        Raises:
            LedgerError: The ledger cannot be used any more.
        """
        self._status.enter("running")
        while True:
            self._beat()
            ended = self.turn()
            self._status.write_if_due()
            if ended is not None:
                return ended
            self._wait(TURN_WHILE_ASKING_S if self._asking() else TURN_S)

    def _wait(self, turn_s: float) -> None:
        """Wait for a quote, for news of what is open, or for the end of the turn."""
        ends = self._clock.mono() + turn_s
        while not self._has_news():
            began = self._clock.mono()
            wait_s = min(ends - began, LISTEN_S if self._has_orders else turn_s)
            if wait_s <= 0:
                return
            self._quotes.wait(wait_s)
            if self._clock.mono() - began < wait_s:  # a quote came
                return

    def turn(self) -> ChildExit | None:
        """Look at everything once and act; return the exit code when it is over."""
        now = self._clock.now()
        self._journal.brought(self._orders.collect(), self._orders.venue.trouble)
        reading = self._quotes.read()
        view = self._ledger.view(self._market.token_id, now=now)
        self._has_orders = bool(view.orders or view.unresolved or view.unsettled)
        self._decide_to_close(reading, view)
        self._note_kill(view)
        again: Again | None = None
        if isinstance(reading, NoQuote):
            # Without any quote nothing is placed, and what an earlier life left is cancelled.
            self._journal.waiting(reading)
            self._orders.may_place = False
            self._orders.cancel(tuple(order.order_id for order in view.orders))
        else:
            self._journal.quoted(reading, view, self._quotes.refused)
            self._on_quote(reading)
            if not self._orders.reading.is_recovered:
                # Start-up is recovery: nothing is decided before the account was read,
                # but what an earlier life left is cancelled when somebody says stop.
                self._journal.recovering()
                self._orders.may_place = False
                if self._is_killed or self._closing is not None:
                    self._orders.cancel(tuple(order.order_id for order in view.orders))
            else:
                again = self._trade(reading, view, now)
        self._orders.inquire(view, again)
        must_prove = self._is_killed and self._status.kill_proven_at is None
        self._orders.read_if_due(view, prove=must_prove or self._closing is not None)
        self._journal.describe(reading, view, self._quotes)
        return self._closed(view)

    def _decide_to_close(self, reading: AgedQuote | NoQuote, view: TokenView) -> None:
        if self._closing is not None:
            return
        health = reading.health if isinstance(reading, AgedQuote) else None
        if self._stopping:
            self._close(ChildExit.DONE, "stopped")
        elif health is TokenHealth.CLOSED or self._market.closed:
            self._close(ChildExit.MARKET_CLOSED, "market_closed")
        elif self._orders.venue.refused is not None:
            self._close(ChildExit.REFUSED, "exchange_refuses_us")
        elif self._exiting() and view.position.is_flat and not view.busy:
            self._close(ChildExit.DONE, "sold_out")
        elif self._quotes.starved_s() >= STARVED_S:
            self._close(ChildExit.TEMPORARY, "no_source")

    def _note_kill(self, view: TokenView) -> None:
        """Say when the exchange showed that nothing of ours is open since the kill."""
        was_killed, self._is_killed = self._is_killed, self._rules.brakes.is_killed()
        if not self._is_killed:
            self._status.kill_proven_at = None
        elif not was_killed:
            self._orders.need_proof()
        elif self._status.kill_proven_at is None and self._orders.is_proven_clean(view):
            self._status.kill_proven_at = self._clock.now()
            self._status.touch()
            log.info("[RISK]", event="kill_proven", token=self._market.token_id)

    def _close(self, code: ChildExit, reason: str) -> None:
        self._closing = code
        self._closing_until = self._clock.mono() + CLOSING_S
        self._orders.may_place = False
        self._status.enter("stopping")
        log.info("[EXIT]", token=self._market.token_id, reason=reason, code=int(code))

    def _closed(self, view: TokenView) -> ChildExit | None:
        """Return the exit code once nothing of ours is open, or when it takes too long."""
        if self._closing is None:
            return None
        if self._orders.is_proven_clean(view):
            return self._closing
        left = self._ledger.open_order_ids(self._market.token_id)
        if self._closing is ChildExit.REFUSED and not left:
            return self._closing  # an exchange that refuses us shows us nothing, either
        if self._clock.mono() < self._closing_until:
            return None
        log.error("[EXIT]", event="orders_open", token=self._market.token_id, orders=left)
        return ChildExit.ORDERS_OPEN

    def _trade(self, aged: AgedQuote, view: TokenView, now: float) -> Again | None:
        """Bring the book to what is wanted; return what may be sent again of what got no answer."""
        # The tick size may change at any time; all that is decided and signed holds this one.
        market = replace(self._market, tick_size=aged.quote.tick_size or self._market.tick_size)
        sibling_id = market.sibling_id
        siblings = self._ledger.our_orders(sibling_id) if sibling_id is not None else []
        own = [*view.orders, *siblings]
        others = replace(aged, quote=without_own(aged.quote, own, sibling_id))
        switches = self._switches(now)
        wanted = self._decide(others, view, market, switches)
        rules = partial(
            check,
            aged=others,
            position=view.position,
            market=market,
            limits=self._rules.limits,
            distrusted_s=self._distrust.for_s(aged.health, self._clock.mono()),
            switches=switches,
            resting=view.orders,
            sibling_orders=siblings,
        )
        allowed = rules(wanted, exposure=view.exposure)
        todo = plan(
            allowed,
            view.orders,
            market,
            busy=self._orders.busy(view),
            cancelling=self._orders.cancelling,
        )
        self._journal.checked(allowed, todo)
        reasons = {order.side: order.reason for order in allowed.orders}
        self._orders.may_place = allowed.gate is Gate.PLACE
        self._orders.execute(todo, aged, market, reasons)
        self._mark(aged, view)
        undecided = [each for each in view.unresolved if each.order_id in self._orders.undecided]
        ids = [each.order_id for each in undecided if _is_wanted_again(each, wanted, view, rules)]
        return Again(frozenset(ids), aged)

    def _decide(
        self, aged: AgedQuote, view: TokenView, market: MarketInfo, switches: Switches
    ) -> Wanted:
        decision = self._strategy.decide(
            aged,
            view.position,
            market,
            self._clock.mono(),
            sell_only=switches.sell_only,
            exiting=self._exiting(),
        )
        self._strategy = decision.strategy
        self._keep_memory()
        self._journal.decided(decision.stage)
        return decision.wanted

    def _keep_memory(self) -> None:
        memory = self._strategy.memory()
        if memory != self._memory:
            with _told_if_not_written():
                self._ledger.save_state(self._market.token_id, json.dumps(memory))
                self._memory = memory

    def _exiting(self) -> bool:
        return self._rules.exit_only or self._rules.exit_signal.exists()

    def _switches(self, now: float) -> Switches:
        from_ = self._rules.sell_only_from
        return Switches(
            killed=self._is_killed,
            paused=self._rules.brakes.is_paused(self._market.token_id),
            stopping=self._closing is not None,
            sell_only=from_ is not None and now >= from_,
            account_fresh=self._orders.reading.is_fresh,
            breaker_open=self._ledger.breaker_until(now=now) is not None,
            venue=self._orders.venue.trouble or self._ledger.venue(now=now)[0],
            budget_wait_s=self._orders.budget_wait_s(),
        )

    def _mark(self, aged: AgedQuote, view: TokenView) -> None:
        """Note what our shares are worth, for the daily loss of all children; once a second."""
        bid = aged.quote.best_bid
        if bid is not None and not view.position.is_flat and log.every(MARK_EVERY_S, "mark"):
            with _told_if_not_written():
                self._ledger.mark(self._market.token_id, bid, at=self._clock.now())


def _is_wanted_again(
    intent: Intent, wanted: Wanted, view: TokenView, rules: Callable[..., Allowed]
) -> bool:
    """Whether that very order is wanted now, and would be allowed if it were new."""
    order = intent.signed.order
    if not any(each.side is order.side and each.price == order.price for each in wanted):
        return False
    very = WantedOrder(
        order.side, order.price, order.size, "again", order.time_in_force, post_only=order.post_only
    )
    exposure = view.exposure
    if order.side is Side.BUY:  # it stands there already, as what may exist
        without = max(ZERO, exposure.unknown - intent.at_stake * order.price)
        exposure = replace(exposure, unknown=without)
    allowed = rules((very,), exposure=exposure)
    return allowed.gate is Gate.PLACE and allowed.orders == (very,)


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
