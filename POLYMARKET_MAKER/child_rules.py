"""Turn a child's settings into its strategy and into what bounds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from POLYMARKET_MAKER.brakes import Brakes
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.breaker import Breaker
from POLYMARKET_MAKER.core.decision import Strategy
from POLYMARKET_MAKER.core.model import MarketInfo
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.core.strategies import make_strategy
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.outlook import Rules
from POLYMARKET_MAKER.settings import RunParams, closing_time, sell_only_from


def strategy_of(params: RunParams, ledger: Ledger, clock: Clock) -> Strategy:
    """Return the strategy that the settings name, with what an earlier life remembered."""
    settings = _strategy_settings(params)
    strategy = make_strategy(params.strategy.strategy, settings, scale=clock.scale)
    memory = ledger.load_state(params.token_id)
    return strategy if memory is None else strategy.remembering(json.loads(memory))


def rules_of(params: RunParams, market: MarketInfo, limits: Limits, clock: Clock) -> Rules:
    """Return what bounds the child beside its strategy."""
    end_at = closing_time(params.strategy, params.end_time or market.end_at)
    return Rules(
        limits=limits,
        exit_only=params.exit_only,
        exit_signal=params.exit_signal_path,
        brakes=Brakes(params.data_dir),
        sell_only_from=sell_only_from(params.strategy, end_at, scale=clock.scale),
        breaker=Breaker(max_errors=params.risk.max_order_errors),
    )


def _strategy_settings(params: RunParams) -> Mapping[str, object]:
    """Return the strategy's settings under their own names, defaults worked out."""
    settings = asdict(params.strategy) | asdict(params.maker)
    settings["sell_mode"] = params.strategy.sell_mode.value
    if params.strategy.enable_incremental_drop_pct is None:
        settings["enable_incremental_drop_pct"] = params.strategy.incremental_drop_pct_step > 0
    return settings
