"""The exchange's rows, with every spelling that it has used."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import Fill, FillStatus
from POLYMARKET_MAKER.core.order_words import fill_status
from POLYMARKET_MAKER.exchange import rows
from tests.exchange.golden import FUNDER, OWNER, POSITION, TOKEN

OTHER = "00000000-0000-0000-0000-000000000009"
ORDER = {
    "id": "0xab",
    "status": "LIVE",
    "owner": OWNER,
    "maker_address": FUNDER,
    "market": "0xc0",
    "asset_id": TOKEN,
    "side": "BUY",
    "original_size": "10",
    "size_matched": "2.5",
    "price": "0.52",
    "outcome": "Yes",
    "expiration": None,
    "order_type": "GTC",
    "associate_trades": None,
    "created_at": 1782753357,
}
TRADE = {
    "id": "t1",
    "taker_order_id": "0xaa",
    "market": "0xc0",
    "asset_id": TOKEN,
    "side": "BUY",
    "size": "25.0000",
    "fee_rate_bps": "400",
    "price": "0.5000",
    "status": "TRADE_STATUS_MATCHED",
    "match_time": "1782753357",
    "owner": OTHER,
    "maker_address": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "transaction_hash": None,
    "bucket_index": 0,
    "trader_side": "MAKER",
    "maker_orders": [
        {
            "order_id": "0xb1",
            "owner": OTHER,
            "maker_address": "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
            "matched_amount": "15",
            "price": "0.50",
            "asset_id": TOKEN,
            "side": "SELL",
            "fee_rate_bps": "",
        },
        {
            "order_id": "0xb2",
            "owner": OWNER,
            "maker_address": FUNDER,
            "matched_amount": "10",
            "price": "0.50",
            "asset_id": "999",
            "side": "BUY",
        },
    ],
}


def trade(**changes: object) -> rows.TradeRow:
    return msgspec.convert({**TRADE, **changes}, rows.TradeRow)


def ours(row: rows.TradeRow) -> list[Fill]:
    return list(
        rows.fills(row, owner=OWNER, funder=FUNDER.lower(), taker_fee=lambda _: Decimal("0.25"))
    )


def test_size_matched_is_read() -> None:
    """The ancestor never did, so that every partial fill looked like none."""
    order = rows.open_order(msgspec.convert(ORDER, rows.OrderRow))

    assert order.size == 10
    assert order.size_matched == Decimal("2.5")
    assert order.remaining == Decimal("7.5")
    assert order.is_open


@pytest.mark.parametrize(
    ("word", "status", "is_open"),
    [
        ("LIVE", "LIVE", True),
        ("ORDER_STATUS_LIVE", "LIVE", True),
        ("delayed", "DELAYED", True),
        ("ORDER_STATUS_CANCELED_MARKET_RESOLVED", "CANCELED_MARKET_RESOLVED", False),
        ("MATCHED", "MATCHED", False),
    ],
)
def test_a_status_is_read_with_or_without_its_prefix(
    word: str, status: str, *, is_open: bool
) -> None:
    order = rows.open_order(msgspec.convert({**ORDER, "status": word}, rows.OrderRow))

    assert order.status == status
    assert order.is_open is is_open


def test_a_makers_fill_is_found_on_the_complementary_token() -> None:
    """Two buyers met: the taker of this token, and we of the other one."""
    fills = ours(trade())

    assert [(fill.order_id, fill.token_id, fill.side) for fill in fills] == [
        ("0xb2", "999", Side.BUY)
    ]
    assert fills[0].size == 10
    assert fills[0].is_maker
    assert fills[0].fee == 0
    assert fills[0].status is FillStatus.MATCHED
    assert fills[0].at == 1782753357


def test_a_strangers_fill_by_the_same_taker_is_not_ours() -> None:
    makers = TRADE["maker_orders"]
    assert isinstance(makers, list)

    assert ours(trade(maker_orders=makers[:1])) == []


def test_several_orders_of_ours_in_one_trade_are_several_fills() -> None:
    makers = TRADE["maker_orders"]
    assert isinstance(makers, list)
    second = {**makers[1], "order_id": "0xb3"}

    fills = ours(trade(maker_orders=[*makers, second]))

    assert [(fill.trade_id, fill.order_id) for fill in fills] == [("t1", "0xb2"), ("t1", "0xb3")]


def test_an_order_placed_under_another_key_is_found_by_the_wallet() -> None:
    makers = TRADE["maker_orders"]
    assert isinstance(makers, list)

    fills = ours(trade(maker_orders=[{**makers[1], "owner": OTHER}]))

    assert [fill.order_id for fill in fills] == ["0xb2"]


def test_a_takers_fill_is_the_row_and_pays_the_fee() -> None:
    fills = ours(trade(trader_side="TAKER", maker_orders=[]))

    assert [(fill.order_id, fill.size, fill.fee) for fill in fills] == [
        ("0xaa", Decimal(25), Decimal("0.25"))
    ]
    assert not fills[0].is_maker


def test_without_a_trader_side_the_owner_tells_the_taker() -> None:
    assert [fill.order_id for fill in ours(trade(trader_side=None, maker_orders=None))] == []
    mine = trade(trader_side=None, maker_orders=None, owner=OWNER)
    assert [fill.order_id for fill in ours(mine)] == ["0xaa"]


@pytest.mark.parametrize(
    ("asset", "taker", "maker"),
    [(TOKEN, "BUY", Side.SELL), (TOKEN, "SELL", Side.BUY), ("999", "BUY", Side.BUY)],
)
def test_a_maker_without_a_side_has_the_one_that_makes_the_trade_possible(
    asset: str, taker: str, maker: Side
) -> None:
    makers = TRADE["maker_orders"]
    assert isinstance(makers, list)
    row = trade(side=taker, maker_orders=[{**makers[1], "asset_id": asset, "side": None}])

    assert [fill.side for fill in ours(row)] == [maker]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("TRADE_STATUS_MATCHED", FillStatus.MATCHED),
        ("TRADE_STATUS_MATCHED_NOT_BROADCASTED", FillStatus.MATCHED),
        ("MATCHED_NOT_BROADCASTED", FillStatus.MATCHED),
        ("MINED", FillStatus.MINED),
        ("TRADE_STATUS_RETRYING", FillStatus.RETRYING),
        ("confirmed", FillStatus.CONFIRMED),
        ("TRADE_STATUS_FAILED", FillStatus.FAILED),
    ],
)
def test_a_trade_status_is_read_in_both_spellings(word: str, status: FillStatus) -> None:
    assert fill_status(word) is status


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "TRADE_STATUS_INVENTED"},
        {"price": "NaN", "trader_side": "TAKER"},
        {"match_time": "yesterday"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_row_without_meaning_is_an_error_not_a_missing_fill(changes: dict[str, object]) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        ours(trade(**changes))


@pytest.mark.parametrize("value", [1782753357, "1782753357", "2026-06-29T17:15:57Z"])
def test_a_time_is_read_as_number_text_or_iso(value: int | str) -> None:
    assert rows.stamp(value) == 1782753357


def test_a_position_id_is_told_by_its_bits() -> None:
    assert rows.is_position_id(POSITION)
    assert not rows.is_position_id(TOKEN)


@given(st.integers(0, 2**256 - 1))
def test_setting_any_of_the_reserved_bits_makes_it_a_token(number: int) -> None:
    mask = ((1 << 64) - 1) << 40

    assert rows.is_position_id(str(number & ~mask))
    assert not rows.is_position_id(str(number | (1 << 40)))
    assert not rows.is_position_id(str(number | (1 << 103)))
