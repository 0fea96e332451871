"""Reads and cancels: whole lists or an error, and what was not cancelled is said."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal

import pytest

from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType
from POLYMARKET_MAKER.exchange.http import Http
from tests.exchange.golden import FUNDER, POSITION, TOKEN
from tests.exchange.scripted_server import Asked, Harm, Reply, ScriptedServer
from tests.exchange.test_rows import ORDER, TRADE


@pytest.fixture
def account(http: Http, server: ScriptedServer, credentials: Credentials) -> Account:
    return Account(http, server.url, credentials, funder=FUNDER, signature_type=SignatureType.SAFE)


def page(*rows: object, cursor: str = "LTE=") -> Reply:
    return Reply(value={"limit": 100, "next_cursor": cursor, "count": len(rows), "data": rows})


def order(order_id: str, **changes: object) -> dict[str, object]:
    return {**ORDER, "id": order_id, **changes}


def test_orders_are_listed_over_all_pages_and_never_by_token(
    account: Account, server: ScriptedServer
) -> None:
    """From 2026-12-14 the exchange refuses asset_id without market."""
    server.on(
        "GET", "/data/orders", [page(order("0x1"), cursor="MTAw"), page(order("0x2"), order("0x1"))]
    )

    found = account.open_orders()

    assert [each.order_id for each in found] == ["0x1", "0x2"]
    assert [asked.query for asked in server.asked] == [
        {"next_cursor": "MA=="},
        {"next_cursor": "MTAw"},
    ]


def test_orders_may_be_listed_by_market(account: Account, server: ScriptedServer) -> None:
    server.on("GET", "/data/orders", page())

    assert account.open_orders(market="0xc0") == []
    assert server.asked[0].query == {"market": "0xc0", "next_cursor": "MA=="}


def test_no_list_is_never_an_empty_list(account: Account, server: ScriptedServer) -> None:
    server.on("GET", "/data/orders", [page(order("0x1"), cursor="MTAw"), Reply(500)])

    with pytest.raises(VenueUnreachable):
        account.open_orders()


def test_one_unreadable_order_spoils_the_list(account: Account, server: ScriptedServer) -> None:
    """Leaving it out would mean an order that rests unseen."""
    server.on("GET", "/data/orders", page(order("0x1"), order("0x2", side="HOLD")))

    with pytest.raises(VenueUnreachable, match="unreadable OrderRow"):
        account.open_orders()


def test_a_list_without_end_is_no_answer(account: Account, server: ScriptedServer) -> None:
    cursors = iter(range(10_000))
    server.on("GET", "/data/orders", lambda _: page(cursor=f"c{next(cursors)}"))

    with pytest.raises(VenueUnreachable, match="no end after 1000 pages"):
        account.open_orders()


def test_a_full_page_that_names_itself_as_the_next_is_not_taken_for_the_last(
    account: Account, server: ScriptedServer
) -> None:
    """Orders behind it would rest unseen."""
    server.on("GET", "/data/orders", page(*(order(f"0x{n}") for n in range(100)), cursor="MA=="))

    with pytest.raises(VenueUnreachable, match="names itself"):
        account.open_orders()


def test_a_page_that_is_not_full_is_the_last_whatever_it_names(
    account: Account, server: ScriptedServer
) -> None:
    server.on("GET", "/data/orders", page(order("0x1"), cursor="MA=="))

    assert [each.order_id for each in account.open_orders()] == ["0x1"]


def test_every_request_is_signed_without_its_query(
    account: Account, server: ScriptedServer, credentials: Credentials
) -> None:
    server.on("GET", "/data/orders", page())

    account.open_orders()

    headers = server.asked[0].headers
    message = f"{headers['poly_timestamp']}GET/data/orders".encode()
    digest = hmac.new(base64.b64decode(credentials.secret), message, hashlib.sha256).digest()
    assert headers["poly_signature"] == base64.urlsafe_b64encode(digest).decode()
    assert headers["poly_api_key"] == credentials.api_key


def test_an_order_is_read_by_id(account: Account, server: ScriptedServer) -> None:
    server.on("GET", "/data/order/0x1", Reply(value=order("0x1", status="MATCHED")))

    found = account.order("0x1")

    assert found is not None
    assert found.status == "MATCHED"


@pytest.mark.parametrize("answer", [Reply(404, {"error": "not found"}), Reply(body=b"null")])
def test_an_unknown_order_is_none(account: Account, server: ScriptedServer, answer: Reply) -> None:
    server.on("GET", "/data/order/0x1", answer)

    assert account.order("0x1") is None


def test_an_order_that_could_not_be_read_is_not_none(
    account: Account, server: ScriptedServer
) -> None:
    server.on("GET", "/data/order/0x1", [Harm.DROP, Reply(401, {"error": "Unauthorized"})])

    with pytest.raises(VenueUnreachable):
        account.order("0x1")
    with pytest.raises(VenueRefused):
        account.order("0x1")


def test_fills_are_asked_for_since_a_time(account: Account, server: ScriptedServer) -> None:
    server.on("GET", "/data/trades", page(TRADE, TRADE))

    fills = account.fills(after=1782753000.7)

    assert [fill.order_id for fill in fills] == ["0xb2"]
    assert server.asked[0].query == {"after": "1782753000", "next_cursor": "MA=="}


def test_a_trade_with_an_unknown_status_spoils_the_list(
    account: Account, server: ScriptedServer
) -> None:
    server.on("GET", "/data/trades", page({**TRADE, "status": "TRADE_STATUS_NEW"}))

    with pytest.raises(VenueUnreachable, match="unreadable TradeRow: 'NEW'"):
        account.fills()


def test_a_balance_is_told_in_usd(account: Account, server: ScriptedServer) -> None:
    answer = {"balance": "1234567", "allowances": {"0xE1": "1000000", "0xe2": "0"}}
    server.on("GET", "/balance-allowance", Reply(value=answer))

    assert account.balance() == Decimal("1.234567")
    assert account.allowance().allowances == {"0xE1": 1, "0xe2": 0}
    assert server.asked[0].query == {"asset_type": "COLLATERAL", "signature_type": "2"}


@pytest.mark.parametrize(("token", "kind"), [(TOKEN, "CONDITIONAL"), (POSITION, "CONDITIONAL-V2")])
def test_a_token_is_asked_for_by_its_kind(
    account: Account, server: ScriptedServer, token: str, kind: str
) -> None:
    server.on("GET", "/balance-allowance", Reply(value={"balance": "5000000"}))

    assert account.allowance(token).balance == 5
    assert server.asked[0].query["asset_type"] == kind
    assert server.asked[0].query["token_id"] == token


def test_closed_only_is_read(account: Account, server: ScriptedServer) -> None:
    server.on("GET", "/auth/ban-status/closed-only", Reply(value={"closed_only": True}))

    assert account.is_closed_only()


def test_what_was_not_canceled_is_said(account: Account, server: ScriptedServer) -> None:
    """HTTP 200 alone cancels nothing."""
    kept = {"0x2": "Order already matched"}
    server.on("DELETE", "/orders", Reply(value={"canceled": ["0x1"], "not_canceled": kept}))

    result = account.cancel(["0x1", "0x2"])

    assert result.canceled == ("0x1",)
    assert result.not_canceled == kept
    assert server.asked[0].body == b'["0x1","0x2"]'


def test_nothing_to_cancel_is_no_request(account: Account, server: ScriptedServer) -> None:
    result = account.cancel([])

    assert (result.canceled, result.not_canceled) == ((), {})
    assert server.asked == []


def test_many_orders_are_canceled_in_requests_that_fit_the_rate_limit(
    account: Account, server: ScriptedServer
) -> None:
    server.on("DELETE", "/orders", _cancel_all)
    ids = [f"0x{n}" for n in range(250)]

    assert account.cancel(ids).canceled == tuple(ids)
    assert [len(json.loads(asked.body)) for asked in server.asked] == [100, 100, 50]


def test_what_a_first_request_canceled_is_not_lost_with_the_second(
    account: Account, server: ScriptedServer
) -> None:
    ids = [f"0x{n}" for n in range(150)]
    server.on("DELETE", "/orders", [Reply(value={"canceled": ids[:100]}), Reply(503)])

    assert account.cancel(ids).canceled == tuple(ids[:100])


def test_a_cancel_without_an_answer_raises(account: Account, server: ScriptedServer) -> None:
    server.on("DELETE", "/orders", Reply(503))

    with pytest.raises(VenueUnreachable):
        account.cancel(["0x1"])


def test_a_heartbeat_goes_on_with_the_id_it_is_given(
    account: Account, server: ScriptedServer
) -> None:
    stale = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": "hb7"}
    server.on("POST", "/v1/heartbeats", [Reply(value={"heartbeat_id": "hb1"}), Reply(400, stale)])

    assert account.heartbeat("") == "hb1"
    assert account.heartbeat("hb1") == "hb7"
    assert [json.loads(asked.body) for asked in server.asked] == [
        {"heartbeat_id": ""},
        {"heartbeat_id": "hb1"},
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(400, {"error": "Invalid order payload"}), VenueRefused),
        (Reply(401, {"error": "Unauthorized/Invalid api key"}), VenueRefused),
        (Reply(503), VenueUnreachable),
        (Reply(body=b"{}"), VenueUnreachable),
    ],
    ids=["another 400", "401", "503", "no id"],
)
def test_a_heartbeat_that_did_not_beat_raises(
    account: Account, server: ScriptedServer, answer: Reply, error: type[Exception]
) -> None:
    server.on("POST", "/v1/heartbeats", answer)

    with pytest.raises(error):
        account.heartbeat("hb1")


def _cancel_all(asked: Asked) -> Reply:
    return Reply(value={"canceled": json.loads(asked.body), "not_canceled": {}})
