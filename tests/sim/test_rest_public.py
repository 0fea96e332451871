"""The public reads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sim.running import Running, Serve


def test_a_book_holds_all_that_its_hash_is_taken_over(exchange: Running) -> None:
    book = exchange.http.get("/book", params={"token_id": exchange.tokens[0]}).json()

    assert list(book) == [
        "market", "asset_id", "timestamp", "hash", "bids", "asks", "min_order_size", "tick_size",
        "neg_risk", "last_trade_price",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("token", "status", "text"),
    [("1", 404, "No orderbook exists for the requested token id"), ("x", 400, "Invalid token id")],
)
def test_what_has_no_book_is_refused(exchange: Running, token: str, status: int, text: str) -> None:
    for path in ("/book", "/midpoint", "/tick-size", "/neg-risk", "/spread", "/fee-rate"):
        refused = exchange.http.get(path, params={"token_id": token})

        assert (refused.status_code, refused.json()) == (status, {"error": text})


def test_an_ended_market_has_no_book_any_more(exchange: Running) -> None:
    exchange.control(do="resolve", token=exchange.tokens[0])

    assert exchange.http.get("/book", params={"token_id": exchange.tokens[0]}).status_code == 404


def one_level(exchange: Running) -> str:
    token = exchange.tokens[0]
    exchange.control(do="clear_book", token=token)
    exchange.control(do="quote", token=token, side="BUY", price="0.49", size="10")
    exchange.control(do="quote", token=token, side="SELL", price="0.52", size="10")
    return token


def test_prices_of_one_token(exchange: Running) -> None:
    token = one_level(exchange)

    def read(path: str, **more: str) -> Any:
        return exchange.http.get(path, params={"token_id": token, **more}).json()

    assert read("/midpoint") == {"mid": "0.505"}
    assert read("/spread") == {"spread": "0.03"}
    assert read("/price", side="BUY") == {"price": "0.49"}
    assert read("/price", side="SELL") == {"price": "0.52"}
    assert read("/tick-size") == {"minimum_tick_size": 0.01}
    assert read("/neg-risk") == {"neg_risk": False}
    assert read("/fee-rate") == {"base_fee": 0}


def test_prices_of_several_tokens(exchange: Running) -> None:
    token = one_level(exchange)
    items = [{"token_id": token, "side": "BUY"}, {"token_id": "1", "side": "BUY"}]

    assert exchange.http.post("/midpoints", json=items).json() == {token: "0.505"}
    assert exchange.http.post("/spreads", json=items).json() == {token: "0.03"}
    assert exchange.http.post("/prices", json=items).json() == {token: {"BUY": 0.49}}
    assert [b["asset_id"] for b in exchange.http.post("/books", json=items).json()] == [token]


def test_at_most_500_books_at_once(exchange: Running) -> None:
    items = [{"token_id": exchange.tokens[0]}] * 501

    assert exchange.http.post("/books", json=items).status_code == 400


def test_the_last_price_is_the_tokens_own(exchange: Running) -> None:
    token = one_level(exchange)
    params = {"token_id": token}
    assert exchange.http.get("/last-trade-price", params=params).json() == {
        "price": "0.5",
        "side": "",
    }

    exchange.control(do="trade", token=token, side="SELL", size="2")

    assert exchange.http.get("/last-trade-price", params=params).json()["price"] == "0.49"
    params["token_id"] = exchange.sibling(token)
    assert exchange.http.get("/last-trade-price", params=params).json() == {
        "price": "0.51",
        "side": "BUY",
    }


def test_last_prices_of_several_tokens(exchange: Running) -> None:
    token = one_level(exchange)
    exchange.control(do="trade", token=token, side="SELL", size="2")
    items = [{"token_id": token}, {"token_id": exchange.sibling(token)}, {"token_id": "1"}]

    assert exchange.http.post("/last-trades-prices", json=items).json() == [
        {"price": "0.49", "side": "SELL", "token_id": token},
        {"price": "0.51", "side": "BUY", "token_id": exchange.sibling(token)},
    ]


def test_a_market_is_found_by_its_token(exchange: Running) -> None:
    """Which token is called primary says nothing about the outcome."""
    found = [exchange.http.get(f"/markets-by-token/{token}").json() for token in exchange.tokens]

    assert [each["condition_id"] for each in found] == [
        exchange.condition(token) for token in exchange.tokens
    ]
    assert [
        each["primary_token_id"] == t for each, t in zip(found, exchange.tokens, strict=True)
    ] == [True, False]


def test_the_rules_of_a_market(exchange: Running) -> None:
    token = exchange.tokens[0]
    rules = exchange.http.get(f"/clob-markets/{exchange.condition(token)}").json()

    assert rules["t"] == [{"t": token, "o": "Yes"}, {"t": exchange.sibling(token), "o": "No"}]
    assert (rules["mts"], rules["mos"], rules["fd"]) == (0.01, 5, {"r": 0.04, "e": 1, "to": True})


def test_the_venue_says_its_order_version(serve: Serve) -> None:
    assert serve(version=1).http.get("/version").json() == {"version": 1}
    assert serve(version=2).http.get("/version").json() == {"version": 2}


def test_a_ghost_book_does_not_have_the_hash_of_its_own_levels(exchange: Running) -> None:
    token = exchange.tokens[0]
    true = exchange.http.get("/book", params={"token_id": token}).json()

    exchange.control(do="ghost_book", tokens=[token])
    ghost = exchange.http.get("/book", params={"token_id": token}).json()

    assert [level["price"] for level in ghost["bids"] + ghost["asks"]] == ["0.01", "0.99"]
    assert ghost["hash"] == true["hash"]


def test_the_geoblock_says_where_one_is(exchange: Running) -> None:
    assert exchange.http.get("/api/geoblock").json()["blocked"] is False

    exchange.control(do="geoblock")

    assert exchange.http.get("/api/geoblock").json()["blocked"] is True
