"""What a strategy is: facts in, wanted orders out, and itself with what it now remembers.

A strategy is a value. :meth:`Strategy.decide` never changes it; it returns the
strategy to go on with. So a decision can be repeated, and what is remembered
survives a restart as text (:meth:`Strategy.memory`).

The word for "what stops us" is a :class:`Stage`: the stage of the way from quote
to order at which the decision ended, with a reason code for people and programs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

from msgspec.structs import replace

from POLYMARKET_MAKER.core.model import ZERO, AgedQuote, Level, MarketInfo, Quote, Side
from POLYMARKET_MAKER.core.order import OpenOrder, Position, Wanted

SET_BACK_S = 1.0
"""So far ahead of a quote and its age no order can be: the clock was set back since it was sent."""


class StageName(StrEnum):
    """Stages between the exchange and an order, in the order in which they are passed."""

    SOURCE = "source"
    QUOTE = "quote"
    WARMUP = "warmup"
    SIGNAL = "signal"
    RISK = "risk"
    BUDGET = "budget"
    VENUE = "venue"
    ORDER = "order"


class Stage(NamedTuple):
    """Where a decision ended.

    Attributes:
        name: The stage that was reached.
        passed: Whether it let something through; False when it is what stops us.
        reason: Code of the cause, such as ``no_drop`` or ``take_profit``.
    """

    name: StageName
    passed: bool
    reason: str


def passed(reason: str) -> Stage:
    """The strategy wants something, for this reason."""
    return Stage(StageName.SIGNAL, passed=True, reason=reason)


def stopped(reason: str, name: StageName = StageName.SIGNAL) -> Stage:
    """The strategy wants nothing, for this reason."""
    return Stage(name, passed=False, reason=reason)


NO_BID = stopped("no_bid", StageName.QUOTE)
NO_ASK = stopped("no_ask", StageName.QUOTE)
FIRST_QUOTE = stopped("first_quote", StageName.WARMUP)


class Decision(NamedTuple):
    """Outcome of one tick.

    Attributes:
        strategy: The strategy to ask next time.
        wanted: All that should rest or be taken now.
        stage: Why.
    """

    strategy: Strategy
    wanted: Wanted
    stage: Stage


class Strategy(Protocol):
    """Decides what should be on the book for one token."""

    def decide(
        self,
        aged: AgedQuote,
        position: Position,
        market: MarketInfo,
        now: float,
        *,
        sell_only: bool = False,
        exiting: bool = False,
    ) -> Decision:
        """Decide what we want resting, from one quote and what we hold.

        Args:
            aged: The quote *without our own size* (:func:`without_own`) and its worth.
            position: What the ledger's fills add up to.
            market: Grid, smallest size and fees.
            now: Any clock in seconds that does not go back within one run.
            sell_only: No buys: the countdown before the market's end.
            exiting: Sell what is held now, within the exit slippage, and buy nothing.
        """
        ...

    def memory(self) -> dict[str, str]:
        """Return what must survive a restart, for JSON."""
        ...

    def remembering(self, memory: Mapping[str, str]) -> Self:
        """Return this strategy with what :meth:`memory` once returned; unknown keys are ignored."""
        ...


def without_own(
    quote: Quote,
    own: Iterable[OpenOrder],
    sibling_id: str | None = None,
    *,
    age_s: float = math.inf,
) -> Quote:
    """Return the quote that the others make: our own resting size is taken out of its levels.

    Orders on the complementary token count too: the exchange shows a BUY at p
    there as a SELL at 1 - p here. A level that holds nothing but our own size
    disappears; a side that is empty afterwards is missing. Where a quote has no
    levels, its top cannot be told from our own order and is left as it is.

    An order that was sent after the quote came is not in it, nor in a level smaller than
    itself. Taking it out of the others' size would hide a level of theirs, and the order
    would be replaced for nothing the moment it rests. Both stamps are of the wall clock: an
    order that seems to be newer than now is of a time before somebody set it back.

    Args:
        quote: The market's quote.
        own: Our open orders, of any token.
        sibling_id: The complementary token, when it is known.
        age_s: How old the quote is.
    """
    now = quote.received_at + age_s + SET_BACK_S
    bids, asks = dict(quote.bids), dict(quote.asks)
    for order in own:
        if not order.is_open or order.token_id not in (quote.token_id, sibling_id):
            continue
        if quote.received_at < order.created_at <= now:
            continue
        here = order.token_id == quote.token_id
        price = order.price if here else 1 - order.price
        levels = bids if (order.side is Side.BUY) is here else asks
        if levels.get(price, ZERO) >= order.remaining:
            levels[price] -= order.remaining
    return replace(
        quote,
        bids=(left_bids := _levels(bids)),
        asks=(left_asks := _levels(asks)),
        best_bid=_top(left_bids) if quote.bids else quote.best_bid,
        best_ask=_top(left_asks) if quote.asks else quote.best_ask,
    )


def _levels(sizes: dict[Decimal, Decimal]) -> tuple[Level, ...]:
    return tuple(Level(price, size) for price, size in sizes.items() if size > 0)


def _top(levels: tuple[Level, ...]) -> Decimal | None:
    return levels[0].price if levels else None


def blocked_by_quote(aged: AgedQuote) -> str | None:
    """Return the reason code when nothing can be learnt from this quote, else None."""
    if not aged.health.is_tradable:
        return aged.health.value
    if aged.quote.is_crossed:
        return "crossed"  # the middle of a batch: its end arrives within milliseconds
    return None
