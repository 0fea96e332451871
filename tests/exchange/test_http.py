"""Every answer is a value, a refusal or no answer; never a mix, and never asked for twice."""

from __future__ import annotations

import time
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.http import Answer, Http, is_loopback, refusal, seconds
from tests.exchange.scripted_server import Harm, Reply, ScriptedServer


class Tick(msgspec.Struct):
    minimum_tick_size: Decimal


def test_a_json_number_never_becomes_a_float(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/tick-size", Reply(body=b'{"minimum_tick_size": 0.0025}'))

    answer = http.get(f"{server.url}/tick-size", Tick, params={"token_id": "7"})

    assert answer.minimum_tick_size == Decimal("0.0025")
    assert server.asked[0].query == {"token_id": "7"}


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


def test_a_dropped_connection_is_asked_once_and_is_no_answer(
    http: Http, server: ScriptedServer
) -> None:
    """A POST that is sent again by the client is an order that is placed twice."""
    server.on("POST", "/order", Harm.DROP)

    with pytest.raises(VenueUnreachable):
        http.send("POST", f"{server.url}/order", Tick, body=b"{}")

    assert len(server.asked) == 1


@pytest.mark.parametrize("harm", [Harm.HANG, Harm.TRICKLE], ids=["silent", "a byte at a time"])
def test_a_server_that_does_not_end_is_left_at_the_deadline(
    http: Http, server: ScriptedServer, harm: Reply
) -> None:
    server.on("GET", "/time", harm)

    began = time.monotonic()
    with pytest.raises(VenueUnreachable):
        http.get(f"{server.url}/time", int, deadline_s=0.3)

    assert 0.25 < time.monotonic() - began < 2.0


def test_nobody_listening_is_unreachable_and_named(http: Http) -> None:
    with pytest.raises(VenueUnreachable, match=r"GET http://127\.0\.0\.1:1/time: .*refused"):
        http.get("http://127.0.0.1:1/time", int)


def test_loopback_is_never_asked_through_a_proxy(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.on("GET", "/time", Reply(value=7))
    http = Http()

    assert http.get(f"{server.url}/time", int) == 7
    http.close()


def test_the_last_rate_limit_is_kept_by_bucket(http: Http, server: ScriptedServer) -> None:
    limits = {"Poly-RateLimit-Remaining": "59", "Poly-RateLimit-Reset": "1.5"}
    server.on("POST", "/order", Reply(value={"minimum_tick_size": 1}, headers=limits))

    http.send("POST", f"{server.url}/order", Tick, body=b"{}")

    assert http.limits["POST /order"].remaining == 59
    assert http.limits["POST /order"].reset_s == 1.5


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("clob.polymarket.com", False),
        ("localhost.evil.com", False),
    ],
)
def test_loopback_is_told_from_the_world(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


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
