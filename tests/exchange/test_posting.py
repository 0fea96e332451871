"""What an answer to an order means; above all, when it means nothing."""

from __future__ import annotations

import json

import pytest

from POLYMARKET_MAKER.core.model import OrderVersion
from POLYMARKET_MAKER.core.order import Outcome, Placed, Rejected, SignedOrder, Unknown
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType
from POLYMARKET_MAKER.exchange.clob_v2 import ClobV2
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import Exchange, LiveAccount, is_unauthorised, refuses_us
from tests.exchange.golden import Case
from tests.exchange.scripted_server import Harm, Reply, ScriptedServer

CASE = Case(OrderVersion.V2, SignatureType.EOA)
SIGNED = SignedOrder(CASE.order, "0xours", b'{"signed": true}')


@pytest.fixture
def clob(http: Http, server: ScriptedServer, credentials: Credentials) -> ClobV2:
    return ClobV2(http, server.url, credentials, CASE.wallet)


def posted(clob: ClobV2, server: ScriptedServer, answer: Reply) -> Outcome:
    server.on("POST", "/order", answer)
    outcome = clob.post(SIGNED)
    assert len(server.asked) == 1, "an order is sent once, whatever happens"
    assert server.asked[0].body == SIGNED.body
    return outcome


def test_the_adapters_are_what_worker_and_supervisor_are_handed(clob: ClobV2) -> None:
    as_exchange: Exchange = clob
    as_account: LiveAccount = clob

    assert callable(as_exchange.post)
    assert callable(as_account.heartbeat)


def test_an_order_that_rests_is_placed(clob: ClobV2, server: ScriptedServer) -> None:
    answer = {"success": True, "errorMsg": "", "orderID": "0xours", "status": "live"}

    assert posted(clob, server, Reply(value=answer)) == Placed("0xours", "live")


def test_an_order_that_matched_names_its_trades_and_nothing_is_polled(
    clob: ClobV2, server: ScriptedServer
) -> None:
    """The library would now ask for these trades for up to 30 s."""
    answer = {
        "success": True,
        "errorMsg": "",
        "orderID": "0xours",
        "status": "matched",
        "makingAmount": "5.2",
        "takingAmount": "10",
        "transactionsHashes": [],
        "tradeIDs": ["t1", "t2"],
    }

    outcome = posted(clob, server, Reply(value=answer))

    assert outcome == Placed("0xours", "matched", ("t1", "t2"))


def test_a_field_that_is_null_is_a_field_that_is_missing(
    clob: ClobV2, server: ScriptedServer
) -> None:
    answer = {"success": True, "errorMsg": None, "orderID": "0xours", "tradeIDs": None}

    assert posted(clob, server, Reply(value=answer)) == Placed("0xours", "")


def test_success_false_is_a_refusal_despite_status_200(
    clob: ClobV2, server: ScriptedServer
) -> None:
    answer = {"success": False, "errorMsg": "not enough balance / allowance", "orderID": ""}

    outcome = posted(clob, server, Reply(value=answer))

    assert outcome == Rejected("not enough balance / allowance", 200)


def test_success_true_without_an_id_and_with_an_error_is_a_refusal(
    clob: ClobV2, server: ScriptedServer
) -> None:
    """Seen for amounts of too many decimals (rs-clob-client #114)."""
    answer = {"success": True, "errorMsg": "invalid amounts", "orderID": "", "status": ""}

    assert posted(clob, server, Reply(value=answer)) == Rejected("invalid amounts", 200)


@pytest.mark.parametrize(
    "answer", [{"success": False, "errorMsg": ""}, {}, {"message": "upstream busy"}]
)
def test_an_answer_without_a_word_of_refusal_is_unknown(
    clob: ClobV2, server: ScriptedServer, answer: dict[str, object]
) -> None:
    """Somebody between us and the exchange may have written it: the order may rest."""
    assert isinstance(posted(clob, server, Reply(value=answer)), Unknown)


@pytest.mark.parametrize(
    "text",
    [
        "invalid post-only order: order crosses book",
        "order 0xours is invalid. Price (0.505) breaks minimum tick size rule: 0.01",
        "order_version_mismatch",
    ],
)
def test_a_400_is_a_refusal_in_the_exchanges_words(
    clob: ClobV2, server: ScriptedServer, text: str
) -> None:
    assert posted(clob, server, Reply(400, {"error": text})) == Rejected(text, 400)


@pytest.mark.parametrize("status", [200, 400])
def test_a_duplicate_was_taken_the_first_time(
    clob: ClobV2, server: ScriptedServer, status: int
) -> None:
    text = "order 0xours is invalid. Duplicated."
    body = {"success": True, "errorMsg": text, "orderID": "", "error": text}

    assert posted(clob, server, Reply(status, body)) == Placed("0xours", "duplicate")


@pytest.mark.parametrize(
    "answer",
    [
        Reply(425),
        Reply(429, {"error": "Too Many Requests"}),
        Reply(500, {"error": "could not insert order"}),
        Reply(503, {"error": "trading is disabled"}),
        Reply(body=b"<html>"),
        Reply(body=b"[]"),
        Reply(value={"success": True, "errorMsg": "", "orderID": ""}),
        Reply(value={"success": False, "errorMsg": "", "orderID": "0xours"}),
        Reply(400, {"error": "order match delayed due to market conditions"}),
        Harm.DROP,
    ],
    ids=["425", "429", "500", "503", "html", "list", "no id", "id", "delayed", "dropped"],
)
def test_without_a_clear_answer_the_outcome_is_unknown(
    clob: ClobV2, server: ScriptedServer, answer: Reply
) -> None:
    assert isinstance(posted(clob, server, answer), Unknown)


def test_silence_until_the_deadline_is_unknown(
    server: ScriptedServer, credentials: Credentials
) -> None:
    http = Http(deadline_s=0.2)
    clob = ClobV2(http, server.url, credentials, CASE.wallet)

    assert isinstance(posted(clob, server, Harm.HANG), Unknown)
    http.close()


def test_post_only_mode_is_unknown_with_its_code_and_wait(
    clob: ClobV2, server: ScriptedServer
) -> None:
    body = {"error": "post-only mode", "code": "post_only_mode", "retry_after_seconds": 79}

    outcome = posted(clob, server, Reply(503, body))

    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.retry_after_s) == ("post_only_mode", 79)


def test_a_matching_engine_that_restarts_says_how_long(
    clob: ClobV2, server: ScriptedServer
) -> None:
    outcome = posted(clob, server, Reply(425, headers={"Retry-After": "1"}))

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after_s == 1


def test_the_same_bytes_are_sent_again(clob: ClobV2, server: ScriptedServer) -> None:
    server.on("POST", "/order", [Harm.DROP, Reply(400, {"error": "... is invalid. Duplicated."})])
    signed = clob.sign(CASE.order, CASE.market)

    first, second = clob.post(signed), clob.post(signed)

    assert isinstance(first, Unknown)
    assert second == Placed(signed.order_id, "duplicate")
    assert server.asked[0].body == server.asked[1].body == signed.body


def test_a_signed_order_does_not_show_its_body(clob: ClobV2, credentials: Credentials) -> None:
    signed = clob.sign(CASE.order, CASE.market)

    assert credentials.api_key in json.loads(signed.body)["owner"]
    assert credentials.api_key not in repr(signed)
    assert "signature" not in repr(signed)


@pytest.mark.parametrize(
    ("rejected", "expected"),
    [
        (Rejected("order_version_mismatch", 400), True),
        (Rejected("invalid order version, please use the latest clob-client", 400), True),
        (Rejected("Unauthorized/Invalid api key", 401), False),
        (Rejected("maker address not allowed, please use the deposit wallet flow", 400), True),
        (Rejected("the order signer address has to be the address of the API KEY", 400), True),
        (Rejected("invalid signature", 400), True),
        (Rejected("blocked", 403), False),
        (Rejected("invalid post-only order: order crosses book", 400), False),
        (Rejected("not enough balance / allowance", 400), False),
        (Rejected("the market is not yet ready to process new orders", 400), False),
    ],
    ids=lambda value: value.reason if isinstance(value, Rejected) else "",
)
def test_a_refusal_of_us_is_told_from_a_refusal_of_the_order(
    rejected: Rejected, *, expected: bool
) -> None:
    assert refuses_us(rejected) is expected


def test_a_refusal_of_who_asks_is_told_from_all_others() -> None:
    """It is asked once more before it is believed."""
    assert is_unauthorised(401, "Unauthorized/Invalid api key")
    assert is_unauthorised(403, "")
    assert is_unauthorised(400, "invalid API key")
    assert not is_unauthorised(400, "invalid signature")
    assert not is_unauthorised(None, "timeout")
