"""Every request has a deadline, is sent once, and stays on this machine where it should."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import msgspec
import pytest

from POLYMARKET_MAKER.errors import SettingsError, VenueUnreachable
from POLYMARKET_MAKER.exchange.http import Http, is_loopback
from tests.exchange.scripted_server import Harm, Reply, ScriptedServer


class Tick(msgspec.Struct):
    minimum_tick_size: Decimal


def test_a_json_number_never_becomes_a_float(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/tick-size", Reply(body=b'{"minimum_tick_size": 0.0025}'))

    answer = http.get(f"{server.url}/tick-size", Tick, params={"token_id": "7"})

    assert answer.minimum_tick_size == Decimal("0.0025")
    assert server.asked[0].query == {"token_id": "7"}


def test_a_dropped_connection_is_asked_once_and_is_no_answer(
    http: Http, server: ScriptedServer
) -> None:
    """A POST that is sent again by the client is an order that is placed twice."""
    server.on("POST", "/order", Harm.DROP)

    with pytest.raises(VenueUnreachable):
        http.send("POST", f"{server.url}/order", Tick, body=b"{}")

    assert len(server.asked) == 1


def test_a_redirect_is_not_followed(http: Http, server: ScriptedServer) -> None:
    """The headers of a signed request are for the host that it names."""
    server.on("GET", "/time", Reply(307, headers={"Location": f"{server.url}/elsewhere"}))
    server.on("GET", "/elsewhere", Reply(value=7))

    with pytest.raises(VenueUnreachable, match="HTTP 307"):
        http.get(f"{server.url}/time", int)


def test_all_phases_of_a_request_share_one_deadline(http: Http, server: ScriptedServer) -> None:
    """Headers after 0.7 s, then silence: httpx alone would wait for 0.7 s and 1 s."""
    server.on("GET", "/time", Harm.LATE_HALF)

    began = time.monotonic()
    with pytest.raises(VenueUnreachable):
        http.get(f"{server.url}/time", int, deadline_s=1.0)

    assert time.monotonic() - began < 1.5


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


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_a_setting_error(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)

    with pytest.raises(SettingsError, match="proxy of the environment cannot be used"):
        Http().get("http://clob.invalid/time", int)


def test_a_client_that_is_closed_meanwhile_is_no_answer(http: Http, server: ScriptedServer) -> None:
    """At the end of the program requests may still be on their way in other threads."""
    server.on("GET", "/time", Reply(value=7))
    http.get(f"{server.url}/time", int)
    http.close()

    with pytest.raises(VenueUnreachable, match="closed"):
        http.get(f"{server.url}/time", int)


def test_a_client_that_was_closed_before_its_first_request_opens_nothing() -> None:
    http = Http()
    http.close()

    with pytest.raises(VenueUnreachable, match="closed"):
        http.get("http://127.0.0.1:1/time", int)


def test_one_client_serves_many_threads(http: Http, server: ScriptedServer) -> None:
    for n in range(40):
        server.on("GET", f"/{n}", Reply(value=n))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: http.get(f"{server.url}/{n}", int), range(40)))

    assert answers == list(range(40))


def test_the_last_rate_limit_is_kept_by_bucket(http: Http, server: ScriptedServer) -> None:
    limits = {"Poly-RateLimit-Remaining": "59", "Poly-RateLimit-Reset": "1.5"}
    server.on("POST", "/order", Reply(value={"minimum_tick_size": 1}, headers=limits))

    http.send("POST", f"{server.url}/order", Tick, body=b"{}")

    assert http.limits["POST /order"].remaining == 59
    assert http.limits["POST /order"].reset_s == 1.5


def test_a_rate_limit_is_told_as_it_arrives(http: Http, server: ScriptedServer) -> None:
    told: list[tuple[str, int | None]] = []
    http.on_limit = lambda bucket, limit: told.append((bucket, limit.remaining))
    limits = {"Poly-RateLimit-Remaining": "0", "Retry-After": "1"}
    server.on("POST", "/order", Reply(status=429, value={}, headers=limits))

    with pytest.raises(VenueUnreachable):
        http.send("POST", f"{server.url}/order", Tick, body=b"{}")

    assert told == [("POST /order", 0)]


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
