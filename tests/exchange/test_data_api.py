"""Anybody's history, page by page, to its end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.http import Http
from tests.exchange.golden import FUNDER, TOKEN
from tests.exchange.scripted_server import Reply, ScriptedServer

POSITION = f"""{{
    "proxy_wallet": "{FUNDER}", "condition_id": "0xc0", "token_id": "{TOKEN}",
    "status": "OPEN", "current_size": 86780.64, "avg_price": 0.5203, "realized_pnl": -1082.5533
}}"""
ACTIVITY = f"""{{
    "timestamp": 1782752879, "condition_id": "0xc0", "type": "TRADE", "size": 25,
    "usdc_size": 12.25, "transaction_hash": "0x4f", "price": 0.1, "token_id": "{TOKEN}",
    "side": "BUY", "title": "Will it rain?", "outcome": "Yes", "outcome_index": 0
}}"""


@pytest.fixture
def api(http: Http, server: ScriptedServer) -> DataApi:
    return DataApi(http, data_url=f"{server.url}/")


def page(rows: str, cursor: str | None = None) -> Reply:
    after = f'"{cursor}"' if cursor else "null"
    return Reply(body=f'{{"data": [{rows}], "pagination": {{"next_cursor": {after}}}}}'.encode())


def test_positions_are_followed_to_the_last_page(api: DataApi, server: ScriptedServer) -> None:
    server.on("GET", "/v2/positions", [page(POSITION, "c2"), page(POSITION)])

    held = api.positions(FUNDER, status="OPEN")

    assert [row.current_size for row in held] == [Decimal("86780.64")] * 2
    first, second = (asked.query for asked in server.asked)
    assert first == {"user": FUNDER, "status": "OPEN", "limit": "500"}
    assert second == {**first, "cursor": "c2"}  # an offset would be refused


def test_json_numbers_stay_exact(api: DataApi, server: ScriptedServer) -> None:
    server.on("GET", "/v2/activity", page(ACTIVITY))

    (row,) = api.activity(FUNDER, start=1782752000.5)

    assert row.price == Decimal("0.1")
    assert row.size == 25
    assert server.asked[0].query == {
        "user": FUNDER,
        "type": "TRADE",
        "start": "1782752000",
        "sort_direction": "ASC",
        "limit": "500",
    }


def test_trades_are_asked_for_by_user(api: DataApi, server: ScriptedServer) -> None:
    server.on("GET", "/v2/trades", page(ACTIVITY))

    (row,) = api.trades(FUNDER, start=0)

    assert row.transaction_hash == "0x4f"
    assert server.asked[0].query == {"user": FUNDER, "start": "0", "limit": "500"}


def test_half_a_list_is_no_list(api: DataApi, server: ScriptedServer) -> None:
    server.on("GET", "/v2/positions", [page(POSITION, "c2"), Reply(502)])

    with pytest.raises(VenueUnreachable):
        api.positions(FUNDER)


def test_a_list_without_end_is_no_answer(api: DataApi, server: ScriptedServer) -> None:
    cursors = iter(range(1000))
    server.on("GET", "/v2/positions", lambda _: page(POSITION, f"c{next(cursors)}"))

    with pytest.raises(VenueUnreachable, match="no end after 200 pages"):
        api.positions(FUNDER)
