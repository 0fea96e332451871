"""The running exchange: real time, and a client that trades in it."""

from __future__ import annotations

from typing import Any

import pytest
from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import OrderArgsV2

from tests.sim.running import Running, Serve, received, received_until, send, silent

KEY = "0x" + "11" * 32


def trader(exchange: Running) -> Any:
    client: Any = ClobClient(exchange.urls["clob"], 137, key=KEY)
    client.set_api_creds(client.create_or_derive_api_key())
    return client


@pytest.mark.parametrize("temper", ["busy", "jumping"])
def test_an_order_at_the_best_bid_of_a_lively_market_is_filled_in_seconds(
    serve: Serve, temper: str
) -> None:
    exchange = serve(tokens=1, tempers=(temper,), flow=True)
    client, token = trader(exchange), exchange.tokens[0]
    ws = exchange.socket("ws_user")
    creds = client.creds
    auth = {
        "apiKey": creds.api_key,
        "secret": creds.api_secret,
        "passphrase": creds.api_passphrase,
    }
    send(ws, auth=auth, type="user")
    assert silent(ws)
    ws.settimeout(15)
    best = exchange.control(do="book", token=token)["bids"][-1]["price"]

    client.create_and_post_order(
        OrderArgsV2(token_id=token, price=float(best), size=10, side="BUY")
    )

    told = received_until(ws, "trade")
    assert float(told[-1]["maker_orders"][-1]["matched_amount"]) > 0


def test_a_quiet_market_is_silent_while_it_is_listened_to(serve: Serve) -> None:
    exchange = serve(tokens=1, tempers=("quiet",), flow=True)
    ws = exchange.subscribed(exchange.tokens[0])

    for _ in range(50):
        assert silent(ws)


def test_a_scaled_clock_makes_an_hour_of_quiet_pass_in_seconds(serve: Serve) -> None:
    exchange = serve(tokens=1, tempers=("quiet",), flow=True, clock_scale=1000.0)
    ws = exchange.subscribed(exchange.tokens[0])

    assert received(ws)["event_type"] in {"price_change", "book"}


def test_a_paused_flow_is_silent_and_resumes(serve: Serve) -> None:
    exchange = serve(tokens=1, tempers=("busy",), flow=True)
    exchange.control(do="pause")
    ws = exchange.subscribed(exchange.tokens[0])
    for _ in range(50):
        assert silent(ws)

    exchange.control(do="resume")

    assert received(ws)["event_type"] in {"price_change", "book"}
