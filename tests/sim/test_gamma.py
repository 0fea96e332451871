"""Gamma, the directory of markets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sim.running import Running, Serve


def read(exchange: Running, path: str, **params: Any) -> Any:
    return exchange.http.get(f"/gamma/{path}", params=params).json()


def test_lists_are_json_in_strings(exchange: Running) -> None:
    token = exchange.tokens[0]
    (market,) = read(exchange, "markets", clob_token_ids=token)

    assert json.loads(market["clobTokenIds"]) == [token, exchange.sibling(token)]
    assert json.loads(market["outcomes"]) == ["Yes", "No"]
    assert sum(map(float, json.loads(market["outcomePrices"]))) == pytest.approx(1)
    assert (market["version"], market["closed"]) == ("v1", False)


def test_a_protocol_v2_market_names_position_ids_only(serve: Serve) -> None:
    exchange = serve(tokens=1, positions=1)

    (market,) = read(exchange, "markets/keyset")["markets"]

    assert (market["version"], market["clobTokenIds"]) == ("v2", None)
    assert market["positionIds"][0] == exchange.tokens[0]


@pytest.mark.parametrize("how", ["condition_ids", "clob_token_ids", "slug"])
def test_a_market_is_found_by_any_of_its_names(exchange: Running, how: str) -> None:
    spec = list(exchange.venue.engine.markets.values())[1].spec
    name = {
        "condition_ids": spec.condition_id,
        "clob_token_ids": spec.tokens[1],
        "slug": spec.slug,
    }[how]

    for found in (
        read(exchange, "markets", **{how: name}),
        read(exchange, "markets/keyset", **{how: name})["markets"],
    ):
        assert [market["conditionId"] for market in found] == [spec.condition_id]


def test_a_market_is_read_alone_by_slug_or_number(exchange: Running) -> None:
    spec = next(iter(exchange.venue.engine.markets.values())).spec

    market = read(exchange, f"markets/slug/{spec.slug}")

    assert market["conditionId"] == spec.condition_id
    assert read(exchange, f"markets/{market['id']}") == market
    assert exchange.http.get("/gamma/markets/slug/nothing").status_code == 404


def test_pages_are_followed_by_cursor(serve: Serve) -> None:
    exchange = serve(tokens=5)
    found, cursor = [], None
    while True:
        params = {"limit": "2", **({"after_cursor": cursor} if cursor else {})}
        page = read(exchange, "markets/keyset", **params)
        found += page["markets"]
        cursor = page.get("next_cursor")
        if cursor is None:
            break

    assert len({market["conditionId"] for market in found}) == 5


def test_an_offset_is_422_on_the_new_route_only(exchange: Running) -> None:
    assert exchange.http.get("/gamma/markets/keyset", params={"offset": 1}).status_code == 422
    old = exchange.http.get("/gamma/markets", params={"offset": 1})
    assert len(old.json()) == 1
    assert old.headers["deprecation"] == "true"


def test_a_resolved_market_is_closed_and_shows_the_winner(exchange: Running) -> None:
    token = exchange.tokens[0]
    exchange.control(do="resolve", token=token, event=False)

    (market,) = read(exchange, "markets", closed="true")

    assert (market["closed"], market["umaResolutionStatus"]) == (True, "resolved")
    assert json.loads(market["outcomePrices"]) == ["1", "0"]


def test_the_end_date_follows_the_clock_scale(serve: Serve) -> None:
    exchange = serve(tokens=1, ends_in_s=3600.0, clock_scale=60.0)
    (spec,) = [market.spec for market in exchange.venue.engine.markets.values()]

    assert 59 <= spec.end_at - exchange.venue.started_at + 1 <= 62
