"""The second strategy rests on both sides, wider when it is wild, lower when it is full."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.decision import Decision
from POLYMARKET_MAKER.core.model import Side, TokenHealth
from POLYMARKET_MAKER.core.money import is_on_grid
from POLYMARKET_MAKER.core.order import Position
from POLYMARKET_MAKER.core.quote_both_sides import SAMPLES, BothSides, Params
from tests.support.trading import FLAT, MARKET, TOKEN, aged, holding

PARAMS = Params()


class Life:
    """The maker on its way through a market, one sample a tick."""

    def __init__(self, params: Params = PARAMS, **options: bool) -> None:
        self.strategy = BothSides(params)
        self.now = 0.0
        self.options = options

    def tick(self, bid: str | None, ask: str | None, position: Position = FLAT) -> Decision:
        self.now += 10.0
        decision = self.strategy.decide(aged(bid, ask), position, MARKET, self.now, **self.options)
        assert isinstance(decision.strategy, BothSides)
        self.strategy = decision.strategy
        return decision


def prices(decision: Decision) -> dict[Side, Decimal]:
    return {order.side: order.price for order in decision.wanted}


def test_a_calm_market_is_quoted_at_the_smallest_spread() -> None:
    life = Life()
    life.tick("0.49", "0.51")

    decision = life.tick("0.49", "0.51", holding("10", "0.40"))

    # A third full: the centre is a third of a half spread below the middle.
    assert prices(decision) == {Side.BUY: Decimal("0.48"), Side.SELL: Decimal("0.51")}


def test_a_wild_market_is_quoted_wider() -> None:
    calm, wild = Life(), Life()
    for step in range(10):
        calm.tick("0.49", "0.51")
        wild.tick("0.49", "0.51") if step % 2 else wild.tick("0.44", "0.46")

    calm_bid = prices(calm.tick("0.49", "0.51"))[Side.BUY]
    assert prices(wild.tick("0.49", "0.51"))[Side.BUY] < calm_bid


def test_a_full_inventory_buys_nothing_and_sells_sooner() -> None:
    life = Life()
    life.tick("0.47", "0.53")

    some = prices(life.tick("0.47", "0.53", holding("1", "0.40")))
    full = prices(life.tick("0.47", "0.53", holding("30", "0.40")))

    assert Side.BUY not in full
    assert full[Side.SELL] < some[Side.SELL]


def test_no_sell_below_cost() -> None:
    life = Life()
    life.tick("0.49", "0.51")

    assert prices(life.tick("0.49", "0.51", holding("30", "0.70")))[Side.SELL] == Decimal("0.70")


def test_nothing_is_quoted_without_both_sides_or_on_one_quote() -> None:
    life = Life()

    assert life.tick("0.49", "0.51").stage.reason == "first_quote"
    assert life.tick("0.49", None).stage.reason == "no_ask"
    assert life.tick(None, "0.51").stage.reason == "no_bid"


def test_sell_only_and_exit_buy_nothing() -> None:
    selling, exiting = Life(sell_only=True), Life(exiting=True)
    selling.tick("0.49", "0.51")

    assert set(prices(selling.tick("0.49", "0.51", holding("10")))) == {Side.SELL}
    order = exiting.tick("0.30", "0.51", holding("10")).wanted[0]
    assert (order.price, order.reason) == (Decimal("0.30"), "exit")


def test_an_untrusted_quote_wants_nothing() -> None:
    maker = BothSides(Params())
    decision = maker.decide(aged("0.4", "0.5", health=TokenHealth.STALE), FLAT, MARKET, 1.0)

    assert decision.wanted == ()
    assert decision.strategy == maker


def test_its_memory_is_bounded() -> None:
    life = Life()
    for _ in range(500):
        life.tick("0.49", "0.51")

    assert len(life.strategy.mids) <= SAMPLES + 1
    assert life.strategy.remembering(life.strategy.memory()) == life.strategy


@given(quotes=st.lists(st.tuples(st.integers(1, 98), st.integers(1, 30), st.integers(0, 40))))
def test_orders_are_on_the_grid_never_cross_the_market_and_sell_only_what_is_held(
    quotes: list[tuple[int, int, int]],
) -> None:
    life = Life()
    for bid, spread, held in quotes:
        ask = min(99, bid + spread)
        if ask == bid:
            continue
        position = Position(TOKEN, Decimal(held), Decimal("0.5")) if held else FLAT
        for order in life.tick(f"0.{bid:02d}", f"0.{ask:02d}", position).wanted:
            assert is_on_grid(order.price, Decimal("0.01"))
            if order.side is Side.BUY:
                assert order.price < Decimal(ask) / 100
                assert order.size + position.size <= 30
            else:
                assert order.price > Decimal(bid) / 100
                assert order.size <= position.size


def test_a_falling_bid_does_not_move_the_floor_of_its_exit() -> None:
    life, held = Life(exiting=True), holding("10")
    assert life.tick("0.30", "0.51", held).stage.reason == "exit"

    assert life.tick("0.25", "0.51", held).wanted[0].price == Decimal("0.25")
    below = life.tick("0.24", "0.51", held)
    assert (below.wanted, below.stage.reason) == ((), "exit_waits")


@pytest.mark.parametrize(
    "band",
    [
        replace(PARAMS, max_buy_price=Decimal("0.49")),
        replace(PARAMS, min_buy_price=Decimal("0.49")),
    ],
)
def test_nothing_is_bought_at_the_bounds_of_the_price_band(band: Params) -> None:
    free, bounded = Life(), Life(band)
    for life in (free, bounded):
        life.tick("0.49", "0.51")

    assert prices(free.tick("0.49", "0.51"))[Side.BUY] == Decimal("0.49")
    assert bounded.tick("0.49", "0.51").stage.reason == "outside_band"


@pytest.mark.parametrize("post_only", [True, False])
def test_both_orders_are_post_only_unless_it_is_switched_off(*, post_only: bool) -> None:
    life = Life(replace(PARAMS, post_only=post_only))
    life.tick("0.49", "0.51")

    orders = life.tick("0.49", "0.51", holding("10", "0.40")).wanted

    assert [order.post_only for order in orders] == [post_only, post_only]
