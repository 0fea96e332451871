"""Trouble on demand: each verb does what its name says."""

from __future__ import annotations

import os
import socket

import pytest
import websocket

from POLYMARKET_MAKER.sim.verbs import VERBS, VerbError
from tests.sim.running import Running, received, send, silent

CLOSED = (websocket.WebSocketConnectionClosedException, ConnectionError)


def poke(exchange: Running, token: str) -> None:
    exchange.control(do="quote", token=token, side="BUY", price="0.02", size="9")


def test_frozen_connections_get_pong_and_no_data_but_new_ones_do(exchange: Running) -> None:
    token = exchange.tokens[0]
    old = exchange.subscribed(token)

    exchange.control(do="freeze")
    new = exchange.subscribed(token)
    poke(exchange, token)

    assert received(new)["event_type"] == "price_change"
    assert silent(old)


def test_a_frozen_token_is_silent_alone(exchange: Running) -> None:
    first, second = exchange.tokens
    ws = exchange.subscribed(first, second)

    exchange.control(do="freeze", tokens=[first])
    poke(exchange, first)
    poke(exchange, second)

    assert received(ws)["market"] == exchange.condition(second)
    assert silent(ws)


def test_a_sticky_freeze_holds_for_new_connections_until_thaw(exchange: Running) -> None:
    token = exchange.tokens[0]
    exchange.control(do="freeze", tokens=[token], sticky=True)
    ws = exchange.socket()
    send(ws, assets_ids=[token], type="market")
    assert silent(ws)

    exchange.control(do="thaw")
    poke(exchange, token)

    assert received(ws)["event_type"] == "price_change"


def test_a_process_can_be_denied_a_token_on_every_line_it_opens(exchange: Running) -> None:
    first, second = exchange.tokens
    old = exchange.subscribed(first)
    exchange.control(do="freeze", tokens=[first], sticky=True, pid=os.getppid())
    assert exchange.subscribed(first)  # somebody else is meant

    exchange.control(do="freeze", tokens=[first], sticky=True, pid=os.getpid())
    new = exchange.socket()
    send(new, assets_ids=[first, second], type="market")
    books = received(new)
    poke(exchange, first)

    assert [book["asset_id"] for book in books] == [second]
    assert silent(old)
    assert silent(new)
    exchange.control(do="thaw")
    assert exchange.subscribed(first)


def test_a_half_open_connection_neither_answers_nor_ends(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])
    exchange.control(do="half_open")
    ws.settimeout(0.3)

    ws.send("PING")
    ws.ping()
    poke(exchange, exchange.tokens[0])

    with pytest.raises(websocket.WebSocketTimeoutException):
        ws.recv_data(control_frame=True)


def test_a_dropped_connection_ends_without_a_handshake(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    exchange.control(do="drop", channel="market")

    with pytest.raises(CLOSED):
        ws.recv()


def test_pong_can_be_withheld(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])
    exchange.control(do="pong", on=False)

    ws.send("PING")
    poke(exchange, exchange.tokens[0])

    assert received(ws)["event_type"] == "price_change"


def test_upgrades_are_refused_as_often_as_told(exchange: Running) -> None:
    exchange.control(do="refuse_upgrades", count=1)

    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        exchange.socket()

    assert refused.value.status_code == 429
    assert silent(exchange.socket())


def test_one_process_can_be_shunned_and_no_other(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(token)

    assert exchange.control(do="shun", pid=os.getppid()) == {"lines": 0}
    poke(exchange, token)
    assert received(ws)["event_type"] == "price_change"
    exchange.subscribed(token)
    assert exchange.control(do="shun", pid=os.getpid()) == {"lines": 2}
    with pytest.raises(CLOSED):
        ws.recv()
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        exchange.socket()
    assert refused.value.status_code == 503
    exchange.control(do="shun", pid=0)
    assert silent(exchange.socket())


def test_a_connection_is_closed_right_after_it_opened(exchange: Running) -> None:
    exchange.control(do="close_upgrades", count=1)

    opcode, _ = exchange.socket().recv_data()

    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert silent(exchange.socket())


def test_a_first_frame_can_be_an_invalid_operation(exchange: Running) -> None:
    """The connection stays open, and the next first frame on it is taken."""
    exchange.control(do="invalid_first", count=1)
    ws = exchange.socket()
    frame = {"assets_ids": exchange.tokens, "type": "market"}

    send(ws, **frame)
    assert received(ws) == "INVALID OPERATION"
    send(ws, **frame)

    assert received(ws)[0]["event_type"] == "book"


def test_a_frame_that_names_too_many_tokens_closes_the_connection(exchange: Running) -> None:
    exchange.control(do="oversized", ids=1)
    ws = exchange.socket()
    send(ws, assets_ids=exchange.tokens, type="market")

    with pytest.raises((websocket.WebSocketException, OSError)):
        received(ws)
    assert exchange.stats()["refused"]["oversized_frame"] == 1
    ws = exchange.socket()
    send(ws, assets_ids=exchange.tokens[:1], type="market")
    assert received(ws)[0]["event_type"] == "book"


def test_a_deaf_token_is_never_confirmed(exchange: Running) -> None:
    first, second = exchange.tokens
    exchange.control(do="deaf", tokens=[first])
    ws = exchange.socket()
    send(ws, assets_ids=[first, second], type="market")

    assert [book["asset_id"] for book in received(ws)] == [second]
    poke(exchange, first)
    assert silent(ws)


def test_a_batch_can_be_repeated_with_the_pair_swapped(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])
    exchange.control(do="duplicate")

    poke(exchange, exchange.tokens[0])

    first, second = received(ws), received(ws)
    assert first["price_changes"] == second["price_changes"][::-1]


def test_a_batch_can_come_as_one_array(exchange: Running) -> None:
    token = exchange.tokens[0]
    ws = exchange.subscribed(token)
    exchange.control(do="arrays")

    exchange.control(do="locked_batch", token=token)

    frames = received(ws)
    assert [frame["event_type"] for frame in frames] == ["price_change", "price_change"]


def test_ladders_can_come_best_first(exchange: Running) -> None:
    exchange.control(do="reorder")
    ws = exchange.socket()
    send(ws, assets_ids=[exchange.tokens[0]], type="market")

    (book,) = received(ws)

    bids = [float(level["price"]) for level in book["bids"]]
    assert bids == sorted(bids, reverse=True)


def test_a_book_can_be_sent_again_to_a_token_that_came_back(exchange: Running) -> None:
    token = exchange.tokens[0]
    exchange.control(do="resnapshot")
    ws = exchange.subscribed(token)
    send(ws, assets_ids=[token], operation="unsubscribe")

    send(ws, assets_ids=[token], operation="subscribe")

    assert received(ws)[0]["event_type"] == "book"


@pytest.mark.parametrize("kind", ["text", "truncated", "empty", "number"])
def test_garbage_is_no_book(exchange: Running, kind: str) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    exchange.control(do="garbage", kind=kind)

    assert not isinstance(received(ws), dict | list)
    assert silent(ws)


def test_garbage_can_be_binary(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    exchange.control(do="garbage", kind="binary")

    assert ws.recv_data()[0] == websocket.ABNF.OPCODE_BINARY


def test_a_frame_can_be_ten_megabytes(exchange: Running) -> None:
    ws = exchange.subscribed(exchange.tokens[0])

    exchange.control(do="garbage", kind="huge")

    assert len(ws.recv()) > 10_000_000


def test_a_side_stays_empty_until_the_flow_resumes(exchange: Running) -> None:
    token = exchange.tokens[0]
    exchange.control(do="empty_side", token=token, side="SELL")
    market, _ = exchange.venue.engine.by_token[token]
    flow = exchange.venue.flows[market.spec.condition_id]

    flow.paused = False
    for _ in range(20):
        exchange.call(lambda: flow.step(exchange.venue.engine, exchange.venue.now_ms()))
    assert exchange.control(do="book", token=token)["asks"] == []

    exchange.control(do="resume", token=token)
    for _ in range(20):
        exchange.call(lambda: flow.step(exchange.venue.engine, exchange.venue.now_ms()))
    assert exchange.control(do="book", token=token)["asks"]


def test_a_wallet_is_funded_with_money_and_shares(exchange: Running) -> None:
    exchange.control(do="fund", wallet="0xA", usd="7", shares={exchange.tokens[0]: "3"})

    assert exchange.stats()["wallets"]["0xA"] == {
        "usd": "7",
        "shares": {exchange.tokens[0]: "3"},
    }


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"do": "dance"}, "expected one of"),
        ({}, "expected one of"),
        ({"do": "tick", "token": "1", "tick": "0.1"}, "tick"),
        ({"do": "tick"}, "tick"),
        ({"do": "mode", "mode": "odd"}, "mode"),
    ],
)
def test_a_request_that_makes_no_sense_is_400_and_says_why(
    exchange: Running, request_: dict[str, str], text: str
) -> None:
    answer = exchange.http.post("/sim/control", json=request_)

    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_the_engine_may_refuse_an_order_that_was_asked_for(exchange: Running) -> None:
    answer = exchange.http.post(
        "/sim/control",
        json={"do": "quote", "token": exchange.tokens[0], "side": "BUY", "price": "0.005",
              "size": "9"},
    )  # fmt: skip

    assert answer.status_code == 400
    assert "minimum tick size" in answer.json()["error"]


def test_every_verb_says_what_it_does() -> None:
    assert [name for name, verb in VERBS.items() if not verb.__doc__] == []
    with pytest.raises(VerbError):
        raise VerbError


def test_counters_can_be_read_over_http(exchange: Running) -> None:
    exchange.subscribed(*exchange.tokens)

    stats = exchange.http.get("/sim/stats").json()

    assert stats["connections"] == {"market": 1, "user": 0}
    assert stats["subscribed"] == 2
    assert stats["sent"] == {"book": 2}
    assert stats["upgrades"] == {"market": 1}


def test_the_listening_socket_is_on_loopback(exchange: Running) -> None:
    host = exchange.urls["clob"].split("//")[1].split(":")[0]

    assert socket.gethostbyname(host) == "127.0.0.1"
