"""A symmetric maker: rests a buy and a sell around the middle, leaning against what it holds.

The half spread is a multiple of the realised volatility of the middle price, at least
``min_half_spread``. The centre moves down as the holding grows, so that a full
inventory buys lower and sells sooner. It never shorts: the sell is bounded by what
is held, and never below its cost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from POLYMARKET_MAKER.core.decision import (
    FIRST_QUOTE,
    NO_ASK,
    NO_BID,
    Decision,
    Stage,
    StageName,
    blocked_by_quote,
    passed,
    stopped,
)
from POLYMARKET_MAKER.core.exiting import (
    TAKE_S,
    Exit,
    exit_order,
    follow_exit,
    remember_exit,
    remembered_exit,
)
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo, Quote, Side
from POLYMARKET_MAKER.core.money import ceil_to_tick, floor_size, floor_to_tick
from POLYMARKET_MAKER.core.order import Position, Wanted, WantedOrder
from POLYMARKET_MAKER.core.window import Sample

SAMPLES = 60
"""Middle prices that the volatility is measured on."""


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the maker.

    Attributes:
        order_size: Shares of each order.
        inventory_limit: Most shares to hold; the buy stops there.
        volatility_window_s: Time over which the volatility is measured.
        spread_volatilities: Half spread in volatilities of one sampling interval.
        min_half_spread: Smallest half spread, in USD.
        skew: How many half spreads the centre moves down at a full inventory.
        max_buy_price: No buy at or above it.
        min_buy_price: No buy at or below it.
        post_only: Whether orders may never take.
        exit_slippage: How far below the first best bid an exit may sell, in USD.
        exit_take_s: How long an exit takes bids before what is left rests at its floor.
    """

    order_size: Decimal = Decimal(10)
    inventory_limit: Decimal = Decimal(30)
    volatility_window_s: float = 600.0
    spread_volatilities: Decimal = Decimal(2)
    min_half_spread: Decimal = Decimal("0.01")
    skew: Decimal = Decimal(1)
    max_buy_price: Decimal = Decimal("0.98")
    min_buy_price: Decimal = Decimal("0.02")
    post_only: bool = True
    exit_slippage: Decimal = Decimal("0.05")
    exit_take_s: float = TAKE_S


@dataclass(frozen=True, slots=True)
class BothSides:
    """The maker together with what it remembers.

    Attributes:
        params: Settings.
        mids: Middle prices, one for each sampling interval, oldest first.
        exit: The exit that is going on; None when none is.
    """

    params: Params
    mids: tuple[Sample, ...] = ()
    exit: Exit | None = None

    def memory(self) -> dict[str, str]:
        """Return the floor of an exit; volatility is measured anew after a restart."""
        return remember_exit(self.exit)

    def remembering(self, memory: Mapping[str, str]) -> Self:
        """Return the maker in the exit that an earlier run began, if it did."""
        return replace(self, exit=remembered_exit(memory))

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
        """Decide what should rest. See :class:`~POLYMARKET_MAKER.core.decision.Strategy`."""
        if (blocked := blocked_by_quote(aged)) is not None:
            return Decision(self, (), stopped(blocked, StageName.QUOTE))
        quote, grid = aged.quote, aged.quote.tick_size or market.tick_size
        after = self._observing(quote, now)
        held = floor_size(position.size)
        if exiting:
            slippage, take_s = self.params.exit_slippage, self.params.exit_take_s
            begun = follow_exit(self.exit, quote, held, grid, slippage=slippage, now=now)
            order, stage = exit_order(begun, quote, held, market, now=now, take_s=take_s)
            taken: Wanted = () if order is None else (order,)
            return Decision(replace(after, exit=begun), taken, stage)
        wanted, stage = after.quotes(quote, position, grid, sell_only=sell_only)
        return Decision(replace(after, exit=None), wanted, stage)

    def _observing(self, quote: Quote, now: float) -> Self:
        mid, interval_s = quote.mid, self.params.volatility_window_s / SAMPLES
        if mid is None or (self.mids and now - self.mids[-1].at < interval_s):
            return self
        recent = [each for each in self.mids if now - each.at < self.params.volatility_window_s]
        return replace(self, mids=(*recent[-SAMPLES:], Sample(now, mid)))

    def volatility(self) -> Decimal | None:
        """Return the root mean square change of the middle between two samples, in USD."""
        pairs = zip(self.mids[:-1], self.mids[1:], strict=True)
        changes = [(new.price - old.price) ** 2 for old, new in pairs]
        if not changes:
            return None
        return Decimal(str(math.sqrt(sum(changes) / len(changes))))

    def quotes(
        self, quote: Quote, position: Position, grid: Decimal, *, sell_only: bool
    ) -> tuple[Wanted, Stage]:
        """Return both orders around the middle, as far as there are reasons for them."""
        bid, ask, mid, volatility = quote.best_bid, quote.best_ask, quote.mid, self.volatility()
        if bid is None or ask is None or mid is None:
            return (), NO_BID if bid is None else NO_ASK
        if volatility is None:
            return (), FIRST_QUOTE
        params = self.params
        half = max(params.min_half_spread, params.spread_volatilities * volatility, grid)
        full = min(position.size / params.inventory_limit, Decimal(1))
        centre = mid - full * params.skew * half
        buy_price = floor_to_tick(min(centre - half, ask - grid), grid)
        least = max(centre + half, bid + grid, position.entry_price or grid)
        buy = None if sell_only else self._buy(buy_price, position)
        sell = self._sell(ceil_to_tick(least, grid), position)
        wanted = tuple(order for order in (buy, sell) if order is not None)
        if wanted:
            return wanted, passed("both_sides")
        return wanted, stopped("sell_only" if sell_only else "outside_band")

    def _buy(self, price: Decimal, position: Position) -> WantedOrder | None:
        params = self.params
        size = floor_size(min(params.order_size, params.inventory_limit - position.size))
        if size <= 0 or not params.min_buy_price < price < params.max_buy_price:
            return None
        return WantedOrder(Side.BUY, price, size, "make_bid", post_only=params.post_only)

    def _sell(self, price: Decimal | None, position: Position) -> WantedOrder | None:
        size = floor_size(min(self.params.order_size, position.size))
        if price is None or size <= 0:
            return None
        return WantedOrder(Side.SELL, price, size, "make_ask", post_only=self.params.post_only)
