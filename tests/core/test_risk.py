"""What is wanted meets what is allowed; every refusal has its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.gate import Gate, Reason, Refusal, Switches
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo, Side, TokenHealth
from POLYMARKET_MAKER.core.money import is_on_grid
from POLYMARKET_MAKER.core.order import OpenOrder, Position, TimeInForce, Wanted, WantedOrder
from POLYMARKET_MAKER.core.risk import Allowed, Exposure, Limits, check
from tests.support.trading import FLAT, MARKET, SIBLING, TOKEN, aged, holding, resting

BUY, SELL = Side.BUY, Side.SELL


def wants(side: Side, price: str, size: str, **options: bool) -> WantedOrder:
    return WantedOrder(side, Decimal(price), Decimal(size), "test", **options)  # type: ignore[arg-type]


def taking(side: Side, price: str, size: str) -> WantedOrder:
    return replace(wants(side, price, size), time_in_force=TimeInForce.FAK, post_only=False)


LIMITS, NOTHING, ON = Limits(), Exposure(), Switches()


def checked(
    *wanted: WantedOrder,
    quote: AgedQuote | None = None,
    position: Position = FLAT,
    market: MarketInfo = MARKET,
    limits: Limits = LIMITS,
    exposure: Exposure = NOTHING,
    distrusted_s: float = 0.0,
    switches: Switches = ON,
    own: Sequence[OpenOrder] = (),
    sibling: Sequence[OpenOrder] = (),
) -> Allowed:
    return check(
        wanted,
        quote or aged("0.49", "0.51"),
        position,
        market,
        limits=limits,
        exposure=exposure,
        distrusted_s=distrusted_s,
        switches=switches,
        resting=own,
        sibling_orders=sibling,
    )


def reasons(allowed: Allowed) -> list[Reason]:
    return [refusal.reason for refusal in allowed.refusals]


def test_what_keeps_all_rules_is_allowed_as_it_is() -> None:
    wanted = (wants(BUY, "0.49", "10"), wants(SELL, "0.55", "7"))

    assert checked(*wanted, position=holding("7")) == Allowed(Gate.PLACE, wanted)


@pytest.mark.parametrize(
    ("health", "for_s", "gate"),
    [
        (TokenHealth.LIVE, 0, Gate.PLACE),
        (TokenHealth.QUIET, 9999, Gate.PLACE),
        (TokenHealth.SUSPECT, 10, Gate.KEEP),
        (TokenHealth.SUSPECT, 10.1, Gate.CANCEL),
        (TokenHealth.RESYNC, 5, Gate.KEEP),
        (TokenHealth.RESYNC, 5.1, Gate.CANCEL),
        (TokenHealth.PENDING, 0, Gate.CANCEL),
        (TokenHealth.STALE, 0, Gate.CANCEL),
        (TokenHealth.CLOSED, 0, Gate.CANCEL),
    ],
)
def test_the_health_of_the_quote_decides_about_placing_keeping_and_cancelling(
    health: TokenHealth, for_s: float, gate: Gate
) -> None:
    """The table of architecture.md, Health; sells and exits are no exception."""
    allowed = checked(
        taking(SELL, "0.49", "10"),
        quote=aged("0.49", "0.51", health=health),
        position=holding("10"),
        distrusted_s=for_s,
    )

    assert allowed.gate is gate
    assert bool(allowed.orders) is (gate is Gate.PLACE)


@pytest.mark.parametrize(
    ("switches", "gate", "reason"),
    [
        (Switches(killed=True), Gate.CANCEL, Reason.KILLED),
        (Switches(paused=True), Gate.CANCEL, Reason.PAUSED),
        (Switches(stopping=True), Gate.CANCEL, Reason.STOPPING),
    ],
)
def test_switches_act_before_everything_else(
    switches: Switches, gate: Gate, reason: Reason
) -> None:
    allowed = checked(wants(BUY, "0.49", "10"), switches=switches)

    assert allowed == Allowed(gate, (), (Refusal(reason),))


@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        (Switches(account_fresh=False), Reason.ACCOUNT_STALE),
        (Switches(breaker_open=True), Reason.BREAKER),
        (Switches(venue="cancel_only"), Reason.VENUE),
        (Switches(venue="unreachable"), Reason.VENUE),
    ],
)
def test_when_nothing_can_be_sent_what_is_still_wanted_may_stay(
    switches: Switches, reason: Reason
) -> None:
    wanted = wants(BUY, "0.49", "10")

    assert checked(wanted, switches=switches) == Allowed(
        Gate.REDUCE, (wanted,), (Refusal(reason, None, allowed_detail(switches)),)
    )


def allowed_detail(switches: Switches) -> str:
    return "" if switches.venue == "ok" else switches.venue


def test_a_restarting_exchange_takes_post_only_orders_alone() -> None:
    allowed = checked(
        wants(BUY, "0.49", "10"),
        taking(SELL, "0.49", "10"),
        position=holding("10"),
        switches=Switches(venue="post_only"),
    )

    assert [order.side for order in allowed.orders] == [BUY]
    assert reasons(allowed) == [Reason.VENUE]


def test_kill_wins_over_a_health_that_would_keep() -> None:
    quote = aged("0.49", "0.51", health=TokenHealth.SUSPECT)

    assert checked(quote=quote, switches=Switches(killed=True)).gate is Gate.CANCEL


def test_a_crossed_quote_keeps_what_rests_and_places_nothing() -> None:
    allowed = checked(wants(BUY, "0.49", "10"), quote=aged("0.52", "0.51"))

    assert (allowed.gate, reasons(allowed)) == (Gate.KEEP, [Reason.CROSSED])


def test_a_closed_market_cancels() -> None:
    assert checked(market=replace(MARKET, closed=True)).gate is Gate.CANCEL


def test_sell_only_refuses_buys_and_lets_sells_through() -> None:
    allowed = checked(
        wants(BUY, "0.49", "10"),
        wants(SELL, "0.55", "10"),
        position=holding("10"),
        switches=Switches(sell_only=True),
    )

    assert [order.side for order in allowed.orders] == [SELL]
    assert reasons(allowed) == [Reason.SELL_ONLY]


def test_a_buy_shrinks_to_the_room_under_the_cap_of_its_token() -> None:
    exposure = Exposure(inventory=Decimal(15), unknown=Decimal(5))

    allowed = checked(wants(BUY, "0.49", "20"), exposure=exposure)

    assert [order.size for order in allowed.orders] == [Decimal("10.20")]
    assert reasons(allowed) == [Reason.CAP_TOKEN]


def test_the_total_cap_counts_what_other_children_have() -> None:
    allowed = checked(wants(BUY, "0.49", "20"), exposure=Exposure(others=Decimal(99)))

    assert allowed.orders == ()
    assert reasons(allowed) == [Reason.CAP_TOTAL, Reason.TOO_SMALL]


def test_over_the_cap_there_is_no_room_at_all() -> None:
    allowed = checked(wants(BUY, "0.49", "20"), exposure=Exposure(inventory=Decimal(26)))

    assert allowed.orders == ()
    assert allowed.refusals == (Refusal(Reason.CAP_TOKEN, BUY, "size was 20, room is 0"),)


def test_without_caps_nothing_is_cut() -> None:
    allowed = checked(
        wants(BUY, "0.49", "100000"),
        limits=Limits(None, None, None),
        exposure=Exposure(Decimal(10**6), day_result=Decimal(-(10**6))),
    )

    assert allowed.refusals == ()


def test_the_daily_loss_stops_buys_and_never_sells() -> None:
    allowed = checked(
        wants(BUY, "0.49", "10"),
        wants(SELL, "0.55", "10"),
        position=holding("10"),
        exposure=Exposure(inventory=Decimal(500), day_result=Decimal(-20)),
    )

    assert [order.side for order in allowed.orders] == [SELL]
    assert allowed.refusals == (Refusal(Reason.DAILY_LOSS, BUY, "lost 20.00 USD, limit is 20"),)


def test_a_loss_below_the_limit_stops_nothing() -> None:
    assert checked(wants(BUY, "0.49", "10"), exposure=Exposure(day_result=Decimal("-19.99"))).orders


def test_never_more_is_sold_than_is_held() -> None:
    allowed = checked(wants(SELL, "0.55", "10"), position=holding("7.126"))

    assert [order.size for order in allowed.orders] == [Decimal("7.12")]
    assert reasons(allowed) == [Reason.NOT_HELD]
    assert checked(wants(SELL, "0.55", "10")).orders == ()


def test_prices_move_to_the_grid_of_now_on_the_side_that_costs_nothing() -> None:
    allowed = checked(
        wants(BUY, "0.4955", "10"),
        wants(SELL, "0.5544", "10"),
        position=holding("10"),
    )

    assert [order.price for order in allowed.orders] == [Decimal("0.49"), Decimal("0.56")]


def test_a_price_that_no_grid_can_hold_is_refused() -> None:
    assert reasons(checked(wants(BUY, "0.001", "5000"))) == [Reason.OFF_GRID]
    assert reasons(checked(wants(SELL, "0.995", "10"), position=holding("10"))) == [Reason.OFF_GRID]


def test_what_is_too_small_to_rest_is_refused_unless_it_rests_already() -> None:
    dust = wants(SELL, "0.55", "3")
    own = resting("a", SELL, "0.55", "10", matched="7")

    assert reasons(checked(dust, position=holding("3"))) == [Reason.TOO_SMALL]
    assert checked(dust, position=holding("3"), own=[own]).orders == (dust,)
    assert (
        checked(replace(dust, price=Decimal("0.56")), position=holding("3"), own=[own]).orders == ()
    )


def test_a_taking_order_needs_a_dollar_and_no_minimum_size() -> None:
    assert checked(taking(SELL, "0.49", "3"), position=holding("3")).orders
    refused = checked(taking(SELL, "0.49", "2"), position=holding("2"))
    assert reasons(refused) == [Reason.BELOW_ONE_DOLLAR]


def test_a_post_only_order_that_would_take_is_refused_before_the_exchange_does() -> None:
    assert reasons(checked(wants(BUY, "0.51", "10"))) == [Reason.WOULD_TAKE]
    assert checked(wants(BUY, "0.51", "10", post_only=False)).orders


def test_nothing_crosses_our_own_order_on_this_token() -> None:
    own = resting("a", SELL, "0.50", "10")

    assert reasons(checked(wants(BUY, "0.50", "10"), own=[own])) == [Reason.CROSSES_OWN]
    assert checked(wants(BUY, "0.49", "10"), own=[own]).orders


@pytest.mark.parametrize(
    ("side", "price", "other", "crosses"),
    [
        (BUY, "0.48", "0.52", True),
        (BUY, "0.47", "0.52", False),
        (SELL, "0.52", "0.48", True),
        (SELL, "0.53", "0.48", False),
    ],
)
def test_nothing_crosses_our_own_order_on_the_complement(
    side: Side, price: str, other: str, *, crosses: bool
) -> None:
    """A BUY at q there is a SELL at 1 - q here: the two children would trade with each other."""
    own = resting("a", side, other, "10", token=SIBLING)

    allowed = checked(wants(side, price, "10"), position=holding("10"), sibling=[own])

    assert reasons(allowed) == ([Reason.CROSSES_SIBLING] if crosses else [])


usd = st.decimals("0", "120", places=2)


@given(
    price=st.decimals("0.001", "0.999", places=3),
    size=st.decimals("0.01", "400", places=2),
    side=st.sampled_from(Side),
    held=st.decimals("0", "50", places=3),
    at_stake=st.builds(Exposure, usd, usd, usd),
)
def test_whatever_is_allowed_keeps_caps_grid_and_holdings(
    price: Decimal,
    size: Decimal,
    side: Side,
    held: Decimal,
    at_stake: Exposure,
) -> None:
    wanted: Wanted = (WantedOrder(side, price, size, "test"),)
    position = Position(TOKEN, held, Decimal("0.5")) if held else FLAT
    allowed = checked(*wanted, position=position, exposure=at_stake)

    assert allowed.orders or allowed.refusals
    for order in allowed.orders:
        assert is_on_grid(order.price, Decimal("0.01"))
        assert MARKET.min_order_size <= order.size <= size
        here = at_stake.inventory + at_stake.unknown + order.price * order.size
        assert side is SELL or (here <= 25 and here + at_stake.others <= 100)
        assert side is BUY or order.size <= held
