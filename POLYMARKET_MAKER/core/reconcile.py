"""From what is allowed and what is open to what is cancelled and placed now.

One order a side, never two: while an order of a side is open, being cancelled,
unknown or in flight, nothing is placed for that side. Replacing is therefore two
plans: the first cancels; the second, once the cancel is proven, places.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from POLYMARKET_MAKER.core.gate import Gate
from POLYMARKET_MAKER.core.model import ZERO, MarketInfo, Side
from POLYMARKET_MAKER.core.order import NewOrder, OpenOrder, TimeInForce, WantedOrder
from POLYMARKET_MAKER.core.risk import Allowed


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far an open order may be from what is wanted before it is replaced.

    A cancel and a new order cost the place in the queue and two requests; a small
    difference is not worth them. A sell larger than wanted is always replaced: it
    would sell what is not held. So is a buy dearer or larger than allowed.

    Attributes:
        price_ticks: Price difference in ticks, on the side that costs us nothing.
        size_ratio: Size that may be missing, as a share of the wanted size.
    """

    price_ticks: int = 0
    size_ratio: Decimal = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now. Cancels come first and depend on nothing.

    Attributes:
        cancel: Ids of our orders to cancel.
        place: Orders to sign and send; never for a side that is not free.
        waiting: Sides that want an order and are not free yet.
    """

    cancel: tuple[str, ...] = ()
    place: tuple[NewOrder, ...] = ()
    waiting: frozenset[Side] = frozenset()


def plan(
    allowed: Allowed,
    open_orders: Sequence[OpenOrder],
    market: MarketInfo,
    *,
    busy: Collection[Side] = (),
    cancelling: Collection[str] = (),
    tolerances: Tolerances = Tolerances(),
) -> Plan:
    """Compare what is allowed with what is open.

    Args:
        allowed: Outcome of the risk check.
        open_orders: Our orders of this token that may still trade.
        market: The token's market.
        busy: Sides with an order that is unknown, in flight or not settled.
        cancelling: Ids whose cancel was sent and is not proven; they are not sent again.
        tolerances: See :class:`Tolerances`.
    """
    if allowed.gate is Gate.KEEP:
        return Plan()
    cancel: list[str] = []
    place: list[NewOrder] = []
    waiting: set[Side] = set()
    for side in Side:
        ours = [order for order in open_orders if order.side is side]
        wanted = next((order for order in allowed.orders if order.side is side), None)
        kept = _kept(wanted, ours, market, tolerances, cancelling)
        cancel += [order.order_id for order in ours if order is not kept]
        if wanted is None or kept is not None or allowed.gate is not Gate.PLACE:
            continue
        if ours or side in busy:
            waiting.add(side)
        else:
            place.append(_new_order(wanted, market))
    to_send = tuple(order_id for order_id in cancel if order_id not in cancelling)
    return Plan(to_send, tuple(place), frozenset(waiting))


def _kept(
    wanted: WantedOrder | None,
    ours: Sequence[OpenOrder],
    market: MarketInfo,
    tolerances: Tolerances,
    cancelling: Collection[str],
) -> OpenOrder | None:
    """Return the oldest open order that is as good as the wanted one."""
    if wanted is None or wanted.time_in_force is not TimeInForce.GTC:
        return None
    good = [
        order
        for order in ours
        if order.order_id not in cancelling and _matches(wanted, order, market, tolerances)
    ]
    return min(good, key=lambda order: (order.created_at, order.order_id), default=None)


def _matches(
    wanted: WantedOrder, order: OpenOrder, market: MarketInfo, tolerances: Tolerances
) -> bool:
    worse = wanted.price - order.price if wanted.side is Side.BUY else order.price - wanted.price
    missing = wanted.size - order.remaining
    return (
        ZERO <= worse <= tolerances.price_ticks * market.tick_size
        and ZERO <= missing <= tolerances.size_ratio * wanted.size
    )


def _new_order(wanted: WantedOrder, market: MarketInfo) -> NewOrder:
    return NewOrder(
        market.token_id,
        wanted.side,
        wanted.price,
        wanted.size,
        wanted.time_in_force,
        wanted.post_only,
    )
