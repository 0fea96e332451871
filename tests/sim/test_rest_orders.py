"""Orders over HTTP: modes of the venue, the price of a request, and what posting leaves behind."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import ApiCreds, OrderArgsV2, RequestArgs
from py_clob_client_v2.headers.headers import create_level_2_headers
from py_clob_client_v2.order_utils.model.order_data_v2 import order_to_json_v2

from tests.sim.running import Running

KEY = "0x" + "11" * 32


class Poster:
    """Signs with the library and posts by hand, so that whole answers can be looked at."""

    def __init__(self, exchange: Running) -> None:
        self.exchange = exchange
        self.client: Any = ClobClient(exchange.urls["clob"], 137, key=KEY)
        self.client.set_api_creds(self.client.create_or_derive_api_key())

    def body(self, *, post_only: bool = False, kind: str = "GTC", **order: Any) -> dict[str, Any]:
        wanted = {"token_id": self.exchange.tokens[0], "price": 0.2, "size": 10, "side": "BUY"}
        args = OrderArgsV2(**{**wanted, **order})
        creds: ApiCreds = self.client.creds
        signed = self.client.create_order(args)
        body: dict[str, Any] = order_to_json_v2(signed, creds.api_key, kind, post_only)
        return body

    def post(self, body: Any, path: str = "/order") -> httpx.Response:
        return self.send("POST", path, body)

    def cancel(self, body: Any, path: str = "/order") -> httpx.Response:
        return self.send("DELETE", path, body)

    def send(self, method: str, path: str, body: Any) -> httpx.Response:
        text = json.dumps(body, separators=(",", ":"))
        request = RequestArgs(method=method, request_path=path, serialized_body=text)
        headers = create_level_2_headers(self.client.signer, self.client.creds, request)
        return self.exchange.http.request(method, path, content=text, headers=headers)


@pytest.fixture
def poster(exchange: Running) -> Poster:
    return Poster(exchange)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_restart_takes_neither_orders_nor_cancels(poster: Poster) -> None:
    order_id = poster.post(poster.body()).json()["orderID"]
    poster.exchange.control(do="mode", mode="restart")

    for answer in (poster.post(poster.body()), poster.cancel({"orderID": order_id})):
        assert answer.status_code == 425
        assert answer.headers["Retry-After"] == "1"


def test_post_only_mode_takes_what_only_rests(poster: Poster) -> None:
    poster.exchange.control(do="mode", mode="post_only", retry_after_s=42)

    refused = poster.post(poster.body())
    rests = poster.post(poster.body(post_only=True))

    assert refused.status_code == 503
    assert (refused.json()["code"], refused.json()["retry_after_seconds"]) == ("post_only_mode", 42)
    assert rests.json()["status"] == "live"
    assert poster.cancel({"orderID": rests.json()["orderID"]}).json()["canceled"]


def test_cancel_only_mode_takes_cancels(poster: Poster) -> None:
    order_id = poster.post(poster.body()).json()["orderID"]
    poster.exchange.control(do="mode", mode="cancel_only")

    assert "cancel-only" in error(poster.post(poster.body(post_only=True)))[1]
    assert poster.cancel({"orderID": order_id}).json()["canceled"] == [order_id]


def test_a_disabled_venue_takes_nothing(poster: Poster) -> None:
    poster.exchange.control(do="mode", mode="disabled")

    assert error(poster.post(poster.body())) == (
        503, "Trading is currently disabled. Check polymarket.com for updates",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"orderType": "NOW"}, "Invalid order payload"),
        ({"order": None}, "Invalid order payload"),
        ({"owner": "somebody"}, "the order owner has to be the owner of the API KEY"),
        ({"orderType": "GTD"}, "invalid expiration"),
        ({"orderType": "FOK", "postOnly": True}, "Invalid order payload"),
    ],
    ids=str,
)
def test_a_body_that_is_not_in_order_is_refused(
    poster: Poster, change: dict[str, Any], text: str
) -> None:
    assert error(poster.post({**poster.body(), **change})) == (400, text)


def test_a_dated_order_must_have_time_to_rest(poster: Poster) -> None:
    now = int(time.time())

    soon = poster.post(poster.body(kind="GTD", expiration=now + 100))
    later = poster.post(poster.body(kind="GTD", expiration=now + 300))

    assert error(soon) == (400, "invalid expiration")
    assert later.json()["status"] == "live"


@pytest.mark.parametrize("field", ["makerAmount", "takerAmount", "signatureType", "tokenId"])
@pytest.mark.parametrize("value", ["", "x", "-1", None, 10**90], ids=lambda v: str(v)[:4])
def test_a_field_that_is_no_number_is_refused_and_never_a_fault(
    poster: Poster, field: str, value: Any
) -> None:
    body = poster.body()
    body["order"][field] = value

    assert poster.post(body).status_code == 400


def test_an_unknown_token_has_no_market_ready(poster: Poster) -> None:
    body = poster.body()
    body["order"]["tokenId"] = "12345"

    assert error(poster.post(body)) == (
        400, "the market is not yet ready to process new orders",
    )  # fmt: skip


def test_a_cancel_of_no_order_id_is_refused(poster: Poster) -> None:
    assert error(poster.cancel({"orderID": 7})) == (400, "Invalid orderID")


def test_a_request_without_a_key_is_unauthorized(exchange: Running) -> None:
    for method, path in [("POST", "/order"), ("GET", "/data/orders"), ("DELETE", "/cancel-all")]:
        assert error(exchange.http.request(method, path)) == (401, "Unauthorized/Invalid api key")


def test_an_order_whose_answer_was_lost_is_on_the_book_once(poster: Poster) -> None:
    body = poster.body()
    poster.exchange.control(do="fault", path="/order", method="POST", kind="drop_after")

    with pytest.raises(httpx.TransportError):
        poster.post(body)
    again = poster.post(body)

    assert again.json()["error"].endswith("is invalid. Duplicated.")
    assert len(poster.client.get_open_orders()) == 1


def test_an_order_that_was_lost_on_its_way_is_not_on_the_book(poster: Poster) -> None:
    poster.exchange.control(do="fault", path="/order", method="POST", kind="drop")

    with pytest.raises(httpx.TransportError):
        poster.post(poster.body())

    assert poster.client.get_open_orders() == []


def test_a_delayed_order_is_in_no_list_until_it_matched(poster: Poster) -> None:
    token = poster.exchange.tokens[0]
    poster.exchange.control(do="taker_delay", token=token, seconds=3600)

    placed = poster.post(poster.body(price=0.9)).json()

    assert placed["status"] == "delayed"
    assert poster.client.get_open_orders() == []
    assert poster.client.get_order(placed["orderID"])["status"] == "DELAYED"
    assert placed["orderID"] in poster.cancel({"orderID": placed["orderID"]}).json()["not_canceled"]

    later = poster.exchange.venue.now_ms() + 4_000_000
    poster.exchange.call(lambda: poster.exchange.venue.engine.release(later))
    assert poster.client.get_order(placed["orderID"])["status"] == "MATCHED"


def test_a_signer_is_told_what_is_left_and_refused_when_nothing_is(poster: Poster) -> None:
    poster.exchange.control(do="rate_limit", kind="orders", per_s=0.001, burst=1)

    first, second = poster.post(poster.body()), poster.post(poster.body())
    cancel = poster.cancel({"orderID": first.json()["orderID"]})

    assert first.headers["Poly-RateLimit-Remaining"] == "0"
    assert second.status_code == 429
    assert int(second.headers["Retry-After"]) > 0
    assert cancel.json()["canceled"]


def test_what_was_at_stake_is_remembered(poster: Poster) -> None:
    first = poster.post(poster.body(price=0.2, size=10)).json()["orderID"]
    poster.post(poster.body(price=0.3, size=10))
    poster.cancel({"orderID": first})

    (peak,) = poster.exchange.stats()["peaks"].values()

    assert peak == {"exposure_usd": "5", "orders_a_side": 2}


def test_a_silent_key_loses_its_orders_and_other_keys_do_not(poster: Poster) -> None:
    exchange, token = poster.exchange, poster.exchange.tokens[0]
    poster.post(poster.body())
    exchange.control(
        do="foreign_order", wallet=poster.client.get_address(), token=token, side="BUY",
        price="0.1", size="10",
    )  # fmt: skip
    poster.client.post_heartbeat("")

    exchange.call(lambda: exchange.venue._sweep(exchange.venue.clock.mono() + 11))

    assert [row["price"] for row in poster.client.get_open_orders()] == ["0.1"]
