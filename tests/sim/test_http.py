"""How answers leave, and what can happen to a request on its way."""

from __future__ import annotations

import json
import socket
import time

import httpx
import pytest

from POLYMARKET_MAKER.sim.faults import Harm
from tests.sim.running import Running, Serve


def test_an_answer_is_one_write(exchange: Running) -> None:
    """Headers and body apart would cost a client 40 ms, the delayed acknowledgement."""
    host, port = "127.0.0.1", int(exchange.urls["clob"].rsplit(":", 1)[1])
    token = exchange.tokens[0]
    with socket.create_connection((host, port), timeout=5) as client:
        for path in ("/time", f"/book?token_id={token}", "/nothing"):
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

            head, _, body = client.recv(65536).partition(b"\r\n\r\n")

            assert head.startswith(b"HTTP/1.1 ")
            assert f"Content-Length: {len(body)}".encode() in head


@pytest.mark.parametrize(
    ("kind", "status"), [("425", 425), ("429", 429), ("500", 500), ("503", 503)]
)
def test_the_next_requests_fail_as_told_and_no_more(
    exchange: Running, kind: str, status: int
) -> None:
    exchange.control(do="fault", path="/time", kind=kind, count=2)

    statuses = [exchange.http.get("/time").status_code for _ in range(3)]

    assert statuses == [status, status, 200]


def test_a_fault_may_be_for_one_method_or_for_many_paths(exchange: Running) -> None:
    exchange.control(do="fault", path="/ti*", kind="500", count=None)
    exchange.control(do="fault", path="/ok", method="POST", kind="500")

    assert exchange.http.get("/tick-size").status_code == 500
    assert exchange.http.get("/ok").status_code == 200
    exchange.control(do="clear_faults")
    assert exchange.http.get("/time").status_code == 200


@pytest.mark.parametrize("kind", ["drop", "drop_after"])
def test_a_connection_is_cut_without_an_answer(exchange: Running, kind: str) -> None:
    exchange.control(do="fault", path="/time", kind=kind)

    with pytest.raises(httpx.TransportError):
        exchange.http.get("/time")


@pytest.mark.parametrize("kind", ["timeout", "timeout_after"])
def test_a_request_is_never_answered(exchange: Running, kind: str) -> None:
    exchange.control(do="fault", path="/time", kind=kind)

    with pytest.raises(httpx.ReadTimeout):
        exchange.http.get("/time", timeout=0.2)


@pytest.mark.parametrize("kind", ["slow", "slow_after"])
def test_an_answer_comes_late(exchange: Running, kind: str) -> None:
    exchange.control(do="fault", path="/time", kind=kind, seconds=0.2)
    begun = time.monotonic()

    assert exchange.http.get("/time").status_code == 200
    assert time.monotonic() - begun >= 0.2


def test_an_answer_is_not_json(exchange: Running) -> None:
    exchange.control(do="fault", path="/time", kind="garbage")

    with pytest.raises(json.JSONDecodeError):
        exchange.http.get("/time").json()


def test_every_kind_of_harm_is_known_by_its_name(serve: Serve) -> None:
    exchange = serve(tokens=1)
    for harm in Harm:
        exchange.control(do="fault", path="/never", kind=harm.value)

    assert len(exchange.venue.faults.requests) == len(Harm)
