"""Holdings and results are what the trades add up to, fees included."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.model import ZERO, Side
from POLYMARKET_MAKER.core.order import Position
from POLYMARKET_MAKER.core.position import Trade, apply, replay, round_trips

BUY, SELL = Side.BUY, Side.SELL


def trade(side: Side, size: str, price: str | None, fee: str = "0") -> Trade:
    return Trade(side, Decimal(size), None if price is None else Decimal(price), Decimal(fee))


def test_the_entry_is_the_average_cost_with_taker_fees() -> None:
    after = replay("7", [trade(BUY, "10", "0.50", "0.10"), trade(BUY, "10", "0.40")])

    assert after[-1] == Position("7", Decimal(20), Decimal("0.455"), ZERO)


def test_selling_realises_against_the_average_and_keeps_it_for_the_rest() -> None:
    after = replay("7", [trade(BUY, "10", "0.50"), trade(SELL, "4", "0.60", "0.02")])

    assert after[-1] == Position("7", Decimal(6), Decimal("0.50"), Decimal("0.38"))


def test_sold_out_is_flat_without_a_cost() -> None:
    after = replay("7", [trade(BUY, "10", "0.50"), trade(SELL, "10", "0.55")])

    assert after[-1] == Position("7", ZERO, None, Decimal("0.50"))


def test_less_than_an_order_can_carry_is_flat_and_stays_held() -> None:
    position = apply(Position("7"), trade(BUY, "10.0099", "0.50"))
    assert not position.is_flat

    position = apply(position, trade(SELL, "10", "0.55"))
    assert position.is_flat
    assert (position.size, position.entry_price) == (Decimal("0.0099"), Decimal("0.50"))
    assert not replace(position, size=Decimal("0.01")).is_flat


def test_a_sell_before_its_buy_never_makes_a_negative_holding() -> None:
    position = apply(Position("7"), trade(SELL, "4", "0.60"))

    assert position == Position("7", ZERO, None, ZERO)


def test_shares_that_left_without_a_price_realise_nothing() -> None:
    after = replay("7", [trade(BUY, "10", "0.50"), trade(SELL, "4", None)])

    assert after[-1] == Position("7", Decimal(6), Decimal("0.50"), ZERO)


def test_a_round_trip_is_complete_when_less_than_an_order_can_carry_is_left() -> None:
    trades = [
        trade(BUY, "10", "0.50"),
        trade(SELL, "4", "0.60"),
        trade(SELL, "5.995", "0.60"),
        trade(BUY, "10", "0.50"),
    ]

    assert round_trips(replay("7", trades)) == 1


@given(
    trades=st.lists(
        st.builds(
            Trade,
            st.sampled_from(Side),
            st.decimals("0.01", "50", places=2),
            st.decimals("0.01", "0.99", places=2),
            st.decimals("0", "0.5", places=3),
        ),
        max_size=30,
    )
)
def test_cash_and_result_agree(trades: list[Trade]) -> None:
    """Money in, money out and what is held at cost add up to what was realised."""
    position, cash = Position("7"), ZERO
    for each in trades:
        assert each.price is not None
        covered = each.size if each.side is BUY else min(each.size, position.size)
        cash += (each.price * covered) * (-1 if each.side is BUY else 1) - each.fee
        position = apply(position, each)
        assert position.size >= 0
        assert (position.entry_price is None) == (position.size == 0)

    at_cost = position.size * (position.entry_price or ZERO)
    assert abs(cash + at_cost - position.realised) < Decimal("1e-15")
