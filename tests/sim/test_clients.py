"""Both real client libraries: what they send is taken, and a forgery is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from py_clob_client.client import ClobClient as ClientV1
from py_clob_client.clob_types import OpenOrderParams as OpenOrdersV1
from py_clob_client.clob_types import OrderArgs as ArgsV1
from py_clob_client.clob_types import OrderType as TypeV1
from py_clob_client.exceptions import PolyApiException as RefusedV1
from py_clob_client_v2 import client as module_v2
from py_clob_client_v2.client import ClobClient as ClientV2
from py_clob_client_v2.clob_types import (
    BalanceAllowanceParams,
    MarketOrderArgsV2,
    OpenOrderParams,
    OrderMarketCancelParams,
    OrderPayload,
    OrderType,
    PartialCreateOrderOptions,
    PostOrdersV2Args,
    TradeParams,
)
from py_clob_client_v2.clob_types import OrderArgsV2 as ArgsV2
from py_clob_client_v2.exceptions import PolyApiException as RefusedV2
from py_clob_client_v2.order_utils import ExchangeOrderBuilderV2

from tests.sim.running import Running, Serve

KEY = "0x" + "11" * 32
OTHER_KEY = "0x" + "22" * 32
FUNDER = "0x00000000000000000000000000000000000000F1"


@pytest.fixture(autouse=True)
def _no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fill the library polls for a transaction hash, up to 30 s."""
    monkeypatch.setattr(module_v2, "RESOLVE_TRADES_TIMEOUT_SECONDS", 0.0)


def v2(exchange: Running, key: str = KEY, **wallet: Any) -> Any:
    client = ClientV2(exchange.urls["clob"], 137, key=key, **wallet)
    client.set_api_creds(client.create_or_derive_api_key())
    return client


def v1(exchange: Running, key: str = KEY, **wallet: Any) -> Any:
    client = ClientV1(exchange.urls["clob"], chain_id=137, key=key, **wallet)
    client.set_api_creds(client.create_or_derive_api_creds())
    return client


def bid(exchange: Running, token: str) -> float:
    return float(exchange.control(do="book", token=token)["bids"][-1]["price"])


def ask(exchange: Running, token: str) -> float:
    return float(exchange.control(do="book", token=token)["asks"][-1]["price"])


# -- version 2 ----------------------------------------------------------------


def test_a_v2_order_is_verified_rests_and_is_cancelled(exchange: Running) -> None:
    client, token = v2(exchange), exchange.tokens[0]

    placed = client.create_and_post_order(
        ArgsV2(token_id=token, price=bid(exchange, token), size=10, side="BUY"), post_only=True
    )

    assert (placed["success"], placed["status"]) == (True, "live")
    (row,) = client.get_open_orders()
    assert (row["id"], row["asset_id"], row["original_size"]) == (placed["orderID"], token, "10")
    assert client.cancel_order(OrderPayload(orderID=placed["orderID"])) == {
        "canceled": [placed["orderID"]],
        "not_canceled": {},
    }
    assert client.get_order(placed["orderID"])["status"] == "CANCELED"
    assert exchange.stats()["signatures_verified"] == {"v2": 1}


def test_the_order_id_is_the_hash_that_the_client_computes(exchange: Running) -> None:
    """So an order whose answer was lost can be looked up."""
    client, token = v2(exchange), exchange.tokens[0]
    order = client.create_order(ArgsV2(token_id=token, price=0.2, size=10, side="BUY"))

    placed = client.post_order(order)

    assert placed["orderID"] == _v2_hash(order)


def _v2_hash(order: Any) -> str:
    builder = ExchangeOrderBuilderV2("0xE111180000d2663C0091e4f400237545B87B996B", 137, None)
    fields = dataclasses.asdict(order)
    fields.pop("signature")
    unsigned = type(order).__mro__[1](**fields)
    return str(builder.build_order_hash(builder.build_order_typed_data(unsigned)))


@pytest.mark.parametrize("signature_type", [1, 2, 3])
def test_a_wallet_of_another_kind_signs_for_its_funder(
    exchange: Running, signature_type: int
) -> None:
    client, token = v2(exchange, signature_type=signature_type, funder=FUNDER), exchange.tokens[0]

    placed = client.create_and_post_order(
        ArgsV2(token_id=token, price=0.2, size=10, side="BUY"), post_only=True
    )

    assert client.get_order(placed["orderID"])["maker_address"] == FUNDER
    assert exchange.stats()["open_orders"] == {FUNDER: 1}


def test_a_neg_risk_market_has_its_own_contract(serve: Serve) -> None:
    exchange = serve(tokens=2, neg_risk=1)
    client = v2(exchange)
    right = ArgsV2(token_id=exchange.tokens[0], price=0.2, size=10, side="BUY")
    wrong = PartialCreateOrderOptions(tick_size="0.01", neg_risk=False)

    assert client.create_and_post_order(right)["success"]
    with pytest.raises(RefusedV2, match="invalid signature"):
        client.create_and_post_order(right, wrong)


@pytest.mark.parametrize("signature_type", [0, 3])
def test_a_position_id_needs_the_v3_signature(serve: Serve, signature_type: int) -> None:
    exchange = serve(tokens=1, positions=1)
    wallet: dict[str, Any] = {"signature_type": 3, "funder": FUNDER} if signature_type else {}
    client, token = v2(exchange, **wallet), exchange.tokens[0]

    placed = client.create_and_post_order(
        ArgsV2(token_id=None, position_id=token, price=0.2, size=10, side="BUY")
    )
    with pytest.raises(RefusedV2, match="invalid signature"):
        client.create_and_post_order(ArgsV2(token_id=token, price=0.2, size=10, side="BUY"))

    assert placed["success"]
    assert exchange.stats()["signatures_verified"] == {"v3": 1}
    assert exchange.stats()["signatures_refused"] == {"v3": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"makerAmount": "1990000"},
        {"takerAmount": "11000000"},
        {"salt": "1"},
        {"timestamp": "1795189516002"},
        {"side": 1},
        {"metadata": "0x" + "01" * 32},
        {"signature": "0x" + "00" * 65},
        {"signature": "0x1234"},
        {"signature": "no hex"},
    ],
    ids=lambda change: "-".join(f"{k}={str(v)[:12]}" for k, v in change.items()),
)
def test_an_order_that_was_changed_after_signing_is_refused(
    exchange: Running, change: dict[str, Any]
) -> None:
    client, token = v2(exchange), exchange.tokens[0]
    order = client.create_order(ArgsV2(token_id=token, price=0.2, size=10, side="BUY"))

    with pytest.raises(RefusedV2, match="invalid signature"):
        client.post_order(dataclasses.replace(order, **change))

    assert exchange.stats()["orders_refused"] == {"signature": 1}


def test_a_wrapped_signature_for_another_order_is_refused(exchange: Running) -> None:
    client = v2(exchange, signature_type=3, funder=FUNDER)
    args = ArgsV2(token_id=exchange.tokens[0], price=0.2, size=10, side="BUY")
    order, other = client.create_order(args), client.create_order(args)

    with pytest.raises(RefusedV2, match="invalid signature"):
        client.post_order(dataclasses.replace(order, signature=other.signature))


def test_a_signature_whose_wrapping_was_changed_is_refused(exchange: Running) -> None:
    """The wallet hashes what is wrapped around the 65 bytes; the key did not sign all of it."""
    client = v2(exchange, signature_type=3, funder=FUNDER)
    order = client.create_order(ArgsV2(token_id=exchange.tokens[0], price=0.2, size=10, side="BUY"))

    for changed in (order.signature[:-2] + "00", order.signature[: 2 + 2 * 65]):
        with pytest.raises(RefusedV2, match="invalid signature"):
            client.post_order(dataclasses.replace(order, signature=changed))


def test_nobody_trades_for_the_wallet_of_another(exchange: Running) -> None:
    token = exchange.tokens[0]
    args = ArgsV2(token_id=token, price=0.2, size=10, side="BUY")
    owner = v2(exchange, signature_type=2, funder=FUNDER)
    owner.create_and_post_order(args)
    stranger = v2(exchange, OTHER_KEY, signature_type=2, funder=FUNDER)

    with pytest.raises(RefusedV2, match="maker address not allowed"):
        stranger.create_and_post_order(args)
    with pytest.raises(RefusedV2, match="signer address has to be the address of the API KEY"):
        stranger.post_order(owner.create_order(args))


def test_the_same_order_twice_is_duplicated(exchange: Running) -> None:
    client = v2(exchange)
    order = client.create_order(ArgsV2(token_id=exchange.tokens[0], price=0.2, size=10, side="BUY"))
    order_id = client.post_order(order)["orderID"]

    with pytest.raises(RefusedV2, match=f"order {order_id} is invalid. Duplicated."):
        client.post_order(order)


def test_a_batch_says_for_each_order_what_became_of_it(exchange: Running) -> None:
    client, token = v2(exchange), exchange.tokens[0]
    order = client.create_order(ArgsV2(token_id=token, price=0.2, size=10, side="BUY"))
    arguments = [PostOrdersV2Args(order=order, orderType=OrderType.GTC)] * 2

    first, second = client.post_orders(arguments)

    assert first["status"] == "live"
    assert second["orderID"] == ""
    assert "Duplicated" in second["errorMsg"]
    with pytest.raises(RefusedV2, match="Too many orders in payload: 16, max allowed: 15"):
        client.post_orders(arguments * 8)


def test_a_market_order_buys_for_dollars(exchange: Running) -> None:
    client, token = v2(exchange), exchange.tokens[0]

    placed = client.create_and_post_market_order(
        MarketOrderArgsV2(token_id=token, amount=5, side="BUY"), order_type=OrderType.FOK
    )

    assert placed["status"] == "matched"
    assert 4.99 < float(placed["makingAmount"]) <= 5
    assert placed["transactionsHashes"] == []
    (trade,) = client.get_trades()
    assert placed["tradeIDs"] == [trade["id"]]
    assert (trade["trader_side"], trade["asset_id"]) == ("TAKER", token)
    shares = client.get_balance_allowance(
        BalanceAllowanceParams(asset_type="CONDITIONAL", token_id=token)
    )
    assert int(shares["balance"]) == round(float(placed["takingAmount"]) * 1e6)


def test_a_filled_maker_finds_its_part_below_the_takers(exchange: Running) -> None:
    """The taker bought the complementary token: the trade's own token is that one."""
    client, token = v2(exchange), exchange.tokens[0]
    exchange.control(do="clear_book", token=token)
    placed = client.create_and_post_order(
        ArgsV2(token_id=token, price=0.4, size=10, side="BUY"), post_only=True
    )

    exchange.control(do="trade", token=exchange.sibling(token), side="BUY", size="4", price="0.6")

    (trade,) = client.get_trades()
    (part,) = trade["maker_orders"]
    assert (trade["trader_side"], trade["asset_id"]) == ("MAKER", exchange.sibling(token))
    assert (part["order_id"], part["asset_id"], part["matched_amount"], part["price"]) == (
        placed["orderID"], token, "4", "0.4",
    )  # fmt: skip
    assert client.get_order(placed["orderID"])["size_matched"] == "4"


def test_trades_are_listed_by_time_token_and_number(exchange: Running) -> None:
    client, token = v2(exchange), exchange.tokens[0]
    client.create_and_post_market_order(
        MarketOrderArgsV2(token_id=token, amount=5, side="BUY"), order_type=OrderType.FAK
    )
    (trade,) = client.get_trades()
    at = int(trade["match_time"])

    assert client.get_trades(TradeParams(after=at, before=at, asset_id=token)) == [trade]
    assert client.get_trades(TradeParams(id=trade["id"])) == [trade]
    assert client.get_trades(TradeParams(after=at + 1)) == []
    assert client.get_trades(TradeParams(asset_id=exchange.tokens[1])) == []
    with pytest.raises(RefusedV2):
        client.get_trades(TradeParams(after="yesterday"))


def test_orders_are_listed_by_market_but_not_by_token_alone(exchange: Running) -> None:
    client, (first, second) = v2(exchange), exchange.tokens
    for token in (first, second):
        client.create_and_post_order(ArgsV2(token_id=token, price=0.2, size=10, side="BUY"))

    found = client.get_open_orders(OpenOrderParams(market=exchange.condition(second)))

    assert [row["asset_id"] for row in found] == [second]
    with pytest.raises(RefusedV2):
        client.get_open_orders(OpenOrderParams(asset_id=first))


def test_orders_are_listed_page_by_page(exchange: Running) -> None:
    exchange.control(do="rate_limit", kind="orders", per_s=1000, burst=1000)
    client, token = v2(exchange), exchange.tokens[0]
    for number in range(103):
        exchange.control(
            do="foreign_order", wallet=client.get_address(), token=token, side="BUY",
            price="0.05", size=str(5 + number),
        )  # fmt: skip

    assert len(client.get_open_orders()) == 103
    assert len(client.get_open_orders(only_first_page=True)) == 100


def test_all_orders_of_a_token_are_cancelled_at_once(exchange: Running) -> None:
    client, (first, second) = v2(exchange), exchange.tokens
    for token in (first, first, second):
        client.create_and_post_order(ArgsV2(token_id=token, price=0.2, size=10, side="BUY"))

    canceled = client.cancel_market_orders(OrderMarketCancelParams(asset_id=first))

    assert len(canceled["canceled"]) == 2
    assert len(client.cancel_all()["canceled"]) == 1


def test_what_cannot_be_cancelled_is_named_with_its_reason(exchange: Running) -> None:
    client, token = v2(exchange), exchange.tokens[0]
    exchange.control(do="clear_book", token=token)
    matched = client.create_and_post_order(ArgsV2(token_id=token, price=0.4, size=10, side="BUY"))[
        "orderID"
    ]
    exchange.control(do="trade", token=token, side="SELL", size="10")
    unknown = "0x" + "ab" * 32

    assert client.cancel_orders([matched, unknown]) == {
        "canceled": [],
        "not_canceled": {
            matched: "Order already matched",
            unknown: "Order not found or already canceled",
        },
    }


def test_the_reads_of_the_library_are_answered(exchange: Running) -> None:
    client, token = v2(exchange), exchange.tokens[0]

    assert client.get_version() == 2
    assert client.get_ok() == "OK"
    assert isinstance(client.get_server_time(), int)
    assert client.get_tick_size(token) == "0.01"
    assert client.get_neg_risk(token) is False
    assert client.get_closed_only_mode() == {"closed_only": False}
    assert client.get_api_keys() == {"apiKeys": [client.creds.api_key]}
    assert float(client.get_price(token, "BUY")["price"]) == bid(exchange, token)
    assert float(client.get_price(token, "SELL")["price"]) == ask(exchange, token)
    assert client.get_clob_market_info(exchange.condition(token))["mos"] == 5


def test_the_heartbeat_goes_on_with_the_id_it_was_given(exchange: Running) -> None:
    client = v2(exchange)
    first = client.post_heartbeat("")["heartbeat_id"]

    with pytest.raises(RefusedV2, match="Invalid Heartbeat ID") as refused:
        client.post_heartbeat("stale")

    assert refused.value.error_msg["heartbeat_id"] == first
    assert client.post_heartbeat(first)["heartbeat_id"] != first


# -- version 1 ----------------------------------------------------------------


@pytest.mark.parametrize("signature_type", [0, 1, 2])
def test_a_venue_at_version_1_takes_v1_orders(serve: Serve, signature_type: int) -> None:
    exchange = serve(version=1)
    funder = FUNDER if signature_type else None
    client = v1(exchange, signature_type=signature_type, funder=funder)
    token = exchange.tokens[0]

    order = client.create_order(ArgsV1(token_id=token, price=0.2, size=10, side="BUY"))
    placed = client.post_order(order, TypeV1.GTC)

    assert placed["status"] == "live"
    params = OpenOrdersV1(market=exchange.condition(token))
    assert [row["id"] for row in client.get_orders(params)] == [placed["orderID"]]
    assert client.cancel(placed["orderID"])["canceled"] == [placed["orderID"]]
    assert exchange.stats()["signatures_verified"] == {"v1": 1}


def test_a_venue_at_version_2_refuses_v1_orders(exchange: Running) -> None:
    client = v1(exchange)
    order = client.create_order(ArgsV1(token_id=exchange.tokens[0], price=0.2, size=10, side="BUY"))

    with pytest.raises(RefusedV1, match="order_version_mismatch"):
        client.post_order(order, TypeV1.GTC)


def test_a_venue_at_version_1_refuses_v2_orders(serve: Serve) -> None:
    exchange = serve(version=1)
    options = PartialCreateOrderOptions(version=2)

    with pytest.raises(RefusedV2, match="order_version_mismatch"):
        v2(exchange).create_and_post_order(
            ArgsV2(token_id=exchange.tokens[0], price=0.2, size=10, side="BUY"), options
        )


def test_a_v1_order_that_was_changed_after_signing_is_refused(serve: Serve) -> None:
    exchange = serve(version=1)
    client = v1(exchange)
    order = client.create_order(ArgsV1(token_id=exchange.tokens[0], price=0.2, size=10, side="BUY"))
    order.order["makerAmount"] = 1_990_000

    with pytest.raises(RefusedV1, match="invalid signature"):
        client.post_order(order, TypeV1.GTC)
