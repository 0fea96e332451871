"""The user channel: who is told what, and who is not let in."""

from __future__ import annotations

import json
from typing import Any

import pytest
import websocket
from eth_account import Account

from POLYMARKET_MAKER.sim.auth import Credentials
from tests.sim.running import Running, Serve, received, send, silent

ADDRESS = Account.from_key("0x" + "11" * 32).address


def credentials(exchange: Running, nonce: int = 0) -> Credentials:
    """Return an API key without the way through HTTP; that one has its own tests."""
    keys = exchange.venue.keys

    def made() -> Credentials:
        found = keys._credentials(ADDRESS, nonce)
        keys._by_key[found.key] = found
        return found

    found: Credentials = exchange.call(made)
    return found


def joined(exchange: Running, **more: Any) -> websocket.WebSocket:
    key = credentials(exchange)
    ws = exchange.socket("ws_user")
    auth = {"apiKey": key.key, "secret": key.secret, "passphrase": key.passphrase}
    send(ws, auth=auth, type="user", **more)
    assert silent(ws)
    return ws


def rest(exchange: Running, token: str, price: str = "0.4", size: str = "10") -> str:
    made = exchange.control(
        do="foreign_order", wallet=ADDRESS, token=token, side="BUY", price=price, size=size
    )
    return str(made["order_id"])


def test_an_order_is_told_when_placed_filled_in_part_and_cancelled(exchange: Running) -> None:
    token = exchange.tokens[0]
    exchange.control(do="clear_book", token=token)
    ws = joined(exchange)

    order_id = rest(exchange, token)
    exchange.control(do="trade", token=token, side="SELL", size="4")
    exchange.control(do="cancel_all", wallet=ADDRESS)

    placed, updated, trade, canceled = (received(ws) for _ in range(4))
    assert [placed["type"], updated["type"], canceled["type"]] == [
        "PLACEMENT", "UPDATE", "CANCELLATION",
    ]  # fmt: skip
    assert {placed["id"], updated["id"], canceled["id"]} == {order_id}
    assert [placed["size_matched"], updated["size_matched"]] == ["0", "4"]
    assert [placed["status"], canceled["status"]] == ["LIVE", "CANCELED"]
    assert (trade["event_type"], trade["status"], trade["trader_side"]) == (
        "trade", "MATCHED", "MAKER",
    )  # fmt: skip
    assert trade["transaction_hash"] is None
    assert trade["maker_orders"][0]["order_id"] == order_id


def test_a_trade_is_told_again_when_mined_and_confirmed(exchange: Running) -> None:
    token = exchange.tokens[0]
    exchange.control(do="clear_book", token=token)
    ws = joined(exchange)
    rest(exchange, token, size="5")
    exchange.control(do="trade", token=token, side="SELL", size="5")
    later = exchange.venue.now_ms() + 60_000

    for _ in range(2):
        exchange.call(lambda: exchange.venue.engine.settle(later))
        exchange.call(exchange.venue.publish)

    told = [received(ws) for _ in range(5)]
    statuses = [each["status"] for each in told if each["event_type"] == "trade"]
    assert statuses == ["MATCHED", "MINED", "CONFIRMED"]


def test_only_the_named_markets_are_told(exchange: Running) -> None:
    first, second = exchange.tokens
    ws = joined(exchange, markets=[exchange.condition(second)])

    rest(exchange, first, price="0.1")
    rest(exchange, second, price="0.1")

    assert received(ws)["market"] == exchange.condition(second)


def test_markets_are_added_and_removed_later(exchange: Running) -> None:
    first, second = exchange.tokens
    ws = joined(exchange, markets=[exchange.condition(second)])
    send(ws, operation="subscribe", markets=[exchange.condition(first)])
    send(ws, operation="unsubscribe", markets=[exchange.condition(second)])
    assert silent(ws)

    rest(exchange, second, price="0.1")
    rest(exchange, first, price="0.1")

    assert received(ws)["market"] == exchange.condition(first)


def test_orders_of_others_are_nobodys_business(exchange: Running) -> None:
    ws = joined(exchange)

    exchange.control(
        do="foreign_order", wallet="0xsomebody", token=exchange.tokens[0], side="BUY",
        price="0.1", size="10",
    )  # fmt: skip

    assert silent(ws)


def test_a_list_of_markets_that_is_none_names_no_market(exchange: Running) -> None:
    ws = joined(exchange, markets="all of them")

    rest(exchange, exchange.tokens[0], price="0.1")

    assert silent(ws)


@pytest.mark.parametrize("wrong", ["apiKey", "secret", "passphrase"])
def test_wrong_credentials_end_the_connection(serve: Serve, wrong: str) -> None:
    exchange = serve()
    key = credentials(exchange)
    auth = {"apiKey": key.key, "secret": key.secret, "passphrase": key.passphrase}
    ws = exchange.socket("ws_user")

    send(ws, auth={**auth, wrong: "wrong"}, type="user")

    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        json.loads(ws.recv())
