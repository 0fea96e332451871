"""Sell what is held at the others' bids, down to a floor, and leave nothing resting.

For ``--flatten``: no child runs, so one loop sells every token in turn. Each order is FAK
at the best bid, as an exit's are, and in the ledger before it is sent. Nothing new is
sold of a token while the fate of its last order is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.clearing import clear
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import without_own
from POLYMARKET_MAKER.core.exiting import take_bid
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo, Side
from POLYMARKET_MAKER.core.money import ONE, floor_size
from POLYMARKET_MAKER.core.order import NewOrder, OpenOrder, Outcome, Placed, Rejected, WantedOrder
from POLYMARKET_MAKER.core.unknown import ARRIVAL_S
from POLYMARKET_MAKER.errors import IntentRefused, LedgerBusy, VenueError, VenueRefused
from POLYMARKET_MAKER.exchange.protocol import Exchange, refuses_us
from POLYMARKET_MAKER.inquiries import written_at
from POLYMARKET_MAKER.ledger import Ledger, TokenView

TURN_S = 0.3
REFUSALS = 10
"""So many refused orders of a token in a row are no accident. One may be: its bid was gone."""


class QuoteSource(Protocol):
    """Where the quote of one token comes from, with its age and worth."""

    def aged(self) -> AgedQuote | None:
        """Return the quote; None before the first one."""
        ...


@dataclass(slots=True)
class Sale:
    """One token that is being sold.

    Attributes:
        market: Its market.
        quotes: Its quote.
        floor: The lowest price, in USD per share.
        reason: Why it is not sold yet, or was not sold to the end; empty when it was.
        is_over: Whether nothing more is tried.
        is_dust: Whether what is left is worth less than an order must be.
        order_ids: What was sent.
        refused: Refusals in a row.
    """

    market: MarketInfo
    quotes: QuoteSource
    floor: Decimal
    reason: str = ""
    is_over: bool = False
    is_dust: bool = False
    order_ids: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def token_id(self) -> str:
        return self.market.token_id

    def end(self, reason: str) -> None:
        """Try nothing more."""
        self.reason, self.is_over = reason, True

    def refuse(self, reason: str) -> None:
        """Count an order that could not be signed, or was not taken; end when it is enough."""
        self.refused, self.reason = self.refused + 1, reason
        if self.refused >= REFUSALS:
            self.end(reason)


def would_hit(foreign: Iterable[OpenOrder], price: Decimal, market: MarketInfo) -> bool:
    """Whether a sell at *price* would trade with an order of the same wallet that is not ours.

    A SELL at q of the complementary token is a bid of 1 - q here.
    """
    bids = [
        order.price if order.token_id == market.token_id else ONE - order.price
        for order in foreign
        if (order.token_id, order.side)
        in ((market.token_id, Side.BUY), (market.sibling_id, Side.SELL))
    ]
    return any(bid >= price for bid in bids)


class Seller:
    """Sells several tokens, in one thread."""

    def __init__(
        self,
        exchange: Exchange,
        ledger: Ledger,
        clock: Clock,
        *,
        pause: Callable[[float], object],
        is_killed: Callable[[], bool] = lambda: False,
    ) -> None:
        """Sell nothing yet.

        Args:
            exchange: Where orders go.
            ledger: What is ours.
            clock: The clock.
            pause: Waits so many seconds between two turns.
            is_killed: Whether nothing may be placed any more; asked before every order.
        """
        self._exchange = exchange
        self._ledger = ledger
        self._clock = clock
        self._pause = pause
        self._is_killed = is_killed

    def sell(self, sales: Sequence[Sale], *, for_s: float) -> None:
        """Sell until all are over or the time is; each sale says what became of it.

        Raises:
            LedgerError: The ledger cannot be used. What was sent stands there.
        """
        until = self._clock.mono() + for_s
        while open_sales := [sale for sale in sales if not sale.is_over]:
            if self._read():
                for sale in open_sales:
                    self._turn(sale)
            if self._clock.mono() >= until:
                return
            self._pause(TURN_S)

    def _read(self) -> bool:
        """Bring the ledger up to what the exchange says; False when it does not answer."""
        try:
            read_account(self._exchange, self._ledger, clock=self._clock)
        except (VenueError, LedgerBusy) as error:
            if log.every(60, "seller"):
                log.error("[ORDER]", event="account_not_read", reason=str(error))
            return False
        return True

    def _turn(self, sale: Sale) -> None:
        """Do the next thing about one token."""
        view = self._ledger.view(sale.token_id, now=self._clock.now())
        if view.busy or view.orders:
            sale.reason = "an order of ours is not settled"
            self._settle(sale, view)
            return
        held = floor_size(view.position.size)
        aged = sale.quotes.aged()
        if held <= 0:
            sale.end("")
        elif aged is None or not aged.health.is_tradable:
            sale.reason = "no quote that can be trusted"
        elif self._is_killed():
            sale.end("the kill switch was set")
        else:
            self._sell(sale, aged, held)

    def _settle(self, sale: Sale, view: TokenView) -> None:
        """Cancel an order by id whose fate is open for too long: no answer, no trace."""
        boot, intents = self._clock.boot(), (*view.unresolved, *view.unsettled)
        written = [written_at(intent, self._clock) for intent in intents]
        # One of an earlier boot left before this one began.
        oldest = min((at if at <= boot else 0.0 for at in written), default=-ARRIVAL_S)
        if boot - oldest < ARRIVAL_S:
            return
        try:
            clear(self._exchange, self._ledger, [sale.token_id], clock=self._clock)
        except (VenueError, LedgerBusy) as error:
            sale.reason = f"an order of ours is not settled: {error}"

    def _sell(self, sale: Sale, aged: AgedQuote, held: Decimal) -> None:
        foreign = self._ledger.foreign_orders()
        sibling_id = sale.market.sibling_id
        quote = without_own(aged.quote, foreign, sibling_id, age_s=aged.age_s)
        if quote.best_bid is None or quote.best_bid < sale.floor:
            sale.reason = f"nobody bids {sale.floor} or more"
        elif (wanted := take_bid(quote, held, "flatten")) is None:
            sale.is_dust = True
            sale.end("worth less than an order must be")
        elif would_hit(foreign, wanted.price, sale.market):
            sale.reason = "a foreign order of the same wallet bids more than the others"
        else:
            self._post(sale, wanted, aged)

    def _post(self, sale: Sale, wanted: WantedOrder, aged: AgedQuote) -> None:
        order = NewOrder(
            sale.token_id,
            wanted.side,
            wanted.price,
            wanted.size,
            wanted.time_in_force,
            post_only=False,
        )
        tick = aged.quote.tick_size or sale.market.tick_size  # it may have changed since
        try:
            signed = self._exchange.sign(order, replace(sale.market, tick_size=tick))
        except (ValueError, VenueRefused) as error:
            sale.refuse(str(error))
            return
        try:
            self._ledger.record_intent(
                signed,
                at=self._clock.now(),
                reason="flatten",
                condition_id=sale.market.condition_id,
                sibling_id=sale.market.sibling_id,
                data_age_ms=round(aged.age_s * 1000),
                seq=aged.quote.seq,
                src=aged.source.value,
                boot_s=self._clock.boot(),
            )
        except (IntentRefused, LedgerBusy) as error:
            sale.reason = str(error)
            return
        outcome = self._exchange.post(signed)
        self._ledger.record_outcome(
            signed.order_id, outcome, at=self._clock.now(), boot_s=self._clock.boot()
        )
        sale.order_ids.append(signed.order_id)
        self._tell(order, outcome, aged)
        self._judge(sale, outcome)

    def _judge(self, sale: Sale, outcome: Outcome) -> None:
        if isinstance(outcome, Placed):
            sale.refused, sale.reason = 0, "not all of it was bought"
            return
        sale.reason = outcome.reason
        if isinstance(outcome, Rejected):
            sale.refuse(outcome.reason)
            if refuses_us(outcome):
                sale.end(outcome.reason)

    def _tell(self, order: NewOrder, outcome: Outcome, aged: AgedQuote) -> None:
        is_placed = isinstance(outcome, Placed)
        write = log.info if is_placed else log.warning
        write(
            f"[ORDER] [MAKER][{order.side}]",
            event="placed" if is_placed else type(outcome).__name__.lower(),
            token=order.token_id,
            price=order.price,
            size=order.size,
            order=outcome.order_id if isinstance(outcome, Placed) else None,
            reason=outcome.status if isinstance(outcome, Placed) else outcome.reason,
            data_age_ms=round(aged.age_s * 1000),
            seq=aged.quote.seq,
            src=aged.source,
        )
