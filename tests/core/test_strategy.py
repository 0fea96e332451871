"""The volatility strategy buys drops, follows them, and never sells below its floor."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.decision import Decision, StageName
from POLYMARKET_MAKER.core.model import AgedQuote, Side, TokenHealth
from POLYMARKET_MAKER.core.money import fee_per_share, is_on_grid
from POLYMARKET_MAKER.core.order import Position, TimeInForce, WantedOrder
from POLYMARKET_MAKER.core.strategy import Params, SellMode, VolatilityStrategy
from tests.support.trading import FLAT, MARKET, TOKEN, aged, holding

PARAMS = Params(drop_pct=Decimal("0.05"), profit_pct=Decimal("0.04"), drop_window_s=600.0)


class Life:
    """A strategy on its way through a market, one tick a second unless told otherwise."""

    def __init__(self, params: Params = PARAMS, **options: bool) -> None:
        self.strategy: VolatilityStrategy = VolatilityStrategy.fresh(params)
        self.now = 0.0
        self.options = options
        self.market = MARKET

    def tick(
        self, bid: str | None, ask: str | None, position: Position = FLAT, *, after_s: float = 1.0
    ) -> Decision:
        return self.see(aged(bid, ask), position, after_s=after_s)

    def see(self, quote: AgedQuote, position: Position = FLAT, *, after_s: float = 1.0) -> Decision:
        self.now += after_s
        decision = self.strategy.decide(quote, position, self.market, self.now, **self.options)
        assert isinstance(decision.strategy, VolatilityStrategy)
        self.strategy = decision.strategy
        return decision


def fallen(params: Params = PARAMS) -> Life:
    """Return a life that has seen a middle of 0.60."""
    life = Life(params)
    life.tick("0.59", "0.61")
    return life


def only(decision: Decision) -> WantedOrder:
    assert len(decision.wanted) == 1, decision
    return decision.wanted[0]


def test_a_drop_from_the_high_is_bought_at_the_best_bid() -> None:
    decision = fallen().tick("0.49", "0.51")

    order = only(decision)
    assert (order.side, order.price, order.size) == (Side.BUY, Decimal("0.49"), Decimal(10))
    assert order.post_only
    assert decision.stage == (StageName.SIGNAL, True, "drop")


def test_a_smaller_drop_is_not_bought_and_says_so() -> None:
    decision = fallen().tick("0.57", "0.59")

    assert decision.wanted == ()
    assert decision.stage == (StageName.SIGNAL, False, "no_drop")


def test_one_quote_is_warmup() -> None:
    assert Life().tick("0.49", "0.51").stage == (StageName.WARMUP, False, "first_quote")


def test_a_missing_side_is_missing_not_a_drop_to_half() -> None:
    """The ancestor counted it as 0 and saw a fall of 50 %."""
    life = fallen()

    assert life.tick("0.59", None).stage.reason == "no_ask"
    assert life.tick(None, "0.61").stage.reason == "no_bid"
    assert life.tick("0.59", "0.61").stage.reason == "no_drop"


def test_a_bid_at_the_threshold_is_bought_without_a_drop_or_an_ask() -> None:
    life = Life(replace(PARAMS, buy_price_threshold=Decimal("0.30")))

    assert life.tick("0.31", None).wanted == ()
    order = only(life.tick("0.30", None))
    assert (order.price, order.reason) == (Decimal("0.30"), "threshold")


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ("0.80", "0.81", "bid_above_max"),
        ("0.10", "0.11", "bid_below_min"),
    ],
)
def test_nothing_is_bought_outside_the_price_band(bid: str, ask: str, reason: str) -> None:
    params = replace(
        PARAMS,
        max_buy_price=Decimal("0.80"),
        min_buy_price=Decimal("0.10"),
        buy_price_threshold=Decimal("0.99"),
    )

    assert Life(params).tick(bid, ask).stage.reason == reason


def test_nothing_is_bought_that_could_not_be_sold_at_a_profit() -> None:
    """0.96 and 4 % on top is 0.9984: the grid ends at 0.99."""
    params = replace(PARAMS, buy_price_threshold=Decimal("0.99"))

    assert Life(params).tick("0.96", "0.97").stage.reason == "no_room_for_profit"


def test_the_buy_follows_the_market_down_and_up() -> None:
    life = fallen()
    prices = [only(life.tick(bid, ask)).price for bid, ask in
              [("0.49", "0.51"), ("0.45", "0.47"), ("0.52", "0.54")]]  # fmt: skip

    assert prices == [Decimal("0.49"), Decimal("0.45"), Decimal("0.52")]


def test_the_buy_is_given_up_when_the_drop_is_gone() -> None:
    life = fallen()
    life.tick("0.49", "0.51")

    assert life.tick("0.58", "0.60").wanted == ()


def test_a_chase_ends_after_its_time_and_begins_anew_only_after_the_cause_went() -> None:
    life = fallen(replace(PARAMS, drop_window_s=1e6))
    life.tick("0.49", "0.51")
    assert life.tick("0.49", "0.51", after_s=600).wanted != ()

    assert life.tick("0.49", "0.51", after_s=1).stage.reason == "gave_up"
    assert life.tick("0.48", "0.50", after_s=600).stage.reason == "gave_up"
    life.tick("0.60", "0.61")
    assert only(life.tick("0.49", "0.51")).side is Side.BUY


def test_a_partial_buy_is_sold_while_the_rest_is_bought() -> None:
    life = fallen()
    life.tick("0.49", "0.51")

    decision = life.tick("0.49", "0.51", holding("6", "0.49"))

    assert [(order.side, order.size) for order in decision.wanted] == [
        (Side.BUY, Decimal(4)),
        (Side.SELL, Decimal(6)),
    ]


def test_what_was_sold_during_a_chase_is_not_bought_again() -> None:
    life = fallen()
    life.tick("0.49", "0.51")
    life.tick("0.49", "0.51", holding("8", "0.49"))

    decision = life.tick("0.49", "0.51", holding("5", "0.49"))

    assert [order.size for order in decision.wanted if order.side is Side.BUY] == [Decimal(2)]


def test_a_holding_is_not_added_to_by_a_new_drop() -> None:
    life = fallen()

    decision = life.tick("0.49", "0.51", holding("6", "0.60"))

    assert only(decision).side is Side.SELL


def test_dust_is_topped_up_to_the_target_by_the_next_buy() -> None:
    life = fallen()

    decision = life.tick("0.49", "0.51", holding("3", "0.60"))

    assert [order.size for order in decision.wanted if order.side is Side.BUY] == [Decimal(7)]


def test_a_target_below_the_smallest_order_is_raised_to_it() -> None:
    life = fallen(replace(PARAMS, order_size=Decimal(2)))

    assert only(life.tick("0.49", "0.51")).size == 5


def test_a_sell_rests_at_entry_plus_profit_rounded_up_to_the_grid() -> None:
    order = only(Life().tick("0.49", "0.51", holding("10", "0.511")))

    assert (order.side, order.price, order.size) == (Side.SELL, Decimal("0.54"), Decimal(10))


def test_a_sell_rests_at_the_ask_when_that_is_higher() -> None:
    assert only(Life().tick("0.55", "0.60", holding("10", "0.50"))).price == Decimal("0.60")


def test_a_sell_never_takes_a_bid_above_its_floor_it_rests_above_it() -> None:
    assert only(Life().tick("0.55", None, holding("10", "0.50"))).price == Decimal("0.56")


def test_an_unfilled_sell_comes_down_step_by_step_to_its_floor() -> None:
    life = Life()
    held = holding("10", "0.50")
    prices = [only(life.tick("0.40", "0.55", held, after_s=after_s)).price
              for after_s in (1, 299, 2, 300, 300, 3000)]  # fmt: skip

    assert prices == [Decimal(text) for text in ("0.55", "0.55", "0.54", "0.53", "0.52", "0.52")]


def test_a_conservative_sell_waits_while_the_ask_is_below_its_floor() -> None:
    life = Life(replace(PARAMS, sell_mode=SellMode.CONSERVATIVE))
    held = holding("10", "0.50")

    assert life.tick("0.40", "0.51", held).stage.reason == "ask_below_floor"
    assert only(life.tick("0.40", "0.52", held)).price == Decimal("0.52")


def test_an_inactive_sell_is_withdrawn_until_the_market_moves() -> None:
    life = Life(replace(PARAMS, sell_inactive_s=3600.0))
    held = holding("10", "0.50")
    life.tick("0.40", "0.42", held)

    assert life.tick("0.40", "0.42", held, after_s=3601).stage.reason == "sell_inactive"
    assert life.tick("0.40", "0.42", held, after_s=3601).wanted == ()
    assert only(life.tick("0.42", "0.44", held)).side is Side.SELL


def test_dust_is_taken_to_the_bid_only_when_it_pays_after_fees() -> None:
    life = Life()
    life.market = replace(MARKET, fee_rate=Decimal("0.04"))
    dust = holding("3", "0.50")

    assert only(life.tick("0.52", "0.55", dust)).reason == "dust"
    order = only(life.tick("0.53", "0.55", dust))
    assert (order.time_in_force, order.price) == (TimeInForce.FAK, Decimal("0.53"))
    assert order.price - fee_per_share(order.price, life.market) >= Decimal("0.52")


def test_dust_worth_less_than_a_dollar_is_never_taken() -> None:
    assert only(Life().tick("0.30", "0.32", holding("3", "0.20"))).reason == "dust"


def test_a_completed_sell_raises_the_needed_drop_up_to_the_cap_and_forgets_the_window() -> None:
    params = replace(
        PARAMS,
        enable_incremental_drop_pct=True,
        incremental_drop_pct_step=Decimal("0.1"),
    )
    life = fallen(params)
    for expected in ("0.15", "0.20", "0.20"):
        life.tick("0.55", "0.57", holding("10"))
        life.tick("0.55", "0.57")
        assert life.strategy.memory() == {"drop_pct": expected}

    assert life.strategy.state.window.high == Decimal("0.56")


def test_the_raised_drop_survives_a_restart() -> None:
    params = replace(PARAMS, enable_incremental_drop_pct=True)
    reborn = VolatilityStrategy.fresh(params).remembering({"drop_pct": "0.12", "later": "x"})

    assert reborn.state.drop_pct == Decimal("0.12")
    assert VolatilityStrategy.fresh(PARAMS).remembering({"drop_pct": "0.12"}).memory() == {
        "drop_pct": "0.05"
    }


def test_sell_only_keeps_selling_and_stops_buying() -> None:
    life = fallen()
    life.tick("0.49", "0.51")
    life.options = {"sell_only": True}

    assert life.tick("0.49", "0.51").stage.reason == "sell_only"
    assert only(life.tick("0.49", "0.51", holding("6", "0.49"))).side is Side.SELL


def test_an_exit_sells_at_the_bid_at_once_whatever_it_cost() -> None:
    order = only(Life(exiting=True).tick("0.30", "0.32", holding("10", "0.50")))

    assert (order.side, order.price, order.time_in_force) == (
        Side.SELL, Decimal("0.30"), TimeInForce.FAK,
    )  # fmt: skip


def test_an_exit_waits_two_minutes_below_its_floor_and_then_rests_there() -> None:
    life = Life(exiting=True)
    life.tick("0.30", "0.32", holding("10", "0.50"))

    assert only(life.tick("0.25", "0.32", holding("8", "0.50"))).reason == "exit"
    assert life.tick("0.24", "0.32", holding("8", "0.50")).stage.reason == "exit_waits"
    order = only(life.tick("0.24", "0.32", holding("8", "0.50"), after_s=120))
    assert (order.price, order.time_in_force) == (Decimal("0.25"), TimeInForce.GTC)


def test_an_exit_keeps_its_floor_over_a_restart() -> None:
    life = Life(exiting=True)
    life.tick("0.30", "0.32", holding("10", "0.50"))

    life.strategy = VolatilityStrategy.fresh(PARAMS).remembering(life.strategy.memory())

    assert life.tick("0.10", "0.32", holding("10", "0.50")).wanted == ()
    order = only(life.tick("0.10", "0.32", holding("10", "0.50"), after_s=120))
    assert order.price == Decimal("0.25")
    life.options = {}
    life.tick("0.10", "0.32", holding("10", "0.50"))
    assert life.strategy.memory() == {"drop_pct": "0.05"}


def test_an_exit_without_a_bid_waits_for_one() -> None:
    life = Life(exiting=True)

    assert life.tick(None, "0.32", holding("10")).stage == (StageName.SIGNAL, False, "no_bid")
    assert only(life.tick("0.02", "0.32", holding("60"))).price == Decimal("0.02")
    assert only(life.tick(None, "0.32", holding("60"), after_s=120)).price == Decimal("0.01")


def test_a_quote_that_is_not_trusted_teaches_nothing() -> None:
    life = fallen()
    before = life.strategy

    decision = life.see(aged("0.20", "0.22", health=TokenHealth.RESYNC))

    assert decision == (before, (), (StageName.QUOTE, False, "resync"))


cents = st.one_of(st.none(), st.integers(1, 99))


@given(
    quotes=st.lists(st.tuples(cents, cents, st.integers(0, 1500), st.floats(0, 900)), max_size=40),
    entry=st.integers(100, 990),
    post_only=st.booleans(),
    mode=st.sampled_from(SellMode),
)
def test_every_wanted_order_keeps_the_rules(
    quotes: list[tuple[int | None, int | None, int, float]],
    entry: int,
    post_only: bool,  # noqa: FBT001 - hypothesis passes by name
    mode: SellMode,
) -> None:
    """On the grid, never selling what is not held, never below cost plus profit."""
    life = Life(replace(PARAMS, post_only=post_only, sell_mode=mode))
    cost = Decimal(entry) / 1000
    for bid, ask, held, gap in quotes:
        position = Position(TOKEN, Decimal(held) / 100, cost) if held else FLAT
        texts = [None if each is None else f"0.{each:02d}" for each in (bid, ask)]
        decision = life.tick(texts[0], texts[1], position, after_s=gap)

        sides = [order.side for order in decision.wanted]
        assert len(sides) == len(set(sides))
        for order in decision.wanted:
            assert is_on_grid(order.price, Decimal("0.01"))
            assert order.size > 0
            assert order.size % Decimal("0.01") == 0
            assert order.side is Side.BUY or order.size <= position.size
            assert order.side is Side.BUY or order.price >= cost * Decimal("1.04")
            assert order.side is Side.SELL or f"{order.price}" == texts[0]
            assert order.side is Side.SELL or order.size <= 15


def test_prices_that_a_coarser_grid_does_not_hold_give_way_to_the_side_that_costs_nothing() -> None:
    """A buy goes down to the grid, a sell up; a quote may be older than a change of the tick."""
    life = fallen()

    assert only(life.see(aged("0.475", "0.52"))).price == Decimal("0.47")
    assert only(Life().see(aged("0.40", "0.615"), holding("10"))).price == Decimal("0.62")


@pytest.mark.parametrize("post_only", [True, False])
def test_what_rests_is_post_only_unless_it_is_switched_off(*, post_only: bool) -> None:
    params = replace(PARAMS, post_only=post_only)

    assert only(fallen(params).tick("0.49", "0.51")).post_only is post_only
    assert only(Life(params).tick("0.40", "0.42", holding("10"))).post_only is post_only


def test_a_tick_that_is_like_the_last_one_leaves_the_strategy_the_same_object() -> None:
    """Whoever keeps its memory sees by that, without a look, that there is nothing to write."""
    life = fallen()
    life.tick("0.59", "0.61", after_s=0.1)
    before = life.strategy

    life.tick("0.59", "0.61", after_s=0.1)
    assert life.strategy is before

    life.tick("0.58", "0.60", after_s=3.0)
    assert life.strategy is not before
