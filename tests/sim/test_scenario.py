"""Named scenarios are lists of verbs; each must be able to run."""

from __future__ import annotations

import time

import pytest

from POLYMARKET_MAKER.sim.scenario import SCENARIOS, _with_tokens
from POLYMARKET_MAKER.sim.verbs import VERBS
from tests.sim.running import Running, Serve, received, send, silent

HURRY = 50.0  # times faster than real time


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_step_of_a_scenario_can_be_carried_out(exchange: Running, name: str) -> None:
    for step in SCENARIOS[name]:
        assert step.request["do"] in VERBS
        exchange.control(**_with_tokens(step.request, exchange.tokens))


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_steps_of_a_scenario_are_in_order_of_time(name: str) -> None:
    times = [step.at_s for step in SCENARIOS[name]]

    assert times == sorted(times)


def test_a_token_is_named_by_its_place() -> None:
    request = {"do": "deaf", "tokens": ["$1", "7"], "other": {"token": "$0"}}

    assert _with_tokens(request, ["A", "B"]) == {
        "do": "deaf", "tokens": ["B", "7"], "other": {"token": "A"},
    }  # fmt: skip


def test_a_scenario_runs_at_its_times_on_the_scaled_clock(serve: Serve) -> None:
    exchange = serve(scenario="tick-change", clock_scale=HURRY)
    ws = exchange.subscribed(exchange.tokens[0])
    begun = time.monotonic()

    assert received(ws)["event_type"] == "tick_size_change"
    assert time.monotonic() - begun < 10 / HURRY + 1


def test_a_scenario_may_begin_at_once(serve: Serve) -> None:
    exchange = serve(scenario="never-confirm")
    ws = exchange.socket()
    send(ws, assets_ids=exchange.tokens[:1], type="market")

    assert silent(ws)


def test_an_unknown_scenario_does_not_start(serve: Serve) -> None:
    with pytest.raises(ValueError, match="scenario was 'nothing'"):
        serve(scenario="nothing")
