"""Every answer is a value, a refusal or no answer; never a mix."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.answer import Answer, refusal, seconds
from POLYMARKET_MAKER.exchange.http import Http
from tests.exchange.scripted_server import Reply, ScriptedServer


class Tick(msgspec.Struct):
    minimum_tick_size: Decimal


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 301])
def test_a_venue_that_cannot_answer_now_is_unreachable(
    http: Http, server: ScriptedServer, status: int
) -> None:
    server.on("GET", "/time", Reply(status, {"error": "Too Many Requests"}))

    with pytest.raises(VenueUnreachable, match=rf"/time: HTTP {status}: Too Many Requests"):
        http.get(f"{server.url}/time", int)
    assert len(server.asked) == 1


def test_a_refusal_carries_the_exchanges_own_words(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/book", Reply(400, {"error": "Invalid token id", "owner": "an api key id"}))

    with pytest.raises(VenueRefused) as caught:
        http.get(f"{server.url}/book", Tick)

    assert str(caught.value) == "Invalid token id"
    assert caught.value.status_code == 400


def test_a_body_without_an_error_text_is_not_repeated(http: Http, server: ScriptedServer) -> None:
    """It could be anything, also an echo of what was sent."""
    server.on("GET", "/time", Reply(403, body=b"<html>owner: an api key id</html>"))

    with pytest.raises(VenueRefused) as caught:
        http.get(f"{server.url}/time", int)

    assert str(caught.value) == f"GET {server.url}/time: HTTP 403"


def test_post_only_mode_says_its_code_and_how_long(http: Http, server: ScriptedServer) -> None:
    body = {"error": "post-only mode", "code": "post_only_mode", "retry_after_seconds": 79}
    server.on("POST", "/order", Reply(503, body))

    with pytest.raises(VenueUnreachable) as caught:
        http.send("POST", f"{server.url}/order", Tick, body=b"{}")

    assert caught.value.code == "post_only_mode"
    assert caught.value.retry_after_s == 79


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (425, "", "engine_restarting"),
        (429, "Too Many Requests", "rate_limited"),
        (503, "Trading is currently cancel-only. New orders are not accepted, …", "cancel_only"),
        (503, "Trading is currently disabled. Check polymarket.com", "trading_disabled"),
        (503, "trading is disabled", "trading_disabled"),
        (500, "could not insert order", None),
    ],
)
def test_a_state_of_the_exchange_has_a_code(
    http: Http, server: ScriptedServer, status: int, text: str, code: str | None
) -> None:
    server.on("POST", "/order", Reply(status, {"error": text}))

    with pytest.raises(VenueUnreachable) as caught:
        http.send("POST", f"{server.url}/order", Tick, body=b"{}")

    assert caught.value.code == code


def test_the_retry_after_header_wins_over_the_body(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/time", Reply(429, {"retry_after_seconds": 9}, headers={"Retry-After": "2"}))

    with pytest.raises(VenueUnreachable) as caught:
        http.get(f"{server.url}/time", int)

    assert caught.value.retry_after_s == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[1]", b'{"minimum_tick_size": "x"}'])
def test_an_answer_that_cannot_be_read_is_no_answer(
    http: Http, server: ScriptedServer, body: bytes
) -> None:
    server.on("GET", "/tick-size", Reply(body=body))

    with pytest.raises(VenueUnreachable, match="unreadable answer"):
        http.get(f"{server.url}/tick-size", Tick)


@given(st.integers(100, 599), st.binary(max_size=200), st.text(max_size=20))
def test_any_answer_becomes_one_of_the_two_errors(status: int, body: bytes, wait: str) -> None:
    error = refusal(Answer("GET x", status, body, {"retry-after": wait}))

    if isinstance(error, VenueRefused):
        assert 400 <= status < 500
        assert status not in (408, 425, 429)
        assert error.status_code == status
    else:
        assert error.retry_after_s is None or 0 <= error.retry_after_s <= 3600


@given(st.one_of(st.none(), st.text(), st.floats()))
def test_a_wait_is_a_sane_number_or_nothing(value: str | float | None) -> None:
    wait = seconds(value)

    assert wait is None or 0 <= wait <= 3600
