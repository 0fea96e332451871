"""What the operator set reaches the child that it is meant to bound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from POLYMARKET_MAKER.calls import Calls
from POLYMARKET_MAKER.child_rules import rules_of
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.breaker import Breaker
from POLYMARKET_MAKER.core.order import Rejected
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.orders import Orders
from POLYMARKET_MAKER.outlook import Outlook, Rules
from POLYMARKET_MAKER.settings import (
    Mode,
    Options,
    build_run_params,
    load_run_params,
    load_settings,
)
from tests.support.fake_exchange import FakeExchange
from tests.support.trading import MARKET, TOKEN, signed


def rules(folder: Path, **risk: object) -> Rules:
    """Have settings go the whole way: the operator's file, run_params, the child's rules."""
    own, strategy = folder / "global_config.json", folder / "strategy_config.json"
    own.write_text(json.dumps({"risk": risk}))
    strategy.write_text("{}")
    options = Options(mode=Mode.PAPER, global_config=own, strategy_config=strategy)
    settings = load_settings(env={}, options=options, root=folder)
    told = folder / "run_params.json"
    told.write_text(json.dumps(build_run_params(settings, TOKEN)))
    params = load_run_params(told, {})
    limits = Limits(
        params.risk.max_notional_per_token,
        params.risk.max_notional_total,
        params.risk.max_daily_loss,
    )
    return rules_of(params, MARKET, limits, Clock())


@pytest.mark.parametrize(("said", "errors"), [({}, 5), ({"max_order_errors": 2}, 2)])
def test_the_breaker_opens_after_as_many_errors_as_the_operator_allows(
    tmp_path: Path, said: dict[str, object], errors: int
) -> None:
    assert rules(tmp_path, **said).breaker == Breaker(max_errors=errors)


@pytest.mark.parametrize(("said", "is_open"), [({}, False), ({"max_order_errors": 2}, True)])
def test_a_child_places_nothing_while_that_breaker_is_open(
    tmp_path: Path, said: dict[str, object], *, is_open: bool
) -> None:
    clock, own = Clock(), rules(tmp_path, **said)
    with Ledger.open(tmp_path / "ledger.db", Identity("paper", "h", 137, "0x")) as ledger:
        for name in ("a", "b"):
            ledger.record_intent(signed(name), at=clock.now(), reason="test")
            ledger.record_outcome(name, Rejected("no"), at=clock.now(), boot_s=clock.boot())
        exchange = FakeExchange(MARKET, clock.now)
        calls = Calls(wake=lambda: None)
        orders = Orders(
            TOKEN, exchange=exchange, ledger=ledger, calls=calls, clock=clock, limits=own.limits
        )
        outlook = Outlook(
            MARKET,
            own,
            orders=orders,
            ledger=ledger,
            clock=clock,
            asking=lambda: False,
            collect=lambda: None,
        )

        assert outlook.look().switches.breaker_open is is_open
        calls.close(1)
