"""Risk and reconcile are asked again only when one of the facts they know is another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from POLYMARKET_MAKER.core.gate import Switches
from POLYMARKET_MAKER.core.model import AgedQuote, Quote, Side, TokenHealth
from POLYMARKET_MAKER.core.order import Position, TimeInForce, Wanted, WantedOrder
from POLYMARKET_MAKER.core.reconcile import plan
from POLYMARKET_MAKER.core.risk import Exposure, Limits, check
from POLYMARKET_MAKER.ledger import TokenView
from POLYMARKET_MAKER.outlook import Surroundings
from POLYMARKET_MAKER.trading import Facts
from tests.support.trading import FLAT, MARKET, aged, holding, quote, resting

COMPARED = {"best_bid", "best_ask", "tick_size", "is_crossed"}
"""What :class:`Facts` compares of a quote; whether it is crossed follows from its top."""
BUY = WantedOrder(Side.BUY, Decimal("0.49"), Decimal(10), "drop")
TAKE = WantedOrder(Side.SELL, Decimal("0.49"), Decimal(5), "exit", TimeInForce.FAK, post_only=False)
AROUND = Surroundings(
    TokenView(FLAT, (), (), (), Exposure()),
    (),
    Switches(),
    exiting=False,
    busy=frozenset(),
    cancelling=frozenset(),
)
FACTS = Facts((BUY,), aged("0.49", "0.51"), MARKET, AROUND, 0.0)


class Watched:
    """A quote that notes what is asked of it."""

    def __init__(self, watched: Quote) -> None:
        self._watched = watched
        self.asked: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.asked.add(name)
        return getattr(self._watched, name)


def decisions() -> Iterator[tuple[Wanted, Position, tuple[str, ...]]]:
    """Yield what may be wanted and held, and what rests on both sides."""
    sell = WantedOrder(Side.SELL, Decimal("0.52"), Decimal(10), "take_profit")
    for wanted in ((), (BUY,), (TAKE,), (BUY, sell), (replace(BUY, price=Decimal("0.515")),)):
        for position in (FLAT, holding("10")):
            yield wanted, position, ()
            yield wanted, position, ("0.49", "0.52")


def test_risk_and_reconcile_ask_a_tradable_quote_only_for_what_is_compared() -> None:
    """Who lets them read more must have :class:`Facts` compare it."""
    watched = Watched(quote("0.49", "0.51"))
    seen = AgedQuote(watched, float("nan"), TokenHealth.LIVE, aged("0.49", "0.51").source)  # type: ignore[arg-type]
    for wanted, position, prices in decisions():
        orders = tuple(
            resting(f"o{price}", side, price, "10")
            for side, price in zip((Side.BUY, Side.SELL), prices, strict=False)
        )
        allowed = check(
            wanted,
            seen,
            position,
            MARKET,
            limits=Limits(Decimal(3), Decimal(3), Decimal(1)),
            exposure=Exposure(),
            distrusted_s=0.0,
            resting=orders,
            sibling_orders=orders,
        )
        plan(allowed, orders, MARKET)

    assert watched.asked == COMPARED


def test_another_age_and_other_sizes_are_the_same_facts() -> None:
    later = structs.replace(
        FACTS.aged.quote, bids=(), asks=(), seq=9, received_at=0.0, event_type="price_change"
    )
    same = FACTS._replace(aged=replace(FACTS.aged, quote=later, age_s=3.0))

    assert same.are_those_of(FACTS)


@pytest.mark.parametrize(
    "other",
    [
        FACTS._replace(wanted=()),
        FACTS._replace(wanted=(replace(BUY, size=Decimal(9)),)),
        FACTS._replace(aged=aged("0.48", "0.51")),
        FACTS._replace(aged=aged("0.49", "0.50")),
        FACTS._replace(aged=aged("0.49", None)),
        FACTS._replace(aged=aged("0.49", "0.51", tick="0.001")),
        FACTS._replace(aged=aged("0.49", "0.51", health=TokenHealth.QUIET)),
        FACTS._replace(market=replace(MARKET, tick_size=Decimal("0.001"))),
        FACTS._replace(around=replace(AROUND, exiting=True)),
    ],
)
def test_facts_that_may_lead_elsewhere_are_others(other: Facts) -> None:
    assert not other.are_those_of(FACTS)


def test_a_quote_that_may_not_be_traded_on_is_judged_anew_each_time() -> None:
    """How long what rests is kept depends on the time since it was tradable."""
    doubtful = FACTS._replace(aged=aged("0.49", "0.51", health=TokenHealth.SUSPECT))

    assert not doubtful.are_those_of(doubtful)
