"""What is signed is what was wanted, to the millionth, or nothing is signed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion, Side
from POLYMARKET_MAKER.core.order import NewOrder, TimeInForce
from POLYMARKET_MAKER.exchange.amounts import amounts
from POLYMARKET_MAKER.exchange.auth import SignatureType
from tests.exchange.golden import Case

MARKET = Case(OrderVersion.V2, SignatureType.EOA).market
TICKS = [Decimal(text) for text in ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")]
ticks = st.sampled_from(TICKS)
sides = st.sampled_from(list(Side))
sizes = st.integers(1, 10_000_000).map(lambda cents: Decimal(cents) / 100)


def order(price: str, size: str, **options: object) -> NewOrder:
    return replace(
        NewOrder(MARKET.token_id, Side.BUY, Decimal(price), Decimal(size)),
        **options,  # type: ignore[arg-type]
    )


def market(tick: Decimal) -> MarketInfo:
    return replace(MARKET, tick_size=tick)


@given(ticks, st.integers(1, 9999), sizes, sides)
def test_a_resting_order_is_signed_exactly(
    tick: Decimal, steps: int, size: Decimal, side: Side
) -> None:
    price = steps * tick
    assume(tick <= price <= 1 - tick)
    wanted = NewOrder(MARKET.token_id, side, price, size)

    sums = amounts(wanted, market(tick))

    usd, shares = (sums.maker, sums.taker) if side is Side.BUY else (sums.taker, sums.maker)
    assert Decimal(shares) / 1_000_000 == size
    assert Decimal(usd) / 1_000_000 == price * size
    assert sums.order == wanted


@given(ticks, st.integers(1, 9999), sizes, st.sampled_from([TimeInForce.FAK, TimeInForce.FOK]))
def test_a_buy_that_takes_at_once_never_exceeds_what_was_wanted(
    tick: Decimal, steps: int, size: Decimal, kind: TimeInForce
) -> None:
    """The exchange wants whole cents of collateral and at most four decimals of shares."""
    price = steps * tick
    assume(tick <= price <= 1 - tick)
    assume(price * size >= Decimal("0.01"))
    wanted = NewOrder(MARKET.token_id, Side.BUY, price, size, kind, post_only=False)

    sums = amounts(wanted, market(tick))

    assert sums.maker % 10_000 == 0
    assert sums.taker % 100 == 0
    assert Decimal(sums.maker) / 1_000_000 <= price * size
    assert Decimal(sums.taker) / 1_000_000 == sums.order.size <= size
    assert Decimal(sums.maker) / sums.taker >= price  # rounding never gives a better price away


@given(ticks, st.decimals(min_value="-1", max_value=2, places=5, allow_nan=False))
def test_a_price_off_the_grid_is_refused_never_moved(tick: Decimal, price: Decimal) -> None:
    assume(not (tick <= price <= 1 - tick and price % tick == 0))

    with pytest.raises(ValueError, match="price was"):
        amounts(NewOrder(MARKET.token_id, Side.SELL, price, Decimal(5)), market(tick))


@pytest.mark.parametrize("size", ["0", "-5", "5.001", "0.005", "NaN", "Infinity"])
def test_a_size_that_cannot_be_signed_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="was"):
        amounts(order("0.5", size), MARKET)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (order("0.5", "5", time_in_force=TimeInForce.FAK), "post_only with FAK"),
        (order("0.5", "5", time_in_force=TimeInForce.GTD), "expires_at was None for GTD"),
        (order("0.5", "5", expires_at=1.0), "expires_at was 1.0 for GTC"),
        (order("0.5", "5", token_id="1"), "two different tokens"),
    ],
    ids=["post-only taker", "GTD without end", "GTC with end", "other token"],
)
def test_options_that_contradict_each_other_are_refused(wrong: NewOrder, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        amounts(wrong, MARKET)


def test_a_grid_finer_than_a_millionth_of_a_share_is_refused() -> None:
    fine = replace(MARKET, tick_size=Decimal("0.00001"))

    with pytest.raises(ValueError, match="counts in millionths"):
        amounts(order("0.50001", "5.01"), fine)


def test_a_buy_below_one_cent_is_refused() -> None:
    tiny = order("0.01", "0.5", time_in_force=TimeInForce.FAK, post_only=False)

    with pytest.raises(ValueError, match="below one cent"):
        amounts(tiny, MARKET)
