"""User-channel frames, in the exchange's own spelling, become events that do not overstate."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.events import Notice, Pong, Unknown, Unreadable
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import FillStatus
from POLYMARKET_MAKER.core.user_wire import OrderNews, OrderOver, TradeNews, hello, parse

YES, NO = "2174", "4833"
OWNER = "3e2c94ca-8124-c4c1-c7ea-be1ea21b71fe"
ORDER: dict[str, Any] = {
    "asset_id": YES,
    "associate_trades": None,
    "created_at": "1725842520",
    "event_type": "order",
    "expiration": "0",
    "id": "0x0f76",
    "maker_address": "0xa3D8",
    "market": "0xdd22",
    "order_owner": OWNER,
    "order_type": "GTC",
    "original_size": "5",
    "outcome": "Yes",
    "owner": OWNER,
    "price": "0.513",
    "side": "BUY",
    "size_matched": "0",
    "status": "LIVE",
    "timestamp": "1725842520990",
    "type": "PLACEMENT",
}
MAKER: dict[str, Any] = {
    "asset_id": YES,
    "fee_rate_bps": "0",
    "maker_address": "0xa3D8",
    "matched_amount": "5",
    "order_id": "0xab67",
    "outcome": "Yes",
    "owner": OWNER,
    "price": "0.518",
}
TRADE: dict[str, Any] = {
    "asset_id": YES,
    "bucket_index": 0,
    "event_type": "trade",
    "fee_rate_bps": "0",
    "id": "83b5c849",
    "last_update": "1725868885",
    "maker_address": "0x64B7",
    "maker_orders": [MAKER, MAKER | {"asset_id": NO, "order_id": "0x3b67", "price": "0.482"}],
    "market": "0xdd22",
    "match_time": "1725868885",
    "outcome": "Yes",
    "owner": "other",
    "price": "0.518",
    "side": "SELL",
    "size": "10",
    "status": "MATCHED",
    "taker_order_id": "0x71",
    "timestamp": "1725868885871",
    "trade_owner": "other",
    "trader_side": "MAKER",
    "transaction_hash": None,
    "type": "TRADE",
}


def one(message: dict[str, Any]) -> Any:
    (event,) = parse(json.dumps(message))
    return event


def test_a_placement_is_the_order_as_it_stands() -> None:
    order = one(ORDER).order

    assert (order.order_id, order.token_id, order.condition_id) == ("0x0f76", YES, "0xdd22")
    assert (order.side, order.price, order.size) == (Side.BUY, Decimal("0.513"), Decimal(5))
    assert order.is_open
    assert order.created_at == 1725842520


def test_an_update_tells_what_has_traded_so_far() -> None:
    update = one(ORDER | {"type": "UPDATE", "size_matched": "2.5"})

    assert update.order.size_matched == Decimal("2.5")


def test_a_time_in_milliseconds_is_the_same_time() -> None:
    assert one(ORDER | {"created_at": "1725842520000"}).order.created_at == 1725842520


def test_a_cancellation_says_only_which_order_is_over() -> None:
    """A recorded one names the whole size as matched, of an order that never traded."""
    assert one(ORDER | {"type": "CANCELLATION", "size_matched": "5"}) == OrderOver("0x0f76", YES)


def test_a_cancellation_may_have_empty_strings() -> None:
    empty = {name: "" for name in ORDER if name not in ("id", "type", "event_type")}

    assert one(ORDER | empty | {"type": "CANCELLATION"}) == OrderOver("0x0f76", "")


def test_a_trade_fills_each_resting_order_by_its_own_row() -> None:
    """A seller of YES meets a buyer of YES, and a seller of NO."""
    trade = one(TRADE)

    assert isinstance(trade, TradeNews)
    assert trade.taker_order_id == "0x71"
    same, other = trade.fills
    assert (same.trade_id, same.order_id) == ("83b5c849", "0xab67")
    assert (same.token_id, same.side, same.price) == (YES, Side.BUY, Decimal("0.518"))
    assert (other.token_id, other.side, other.price) == (NO, Side.SELL, Decimal("0.482"))
    assert all(fill.is_maker and fill.fee == 0 and fill.size == 5 for fill in trade.fills)


def test_a_stated_side_of_a_maker_wins() -> None:
    (fill,) = one(TRADE | {"maker_orders": [MAKER | {"side": "SELL"}]}).fills

    assert fill.side is Side.SELL


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("MATCHED", FillStatus.MATCHED),
        ("MINED", FillStatus.MINED),
        ("RETRYING", FillStatus.RETRYING),
        ("CONFIRMED", FillStatus.CONFIRMED),
        ("TRADE_STATUS_FAILED", FillStatus.FAILED),
        ("MATCHED_NOT_BROADCASTED", FillStatus.MATCHED),
    ],
)
def test_each_status_of_a_trade_is_known(word: str, status: FillStatus) -> None:
    assert {fill.status for fill in one(TRADE | {"status": word}).fills} == {status}


@pytest.mark.parametrize(
    "broken",
    [
        {"price": ""},
        {"price": "NaN"},
        {"original_size": "many"},
        {"side": "HOLD"},
        {"created_at": None},
        {"asset_id": ""},
        {"id": ""},
    ],
    ids=str,
)
def test_an_order_that_cannot_be_understood_is_unreadable(broken: dict[str, Any]) -> None:
    assert isinstance(one(ORDER | broken), Unreadable)


def test_a_trade_with_a_status_nobody_knows_is_unreadable() -> None:
    assert isinstance(one(TRADE | {"status": "SETTLED"}), Unreadable)


def test_other_frames_are_told_apart() -> None:
    assert parse("PONG") == [Pong()]
    assert parse("INVALID OPERATION") == [Notice("INVALID OPERATION")]
    assert isinstance(one({"event_type": "balance", "id": "1"}), Unknown)


def test_an_array_holds_several_events() -> None:
    events = parse(json.dumps([ORDER, TRADE]))

    assert [type(event) for event in events] == [OrderNews, TradeNews]


def test_no_sample_shows_an_api_key() -> None:
    """``owner`` fields are API key ids."""
    for text in (json.dumps(ORDER | {"side": "HOLD"}), json.dumps(ORDER | {"type": "ODD"})):
        assert OWNER not in str(parse(text))


def test_the_first_frame_names_no_markets() -> None:
    """All of them are meant; an empty list would be refused."""
    assert json.loads(hello(api_key="k", secret="s", passphrase="p")) == {
        "auth": {"apiKey": "k", "secret": "s", "passphrase": "p"},
        "type": "user",
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted({*ORDER, *TRADE})), json_values), st.booleans())
def test_no_frame_makes_it_raise(changes: dict[str, Any], is_trade: bool) -> None:  # noqa: FBT001
    base = TRADE if is_trade else ORDER
    assert parse(json.dumps(base | changes))


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert len(parse(text)) <= 1 or text.strip().startswith("[")
