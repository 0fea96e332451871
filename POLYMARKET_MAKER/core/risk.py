"""What may be done of what is wanted: health of the quote, switches, caps, grid and sizes.

Rules, in the order in which they are asked:

1. The *gate* (``core.gate``): may orders be placed at all?
2. Each wanted order by itself: a sell is never larger than what is held, a price
   is on the grid, nothing crosses an order of our own, the exchange takes the size.
3. Buys only: sell-only, daily loss, the caps. An exit or a sell is never held back
   by them; a buy that fits partly is made smaller.

Every refusal has a code; nothing disappears silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from POLYMARKET_MAKER.core.gate import ALL_OFF, Gate, Reason, Refusal, Switches, gate_of
from POLYMARKET_MAKER.core.model import ZERO, AgedQuote, MarketInfo, Side
from POLYMARKET_MAKER.core.money import (
    MARKETABLE_MINIMUM,
    ONE,
    SIZE_STEP,
    ceil_to_tick,
    floor_size,
    floor_to_tick,
    is_marketable,
    is_on_grid,
)
from POLYMARKET_MAKER.core.order import (
    OpenOrder,
    Position,
    TimeInForce,
    Wanted,
    WantedOrder,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps in USD; None means none.

    Attributes:
        max_notional_per_token: Resting buys and holdings of one token.
        max_notional_total: The same over all tokens, of all children.
        max_daily_loss: Loss since midnight UTC, realised and marked at the bid.
    """

    max_notional_per_token: Decimal | None = Decimal(25)
    max_notional_total: Decimal | None = Decimal(100)
    max_daily_loss: Decimal | None = Decimal(20)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is at stake apart from this token's own replaceable buys, in USD.

    Attributes:
        inventory: Cost of what is held of this token.
        unknown: Buys of this token that may exist: unknown, in flight, not settled.
        others: Holdings, resting and unknown buys of all other tokens, foreign orders too.
        day_result: Won (positive) or lost today, realised and marked.
    """

    inventory: Decimal = ZERO
    unknown: Decimal = ZERO
    others: Decimal = ZERO
    day_result: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Allowed:
    """Outcome of the check: what the reconciler may bring about.

    Attributes:
        gate: See :class:`Gate`; with KEEP and CANCEL there are no orders.
        orders: What may rest or take, as wanted or smaller; with REDUCE what may stay.
        refusals: Everything that was held back or made smaller.
    """

    gate: Gate
    orders: Wanted = ()
    refusals: tuple[Refusal, ...] = ()


def check(
    wanted: Wanted,
    aged: AgedQuote,
    position: Position,
    market: MarketInfo,
    *,
    limits: Limits,
    exposure: Exposure,
    distrusted_s: float,
    switches: Switches = ALL_OFF,
    resting: Sequence[OpenOrder] = (),
    sibling_orders: Sequence[OpenOrder] = (),
) -> Allowed:
    """Decide what of *wanted* may be done.

    Args:
        wanted: What the strategy wants.
        aged: The quote without our own size, with its age and health: orders on data
            of unknown age cannot be written down.
        position: What we hold; sells are bounded by it.
        market: Grid, smallest size.
        limits: The caps.
        exposure: What they are held against.
        distrusted_s: How long the quote has not been tradable.
        switches: Kill, pause, stop, sell-only.
        resting: Our open orders of this token.
        sibling_orders: Our open orders of the complementary token.
    """
    gate, refusal = gate_of(aged, market, switches, distrusted_s)
    if refusal is not None and gate is not Gate.REDUCE:
        return Allowed(gate, (), (refusal,))
    checker = _Checker(aged, position, market, limits, exposure, switches, resting, sibling_orders)
    orders: list[WantedOrder] = []
    refusals: list[Refusal] = [] if refusal is None else [refusal]
    for order in wanted:
        allowed, found = checker.check(order)
        refusals += found
        if allowed is not None:
            orders.append(allowed)
    return Allowed(gate, tuple(orders), tuple(refusals))


@dataclass(frozen=True, slots=True)
class _Checker:
    """The facts of one check, and the rules for a single order."""

    aged: AgedQuote
    position: Position
    market: MarketInfo
    limits: Limits
    exposure: Exposure
    switches: Switches
    resting: Sequence[OpenOrder]
    sibling_orders: Sequence[OpenOrder]

    def check(self, order: WantedOrder) -> tuple[WantedOrder | None, list[Refusal]]:
        """Return the order as it may be, or None, and what was held against it."""
        snapped = self._snap(order)
        if snapped is None:
            return None, [Refusal(Reason.OFF_GRID, order.side, f"price was {order.price}")]
        sized, refusals = self._bound(snapped)
        if sized is None:
            return None, refusals
        refusal = self._crossing(sized) or self._size(sized)
        if refusal is not None:
            return None, [*refusals, refusal]
        return sized, refusals

    def _snap(self, order: WantedOrder) -> WantedOrder | None:
        """Move the price to the grid of now, to the side that costs us nothing."""
        tick = self.aged.quote.tick_size or self.market.tick_size
        if is_on_grid(order.price, tick):
            return order
        if order.side is Side.BUY:
            price = floor_to_tick(order.price, tick)
            return replace(order, price=price) if price > 0 else None
        ceiled = ceil_to_tick(order.price, tick)
        return None if ceiled is None else replace(order, price=ceiled)

    def _bound(self, order: WantedOrder) -> tuple[WantedOrder | None, list[Refusal]]:
        """Make the order as small as holdings or caps demand."""
        if order.side is Side.SELL:
            room, reason = self.position.size, Reason.NOT_HELD
        elif self.switches.sell_only:
            return None, [Refusal(Reason.SELL_ONLY, Side.BUY)]
        elif (loss := self._loss_stop()) is not None:
            return None, [loss]
        else:
            notional, reason = self._room()
            room = order.size if notional is None else notional / order.price
        size = floor_size(min(order.size, room))
        if size == order.size:
            return order, []
        refusal = Refusal(reason, order.side, f"size was {order.size}, room is {max(size, ZERO)}")
        return (replace(order, size=size) if size > 0 else None), [refusal]

    def _loss_stop(self) -> Refusal | None:
        limit, result = self.limits.max_daily_loss, self.exposure.day_result
        if limit is None or -result < limit:
            return None
        return Refusal(Reason.DAILY_LOSS, Side.BUY, f"lost {-result:.2f} USD, limit is {limit}")

    def _room(self) -> tuple[Decimal | None, Reason]:
        """Return how much a buy may cost under the tighter cap; None when there is none."""
        limits, exposure = self.limits, self.exposure
        here = exposure.inventory + exposure.unknown
        rooms: list[tuple[Decimal, Reason]] = []
        if limits.max_notional_per_token is not None:
            rooms.append((limits.max_notional_per_token - here, Reason.CAP_TOKEN))
        if limits.max_notional_total is not None:
            room = limits.max_notional_total - here - exposure.others
            rooms.append((room, Reason.CAP_TOTAL))
        return min(rooms, default=(None, Reason.CAP_TOTAL))

    def _crossing(self, order: WantedOrder) -> Refusal | None:
        """Refuse what would trade with ourselves, or take although it must not."""
        quote = self.aged.quote
        if self.switches.venue == "post_only" and not order.post_only:
            return Refusal(Reason.VENUE, order.side, self.switches.venue)
        if order.post_only and is_marketable(order, quote.best_bid, quote.best_ask):
            return Refusal(Reason.WOULD_TAKE, order.side, f"price was {order.price}")
        buying = order.side is Side.BUY
        for own in self.resting:
            if own.side is not order.side and _reaches(order.price, own.price, buying=buying):
                return Refusal(Reason.CROSSES_OWN, order.side, f"ours rests at {own.price}")
        for own in self.sibling_orders:
            # A BUY at q on the complement is a SELL at 1 - q here.
            if own.side is order.side and _reaches(order.price, ONE - own.price, buying=buying):
                detail = f"ours rests at {own.price} on the complement"
                return Refusal(Reason.CROSSES_SIBLING, order.side, detail)
        return None

    def _size(self, order: WantedOrder) -> Refusal | None:
        """Hold the size against what the exchange takes."""
        quote = self.aged.quote
        if is_marketable(order, quote.best_bid, quote.best_ask):
            if order.price * order.size >= MARKETABLE_MINIMUM:
                return None
            detail = f"notional was {order.price * order.size:.2f} USD, at least 1 is needed"
            return Refusal(Reason.BELOW_ONE_DOLLAR, order.side, detail)
        smallest = max(self.market.min_order_size, SIZE_STEP)
        if order.size >= smallest or self._rests_already(order):
            return None
        detail = f"size was {order.size}, at least {smallest} can rest"
        return Refusal(Reason.TOO_SMALL, order.side, detail)

    def _rests_already(self, order: WantedOrder) -> bool:
        """Whether this is the rest of an order that was large enough when it was placed."""
        return order.time_in_force is TimeInForce.GTC and any(
            own.side is order.side and own.price == order.price for own in self.resting
        )


def _reaches(price: Decimal, other: Decimal, *, buying: bool) -> bool:
    return price >= other if buying else price <= other
