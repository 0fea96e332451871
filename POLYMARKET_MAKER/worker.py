"""The loop of one child: quote → strategy → risk → reconcile → exchange.

One non-blocking state machine. Every turn looks at the quote and at shutdown; kill switch,
pause, exit signal and ledger are looked at five times a second (`outlook.py`) and before anything
is placed. So all of them act within a turn or two, also in the middle of a buy.

    outlook.py     what a decision depends on beside the quote
    trading.py     from the quote to the orders
    ending.py      when it is over, and the proof that nothing of ours is open
    journal.py     what is said of it
"""

from __future__ import annotations

from collections.abc import Callable

from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import Strategy
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo
from POLYMARKET_MAKER.ending import Ending
from POLYMARKET_MAKER.errors import ChildExit
from POLYMARKET_MAKER.journal import Journal
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.orders import Again, Orders
from POLYMARKET_MAKER.outlook import Outlook, Rules, Surroundings
from POLYMARKET_MAKER.quotes import NoQuote, Quotes
from POLYMARKET_MAKER.trading import Trading

TURN_S = 0.5
"""Without a quote; also how late a signal to stop may be heard."""
TURN_WHILE_ASKING_S = 0.02
"""Length of a turn while a request is under way, whose end does not wake the loop."""
LISTEN_S = 0.025
"""How often a child with something open looks whether the account has news of it."""


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
        self._quotes = quotes
        self._orders = orders
        self._status = status
        self._clock = clock
        self._asking = asking
        self._on_quote = on_quote
        self._has_news = has_news
        self._beat = beat
        self._is_live = False
        self._journal = Journal(market.token_id, status, clock, quotes)
        self._outlook = Outlook(
            market,
            rules,
            orders=orders,
            ledger=ledger,
            clock=clock,
            asking=asking,
            collect=self._collect,
        )
        self._ending = Ending(market, orders=orders, ledger=ledger, status=status, clock=clock)
        self._trading = Trading(
            market,
            rules.limits,
            strategy,
            orders=orders,
            ledger=ledger,
            journal=self._journal,
            clock=clock,
        )

    def stop(self) -> None:
        """Ask to cancel and end; from any thread or signal handler."""
        self._ending.is_asked = True

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
        if not self._is_live:
            self._quotes.wait(turn_s)
            return
        began = self._clock.mono()
        ends = began + turn_s
        while not self._has_news():
            wait_s = min(ends - began, LISTEN_S)
            if wait_s <= 0:
                return
            self._quotes.wait(wait_s)
            waited_since, began = began, self._clock.mono()
            if began - waited_since < wait_s:  # a quote came
                return
        self._outlook.expire()

    def turn(self) -> ChildExit | None:
        """Look at everything once and act; return the exit code when it is over."""
        known = self._outlook.last()
        around = known or self._outlook.look()
        reading = self._quotes.read()
        if self._ending.begins(reading, around, starved_s=self._quotes.starved_s()):
            self._outlook.stopping = True
            around = self._outlook.look()
        self._ending.note_kill(around)
        self._orders.in_hurry = self._ending.needs_proof or around.exiting
        again = self._act(reading, around, is_known=around is known)
        self._is_live = around.is_live
        if self._is_live or around is not known:
            self._orders.inquire(around.view, again)
            self._orders.read_if_due(around.view, prove=self._ending.needs_proof)
        self._journal.saw(reading, around.view)
        return self._ending.closed(around.view)

    def _collect(self) -> None:
        self._journal.brought(self._orders.collect(), self._orders.venue.trouble)

    def _act(
        self, reading: AgedQuote | NoQuote, around: Surroundings, *, is_known: bool
    ) -> Again | None:
        """Do what the quote calls for; return what may be sent again of what got no answer."""
        if isinstance(reading, NoQuote):
            # Without any quote nothing is placed, and what an earlier life left is cancelled.
            self._journal.waiting(reading)
            self._cancel_all(around)
            return None
        self._journal.quoted(reading, around.view, self._quotes.refused)
        self._on_quote(reading)
        if self.has_account:
            return self._trading.trade(
                reading, around, self._outlook.look if is_known else lambda: around
            )
        # Start-up is recovery: nothing is decided before the account was read,
        # but what an earlier life left is cancelled when somebody says stop.
        self._journal.recovering()
        self._orders.may_place = False
        if self._ending.is_killed or self._ending.has_begun:
            self._cancel_all(around)
        return None

    def _cancel_all(self, around: Surroundings) -> None:
        self._orders.may_place = False
        self._orders.cancel(tuple(order.order_id for order in around.view.orders))
