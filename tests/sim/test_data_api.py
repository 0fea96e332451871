"""The data API: positions, activity and trades of any wallet."""

from __future__ import annotations

from typing import Any

import pytest

from POLYMARKET_MAKER.sim.flow import PERSONAS
from tests.sim.running import Running

OURS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"


def read(exchange: Running, path: str, **params: Any) -> Any:
    answer = exchange.http.get(f"/data-api/v2/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def buy(exchange: Running, price: str = "0.4", size: str = "10") -> str:
    """Let our wallet buy as a maker and return the token."""
    token = exchange.tokens[0]
    exchange.control(do="clear_book", token=token)
    exchange.control(
        do="foreign_order", wallet=OURS, token=token, side="BUY", price=price, size=size
    )
    exchange.control(do="trade", token=token, side="SELL", size=size)
    return token


def test_a_position_is_listed_with_its_cost_in_json_numbers(exchange: Running) -> None:
    token = buy(exchange)

    (row,) = read(exchange, "positions", user=OURS)["data"]

    assert (row["token_id"], row["current_size"], row["avg_price"]) == (token, 10.0, 0.4)
    assert (row["status"], row["outcome"]) == ("OPEN", "Yes")
    assert row["opposite_token_id"] == exchange.sibling(token)


def test_a_sold_position_is_closed_and_keeps_its_profit(exchange: Running) -> None:
    token = buy(exchange)
    exchange.control(
        do="foreign_order", wallet=OURS, token=token, side="SELL", price="0.5", size="10"
    )
    exchange.control(do="trade", token=token, side="BUY", size="10")

    assert read(exchange, "positions", user=OURS)["data"] == []
    (row,) = read(exchange, "positions", user=OURS, status="CLOSED")["data"]
    assert row["realized_pnl"] == 1.0


@pytest.mark.parametrize(("winner", "status"), [(0, "REDEEMABLE"), (1, "REDEEMABLE_LOST")])
def test_a_resolved_position_is_redeemable_or_lost(
    exchange: Running, winner: int, status: str
) -> None:
    token = buy(exchange)
    exchange.control(do="resolve", token=[token, exchange.sibling(token)][winner])

    (row,) = read(exchange, "positions", user=OURS)["data"]

    assert row["status"] == status
    assert read(exchange, "value", user=OURS)["data"]["value"] == (10.0 if winner == 0 else 0.0)


def test_positions_are_filtered_by_market(exchange: Running) -> None:
    token = buy(exchange)
    own, other = exchange.condition(token), exchange.condition(exchange.tokens[1])

    assert len(read(exchange, "positions", user=OURS, condition=f"{own},{other}")["data"]) == 1
    assert read(exchange, "positions", user=OURS, condition=other)["data"] == []


def test_activity_has_a_row_for_each_part_in_a_trade(exchange: Running) -> None:
    token = buy(exchange)

    (ours,) = read(exchange, "activity", user=OURS, type="TRADE")["data"]
    (theirs,) = read(exchange, "activity", user=PERSONAS[0].wallet)["data"]

    assert (ours["side"], ours["size"], ours["price"], ours["token_id"]) == (
        "BUY", 10.0, 0.4, token,
    )  # fmt: skip
    assert (theirs["side"], theirs["usdc_size"]) == ("SELL", 4.0)
    assert ours["transaction_hash"] == theirs["transaction_hash"]
    assert read(exchange, "activity", user=OURS, type="REDEEM")["data"] == []


def test_trades_list_takers_unless_asked_otherwise(exchange: Running) -> None:
    buy(exchange)

    assert read(exchange, "trades", user=OURS)["data"] == []
    (row,) = read(exchange, "trades", user=OURS, taker_only="false")["data"]
    assert "usdc_size" not in row


def test_pages_are_followed_by_cursor_until_it_is_null(exchange: Running) -> None:
    token = exchange.tokens[0]
    for _ in range(5):
        exchange.control(do="trade", token=token, side="BUY", size="1")
    sizes, cursor, pages = [], "", 0
    while cursor is not None:
        page = read(exchange, "trades", limit=2, cursor=cursor, taker_only="true")
        sizes += [row["size"] for row in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        pages += 1

    assert (len(sizes), pages) == (5, 3)


def test_rows_are_newest_first_unless_asked_otherwise(exchange: Running) -> None:
    token = exchange.tokens[0]
    for size in ("1", "2", "3"):
        exchange.control(do="trade", token=token, side="BUY", size=size)

    newest = [row["size"] for row in read(exchange, "trades")["data"]]
    oldest = [row["size"] for row in read(exchange, "trades", sort_direction="ASC")["data"]]

    assert newest == [3.0, 2.0, 1.0]
    assert oldest == [1.0, 2.0, 3.0]


def test_a_window_of_time_is_kept_to(exchange: Running) -> None:
    buy(exchange)
    now = exchange.venue.now_ms() // 1000

    assert len(read(exchange, "activity", user=OURS, start=now - 60)["data"]) == 1
    assert read(exchange, "activity", user=OURS, start=now + 60)["data"] == []


@pytest.mark.parametrize(
    "params", [{"offset": "0"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"cursor": "?"}]
)
def test_a_query_that_is_not_allowed_is_400(exchange: Running, params: dict[str, str]) -> None:
    for path in ("activity", "positions", "trades"):
        answer = exchange.http.get(f"/data-api/v2/{path}", params={"user": OURS, **params})
        assert answer.status_code == 400


def test_a_user_is_required(exchange: Running) -> None:
    assert exchange.http.get("/data-api/v2/positions").status_code == 400
