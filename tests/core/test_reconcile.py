"""One order a side, replaced only when it must be, and only after it is gone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.gate import Gate
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import OpenOrder, TimeInForce, Wanted, WantedOrder
from POLYMARKET_MAKER.core.reconcile import Plan, Tolerances, plan
from POLYMARKET_MAKER.core.risk import Allowed
from tests.support.trading import MARKET, TOKEN, resting

BUY, SELL = Side.BUY, Side.SELL


def wants(side: Side, price: str, size: str) -> WantedOrder:
    return WantedOrder(side, Decimal(price), Decimal(size), "test")


def allowed(*orders: WantedOrder) -> Allowed:
    return Allowed(Gate.PLACE, orders)


def test_a_free_side_gets_its_order() -> None:
    outcome = plan(allowed(wants(BUY, "0.49", "10")), [], MARKET)

    order = outcome.place[0]
    assert (order.token_id, order.side, order.price, order.size, order.post_only) == (
        TOKEN, BUY, Decimal("0.49"), Decimal(10), True,
    )  # fmt: skip
    assert outcome.cancel == ()


def test_an_order_that_is_as_wanted_stays() -> None:
    own = [resting("a", BUY, "0.49", "10", matched="3")]

    assert plan(allowed(wants(BUY, "0.49", "7")), own, MARKET) == Plan()


def test_replacing_cancels_first_and_places_when_it_is_gone() -> None:
    wanted = allowed(wants(BUY, "0.48", "10"))
    own = [resting("a", BUY, "0.49", "10")]

    first = plan(wanted, own, MARKET)
    assert first == Plan(("a",), (), frozenset({BUY}))
    assert plan(wanted, own, MARKET, cancelling={"a"}) == Plan(waiting=frozenset({BUY}))
    assert len(plan(wanted, [], MARKET).place) == 1


def test_nothing_is_placed_while_a_side_is_busy() -> None:
    """Unknown, in flight or not settled: a second order might make it two."""
    outcome = plan(
        allowed(wants(BUY, "0.49", "10"), wants(SELL, "0.55", "10")), [], MARKET, busy={BUY}
    )

    assert [order.side for order in outcome.place] == [SELL]
    assert outcome.waiting == {BUY}


def test_what_is_not_wanted_is_cancelled() -> None:
    own = [resting("a", BUY, "0.49", "10"), resting("b", SELL, "0.55", "10")]

    assert plan(allowed(wants(SELL, "0.55", "10")), own, MARKET).cancel == ("a",)


def test_the_gates_of_risk_are_obeyed() -> None:
    own = [resting("a", BUY, "0.49", "10"), resting("b", SELL, "0.55", "10")]

    assert plan(Allowed(Gate.KEEP), own, MARKET) == Plan()
    assert plan(Allowed(Gate.CANCEL), own, MARKET).cancel == ("a", "b")


def test_reducing_cancels_what_is_not_wanted_and_places_nothing() -> None:
    own = [resting("a", BUY, "0.48", "10"), resting("b", SELL, "0.55", "10")]
    wanted = (wants(BUY, "0.49", "10"), wants(SELL, "0.55", "10"))

    assert plan(Allowed(Gate.REDUCE, wanted), own, MARKET) == Plan(("a",))
    assert plan(Allowed(Gate.REDUCE, wanted), [], MARKET) == Plan()


def test_of_two_good_orders_the_older_stays() -> None:
    own = [resting("young", BUY, "0.49", "10", at=20.0), resting("old", BUY, "0.49", "10", at=10.0)]

    assert plan(allowed(wants(BUY, "0.49", "10")), own, MARKET).cancel == ("young",)


def test_small_differences_keep_the_place_in_the_queue() -> None:
    tolerant = Tolerances(price_ticks=1, size_ratio=Decimal("0.1"))
    wanted = allowed(wants(BUY, "0.49", "10"))

    def cancels(price: str, size: str) -> bool:
        own = [resting("a", BUY, price, size)]
        return plan(wanted, own, MARKET, tolerances=tolerant).cancel == ("a",)

    assert not cancels("0.48", "9")
    assert cancels("0.47", "10")
    assert cancels("0.49", "8.9")


def test_no_tolerance_makes_a_buy_dearer_a_sell_cheaper_or_anything_larger() -> None:
    tolerant = Tolerances(price_ticks=9, size_ratio=Decimal("0.9"))
    wanted = allowed(wants(BUY, "0.49", "10"), wants(SELL, "0.55", "10"))
    own = [resting("a", BUY, "0.50", "10"), resting("b", SELL, "0.54", "10")]
    large = [resting("a", BUY, "0.49", "10.01"), resting("b", SELL, "0.55", "10.01")]

    assert plan(wanted, own, MARKET, tolerances=tolerant).cancel == ("a", "b")
    assert plan(wanted, large, MARKET, tolerances=tolerant).cancel == ("a", "b")


def test_an_order_that_takes_never_stays_as_a_resting_one() -> None:
    fak = replace(wants(SELL, "0.49", "10"), time_in_force=TimeInForce.FAK, post_only=False)
    outcome = plan(allowed(fak), [resting("a", SELL, "0.49", "10")], MARKET)

    assert (outcome.cancel, outcome.place) == (("a",), ())
    assert plan(allowed(fak), [], MARKET).place[0].time_in_force is TimeInForce.FAK


cents = st.integers(1, 99).map(lambda each: f"{each / 100:.2f}")
sides = st.sampled_from(Side)
orders = st.lists(st.tuples(sides, cents, st.integers(1, 20)), max_size=4)


@given(
    ours=orders,
    buy=st.none() | st.tuples(cents, st.integers(5, 20)),
    sell=st.none() | st.tuples(cents, st.integers(5, 20)),
    busy=st.frozensets(sides),
    cancelling=st.frozensets(st.integers(0, 3).map(str)),
)
def test_repeating_the_plan_ends_with_exactly_what_is_wanted(
    ours: list[tuple[Side, str, int]],
    buy: tuple[str, int] | None,
    sell: tuple[str, int] | None,
    busy: frozenset[Side],
    cancelling: frozenset[str],
) -> None:
    """Never two of a side on the way, and the second plan after the cancels finishes."""
    book = [
        resting(str(number), side, price, str(size))
        for number, (side, price, size) in enumerate(ours)
    ]
    wanted: Wanted = tuple(
        wants(side, found[0], str(found[1]))
        for side, found in ((BUY, buy), (SELL, sell))
        if found is not None
    )

    first = plan(Allowed(Gate.PLACE, wanted), book, MARKET, busy=busy, cancelling=cancelling)
    for order in first.place:
        assert order.side not in busy
        assert all(own.side is not order.side for own in book)
    assert not set(first.cancel) & cancelling

    gone = {*first.cancel, *cancelling}
    left = [own for own in book if own.order_id not in gone]
    placed = [_opened(f"new{order.side}", order.side, order.price, order.size)
              for order in first.place]  # fmt: skip
    second = plan(Allowed(Gate.PLACE, wanted), [*left, *placed], MARKET)
    assert second.cancel == ()
    open_sides = [own.side for own in [*left, *placed]] + [order.side for order in second.place]
    assert sorted(open_sides) == sorted(order.side for order in wanted)


def _opened(order_id: str, side: Side, price: Decimal, size: Decimal) -> OpenOrder:
    return resting(order_id, side, str(price), str(size))
