"""Settings become strategies; what is not of its type is refused with a sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from POLYMARKET_MAKER.core.quote_both_sides import BothSides
from POLYMARKET_MAKER.core.strategies import NAMES, make_strategy
from POLYMARKET_MAKER.core.strategy import VolatilityStrategy


def test_the_configuration_files_names_and_units_are_understood() -> None:
    settings = {
        "drop_pct": 0.01,
        "drop_window_minutes": 60,
        "sell_inactive_hours": 4,
        "max_buy_price": None,
        "market_url": "of somebody else",
    }

    strategy = make_strategy("volatility_arbitrage", settings)

    assert isinstance(strategy, VolatilityStrategy)
    params = strategy.params
    assert (params.drop_pct, params.max_buy_price) == (Decimal("0.01"), Decimal("0.98"))
    assert (params.drop_window_s, params.sell_inactive_s) == (3600.0, 14400.0)


def test_an_order_size_of_null_is_the_smallest_order() -> None:
    strategy = make_strategy("volatility_arbitrage", {"order_size": None})

    assert isinstance(strategy, VolatilityStrategy)
    assert strategy.params.order_size is None


def test_a_rehearsal_shortens_every_duration_and_nothing_else() -> None:
    strategy = make_strategy("volatility_arbitrage", {"drop_window_minutes": 60}, scale=60)

    assert isinstance(strategy, VolatilityStrategy)
    assert (strategy.params.drop_window_s, strategy.params.max_chase_s) == (60.0, 10.0)
    assert strategy.params.drop_pct == Decimal("0.05")
    assert strategy.state.window.length_s == 60.0


def test_the_seam_carries_a_second_strategy() -> None:
    strategy = make_strategy("quote_both_sides", {"order_size": 5})

    assert isinstance(strategy, BothSides)
    assert strategy.params.order_size == 5
    assert frozenset({"volatility_arbitrage", "quote_both_sides"}) == NAMES


def test_an_unknown_strategy_is_refused_by_name() -> None:
    with pytest.raises(
        ValueError, match="strategy was 'martingale', known are quote_both_sides, v"
    ):
        make_strategy("martingale", {})


@pytest.mark.parametrize(
    "settings", [{"drop_pct": "much"}, {"drop_pct": True}, {"drop_window_minutes": "long"}]
)
def test_a_value_of_another_type_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"decimal|float"):
        make_strategy("volatility_arbitrage", settings)
