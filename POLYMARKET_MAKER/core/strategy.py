"""Volatility arbitrage: buy a sharp drop at the best bid, sell the recovery at a profit.

FLAT (nothing held that could rest as a sell): when the middle of the quote has
fallen by ``drop_pct`` from the high of the window, or the bid is at or below
``buy_price_threshold``, a *chase* begins: a buy rests at the best bid and follows
it up and down. The chase ends when its target is held, when its cause is gone, or
after ``max_chase_s``; after that the cause must go away before a new one begins.

LONG: what is held rests as a sell at no less than entry x (1 + ``profit_pct``), also
while a chase goes on. What is too small to rest is sold at once when the bid pays
the same after taker fees; else it waits and is sold with the next buy.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Self

import msgspec
from msgspec.structs import replace

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
    exit_order,
    follow_exit,
    remember_exit,
    remembered_exit,
    take_bid,
)
from POLYMARKET_MAKER.core.model import ZERO, AgedQuote, MarketInfo, Quote, Side
from POLYMARKET_MAKER.core.money import (
    ONE,
    SIZE_STEP,
    ceil_size,
    ceil_to_tick,
    floor_size,
    floor_to_tick,
    taker_floor,
)
from POLYMARKET_MAKER.core.order import Position, Wanted, WantedOrder
from POLYMARKET_MAKER.core.volatility import Chase, Holding, Params, SellMode, State
from POLYMARKET_MAKER.core.window import HighWindow

__all__ = ["Params", "SellMode", "VolatilityStrategy"]


class VolatilityStrategy(msgspec.Struct, frozen=True):
    """The volatility strategy together with what it remembers."""

    params: Params
    state: State

    @classmethod
    def fresh(cls, params: Params) -> Self:
        """Return the strategy as it is before its first quote."""
        return cls(params, State(HighWindow(params.drop_window_s), params.drop_pct))

    def memory(self) -> dict[str, str]:
        """Return the drop in force, which sells may have raised, and the floor of an exit."""
        return {"drop_pct": str(self.state.drop_pct)} | remember_exit(self.state.exit)

    def remembering(self, memory: Mapping[str, str]) -> Self:
        """Return the strategy as an earlier run left it, within today's settings."""
        state = replace(self.state, exit=remembered_exit(memory))
        if "drop_pct" in memory and self.params.enable_incremental_drop_pct:
            bounded = min(Decimal(memory["drop_pct"]), self.params.drop_pct_cap)
            state = replace(state, drop_pct=max(self.params.drop_pct, bounded))
        return replace(self, state=state)

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
        tick = _Tick(self.params, aged.quote, position, market, now)
        state = tick.observe(self.state)
        if exiting:
            state, sell, stage = tick.exit(state)
            return Decision(self._in(state), _given(sell), stage)
        if state.exit is not None:
            state = replace(state, exit=None)
        if sell_only:
            state, buy = replace(state, chase=None), None
            stage = stopped("sell_only")
        else:
            state, buy, stage = tick.buy(state)
        sell, sell_stage = tick.sell(state)
        if sell_stage is not None and not stage.passed:
            stage = sell_stage  # a buy in force says most; without one the holding speaks
        return Decision(self._in(state), _given(buy, sell), stage)

    def _in(self, state: State) -> VolatilityStrategy:
        """Return the strategy with *state*: itself where that is its own."""
        return self if state is self.state else VolatilityStrategy(self.params, state)


class _Tick(msgspec.Struct, frozen=True):
    """One decision: the facts of this moment, and the questions asked of them."""

    params: Params
    quote: Quote
    position: Position
    market: MarketInfo
    now: float

    @property
    def grid(self) -> Decimal:
        return self.quote.tick_size or self.market.tick_size

    @property
    def held(self) -> Decimal:
        """Shares that an order could sell."""
        return floor_size(self.position.size) if self.position.size else ZERO

    @property
    def smallest(self) -> Decimal:
        """Smallest size that may rest."""
        return max(self.market.min_order_size, SIZE_STEP)

    def observe(self, state: State) -> State:
        """Take in what is held and the quote; notice that a round trip is complete."""
        if self.held >= self.smallest:
            state = replace(state, holding=self._holding(state.holding))
        elif state.holding is not None:
            state = self._after_round_trip(state)
        mid = self.quote.mid
        if mid is None or (window := state.window.add(self.now, mid)) is state.window:
            return state
        return replace(state, window=window)

    def _holding(self, before: Holding | None) -> Holding:
        """Follow what is held, and whether anything happens to it."""
        if before is None or before.size != self.held:
            return Holding(self.held, self.now)
        mid = self.quote.mid
        if not self._is_inactive(before) or mid is None:
            return before
        if before.quiet_mid is None:
            return replace(before, quiet_mid=mid)
        return Holding(self.held, self.now) if abs(mid - before.quiet_mid) >= self.grid else before

    def _after_round_trip(self, state: State) -> State:
        raised = state.drop_pct
        if self.params.enable_incremental_drop_pct:
            raised = min(raised + self.params.incremental_drop_pct_step, self.params.drop_pct_cap)
            raised = max(raised, state.drop_pct)  # a cap below the setting does not lower it
        window = HighWindow(self.params.drop_window_s)
        return replace(
            state, window=window, drop_pct=raised, chase=None, gave_up=False, holding=None
        )

    # -- buying

    def buy(self, state: State) -> tuple[State, WantedOrder | None, Stage]:
        """Begin, follow or give up a chase."""
        cause, stage = self._cause(state)
        if cause is None:
            if state.chase is not None or state.gave_up:
                state = replace(state, chase=None, gave_up=False)
            return state, None, stage
        if state.gave_up:
            return state, None, stopped("gave_up")
        if state.chase is None and self.held >= self.smallest:
            return state, None, stopped("holding")
        bid = self.quote.best_bid
        assert bid is not None  # every cause needs one
        chase = self._followed(state.chase, bid)
        if self.now - chase.since > self.params.max_chase_s:
            stage = stopped("gave_up")
            return replace(state, chase=None, gave_up=True), None, stage
        state = replace(state, chase=chase)
        missing = floor_size(chase.target - chase.peak)
        if missing <= 0:
            return state, None, stopped("target_held")
        order = WantedOrder(
            Side.BUY, floor_to_tick(bid, self.grid), missing, cause, post_only=self.params.post_only
        )
        return state, order, passed(cause)

    def _cause(self, state: State) -> tuple[str | None, Stage]:
        """Return the cause to buy, or None and what stops us."""
        bid, mid, threshold = self.quote.best_bid, self.quote.mid, self.params.buy_price_threshold
        if bid is None:
            return None, NO_BID
        if (outside := self._outside_band(bid)) is not None:
            return None, stopped(outside)
        if threshold is not None and bid <= threshold:
            return "threshold", passed("threshold")
        if mid is None:
            return None, NO_ASK
        if state.window.drop(mid) >= state.drop_pct:
            return "drop", passed("drop")
        return None, FIRST_QUOTE if state.window.count < 2 else stopped("no_drop")  # noqa: PLR2004 - one price has no drop

    def _outside_band(self, bid: Decimal) -> str | None:
        """Return why nothing is bought at this price, whatever the cause."""
        if bid >= self.params.max_buy_price:
            return "bid_above_max"
        if bid <= self.params.min_buy_price:
            return "bid_below_min"
        highest = ceil_to_tick(bid * (ONE + self.params.profit_pct), self.grid)
        return "no_room_for_profit" if highest is None else None

    def _followed(self, chase: Chase | None, bid: Decimal) -> Chase:
        if chase is None:
            size = self.params.order_size
            if size is None:
                size = (ONE / bid).to_integral_value(rounding=ROUND_CEILING)
            target = max(size, ceil_size(self.position.size + self.smallest))
            return Chase(self.now, target, self.position.size)
        return replace(chase, peak=max(chase.peak, self.position.size))

    # -- selling

    def sell(self, state: State) -> tuple[WantedOrder | None, Stage | None]:
        """Offer what is held; (None, None) when nothing is."""
        if self.held <= 0 or self.position.entry_price is None:
            return None, None
        net = self.position.entry_price * (ONE + self.params.profit_pct)
        if self.held < self.smallest and (taken := self._take_if_paid(net)) is not None:
            return taken, passed(taken.reason)
        floor = ceil_to_tick(net, self.grid)
        if floor is None:
            return None, stopped("no_price_pays")
        if (withheld := self._withheld(floor, state)) is not None:
            return None, stopped(withheld)
        price = self._sell_price(floor, state)
        if price is None:  # the bid is at the top of the grid: nothing can rest above it
            taken = self._take_if_paid(net)
            return taken, stopped("no_price_pays") if taken is None else passed(taken.reason)
        # Risk keeps what is too small to place but rests already: the rest of a larger sell.
        reason = "take_profit" if self.held >= self.smallest else "dust"
        order = WantedOrder(Side.SELL, price, self.held, reason, post_only=self.params.post_only)
        return order, stopped(reason) if reason == "dust" else passed(reason)

    def _withheld(self, floor: Decimal, state: State) -> str | None:
        """Return why the sell is not shown at the moment."""
        if state.holding is not None and self._is_inactive(state.holding):
            return "sell_inactive"
        ask = self.quote.best_ask
        conservative = self.params.sell_mode is SellMode.CONSERVATIVE
        return "ask_below_floor" if conservative and ask is not None and ask < floor else None

    def _sell_price(self, floor: Decimal, state: State) -> Decimal | None:
        """Return the price of the resting sell, at least *floor* and above the bid."""
        bid, ask, grid = self.quote.best_bid, self.quote.best_ask, self.grid
        price = max(floor, ask or floor)
        if self.params.sell_mode is SellMode.AGGRESSIVE and state.holding is not None:
            steps = int((self.now - state.holding.since) / self.params.sell_step_s)
            price = max(floor, price - steps * max(self.params.sell_step, grid))
        if bid is not None:
            price = max(price, bid + grid)
        return ceil_to_tick(price, grid)

    def _is_inactive(self, holding: Holding) -> bool:
        limit_s = self.params.sell_inactive_s
        return limit_s > 0 and self.now - holding.since > limit_s

    def _take_if_paid(self, net: Decimal) -> WantedOrder | None:
        """Sell at the bid, when it leaves *net* a share after taker fees."""
        bid, floor = self.quote.best_bid, taker_floor(net, self.market, self.grid)
        if bid is None or floor is None or bid < floor:
            return None
        return take_bid(self.quote, self.held, "take_profit")

    def exit(self, state: State) -> tuple[State, WantedOrder | None, Stage]:
        """Sell what is held, at no less than the exit floor."""
        slippage, take_s = self.params.exit_slippage, self.params.exit_take_s
        begun = follow_exit(
            state.exit, self.quote, self.held, self.grid, slippage=slippage, now=self.now
        )
        order, stage = exit_order(
            begun, self.quote, self.held, self.market, now=self.now, take_s=take_s
        )
        return replace(state, chase=None, exit=begun), order, stage


def _given(*orders: WantedOrder | None) -> Wanted:
    return tuple(order for order in orders if order is not None)
