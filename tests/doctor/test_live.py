"""The way to the exchange, against an exchange on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polyshared import _clock
from polyshared.doctor import checks_net, netlook
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Known, NotApplicable, NotLearnt, Status, Unlearnt
from polyshared.doctor.locate import Located
from polyshared.doctor.netlook import Net, Urls
from polyshared.doctor.probe import Answer
from tests.doctor.house import ROOT, polyshared
from tests.support.simulator import Simulator, running_simulator

KEY = "0x" + "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with running_simulator(tokens=1) as simulator:
        yield simulator


def urls_of(exchange: Simulator) -> Urls:
    return Urls(clob=exchange.urls["clob"], ws_market=exchange.urls["ws_market"])


def facts(**learnt: Any) -> Facts:
    return Facts(Located(Path("data"), "option"), None, _clock.now(), **learnt)


def test_an_exchange_that_answers_is_well(exchange: Simulator) -> None:
    given = facts(net=Known(netlook.look(urls_of(exchange))))

    for judge in (checks_net.dns, checks_net.version, checks_net.clock, checks_net.geoblock):
        assert judge(given).status is Status.OK
    with pytest.raises(NotApplicable, match="plain text"):
        checks_net.tls(given)


def test_a_blocked_country_is_a_failure(exchange: Simulator) -> None:
    exchange.control(do="geoblock", on=True)
    try:
        verdict = checks_net.geoblock(facts(net=Known(netlook.look(urls_of(exchange)))))
    finally:
        exchange.control(do="geoblock", on=False)

    assert verdict.status is Status.FAIL
    assert "takes no orders from here" in verdict.detail


def test_an_exchange_that_is_down_is_told_from_a_name_that_is_unknown() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    down = netlook.look(Urls(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws/market"))

    assert checks_net.dns(facts(net=Known(down))).status is Status.OK
    verdict = checks_net.version(facts(net=Known(down)))
    assert verdict.status is Status.FAIL
    assert "Connection refused" in verdict.detail


WELL = Net(
    urls=Urls("https://clob.example", "wss://ws.example"),
    addresses={"clob.example": Known(["10.0.0.1"])},
    tls={"clob.example": Known(60.0)},
    version=Known(2),
    skew_s=Known(0.2),
    geoblock=Known({"blocked": False, "country": "IE"}),
)


@pytest.mark.parametrize(
    ("change", "judge", "status"),
    [
        ({}, checks_net.tls, Status.OK),
        ({"tls": {"a": Known(1.0)}}, checks_net.tls, Status.WARN),
        ({"tls": {"a": Unlearnt("certificate verify failed")}}, checks_net.tls, Status.FAIL),
        ({"addresses": {"a": Unlearnt("gaierror: -2")}}, checks_net.dns, Status.FAIL),
        ({"version": Known(3)}, checks_net.version, Status.FAIL),
        ({"skew_s": Known(-3.0)}, checks_net.clock, Status.WARN),
        ({"skew_s": Known(30.0)}, checks_net.clock, Status.FAIL),
        ({"geoblock": Unlearnt("no answer")}, checks_net.geoblock, Status.WARN),
    ],
)
def test_each_step_has_its_own_verdict(change: dict[str, Any], judge: Any, status: Status) -> None:
    assert judge(facts(net=Known(replace(WELL, **change)))).status is status


def probe(subject: str, *arguments: str, env: dict[str, str]) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "POLYMARKET_MAKER.probe", subject, "--json", *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return done.returncode, said


def test_a_live_frame_comes_through_the_production_parser(exchange: Simulator) -> None:
    place = {"POLY_WS_URL": exchange.urls["ws_market"]}

    code, said = probe("frame", "--token", exchange.tokens[0], env=place)

    assert code == 0
    assert said["data"]["events"]["book"] >= 1
    assert said["data"]["unreadable"] == 0


def test_a_token_that_never_sends_a_frame_is_told(exchange: Simulator) -> None:
    place = {"POLY_WS_URL": exchange.urls["ws_market"]}

    code, said = probe("frame", "--token", "123", "--seconds", "1", env=place)

    assert code == 1
    assert "no frame in 1 s" in said["reason"]


def account_environment(exchange: Simulator) -> dict[str, str]:
    return {
        "POLY_KEY": KEY,
        "POLY_SIGNATURE": "0",
        "POLY_HOST": exchange.urls["clob"],
        "POLY_WS_URL": exchange.urls["ws_market"],
        "POLY_WS_USER_URL": exchange.urls["ws_user"],
        "POLY_GAMMA_ROOT": exchange.urls["gamma"],
        "POLY_DATA_API_ROOT": exchange.urls["data"],
    }


def test_the_account_is_read_with_the_key_and_the_key_is_not_told(exchange: Simulator) -> None:
    funder = "0x" + "ab" * 20
    env = account_environment(exchange) | {"POLY_FUNDER": funder}

    code, said = probe("account", env=env)

    assert code == 0, said
    assert float(said["data"]["balance"]) >= 0
    assert said["data"]["open_orders"] == []
    assert KEY[2:] not in json.dumps(said)
    given = facts(account=Known(Answer("account", available=True, ok=True, data=said["data"])))
    assert checks_net.credentials(given).status is Status.OK


def test_a_key_that_is_none_is_a_sentence(exchange: Simulator) -> None:
    env = account_environment(exchange) | {"POLY_KEY": "nonsense", "POLY_FUNDER": "0x" + "ab" * 20}

    code, said = probe("account", env=env)

    assert code == 1
    assert said["reason"]
    assert "nonsense" not in said["reason"]


FUNDS = {
    "balance": "10", "allowance": "10", "closed_only": False, "has_positions": False,
    "open_orders": ["0x1"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"closed_only": True}, "only close positions"),
        ({"balance": "0", "has_positions": True}, "wrong signature type or funder"),
        ({"balance": "0"}, "nothing can be bought"),
        ({"allowance": "0"}, "nothing can be bought"),
    ],
)
def test_an_account_that_cannot_buy_is_a_failure(change: dict[str, Any], text: str) -> None:
    given = facts(account=Known(Answer("account", available=True, ok=True, data=FUNDS | change)))

    verdict = checks_net.account(given)

    assert verdict.status is Status.FAIL
    assert text in verdict.detail


def test_an_order_that_the_exchange_does_not_list_is_told() -> None:
    ledger = Answer(
        "ledger", available=True, ok=True, data={"open_orders": {"0x1": "7", "0x2": "7"}}
    )
    account = Answer("account", available=True, ok=True, data=FUNDS)

    verdict = checks_net.open_orders(facts(account=Known(account), ledger=Known(ledger)))

    assert verdict.status is Status.WARN
    assert verdict.evidence["not_listed"] == ["0x2"]


def test_the_newest_child_says_where_the_exchange_is(tmp_path: Path) -> None:
    def never() -> Answer:
        raise AssertionError("nobody needs to ask the program")

    for age, (token, port) in enumerate((("1", 1001), ("2", 1002))):
        path = tmp_path / f"run_params_{token}.json"
        urls = {"clob": f"http://127.0.0.1:{port}", "ws_market": f"ws://127.0.0.1:{port}"}
        path.write_text(json.dumps({"urls": urls}), encoding="utf-8")
        os.utime(path, (time.time() + age, time.time() + age))

    assert netlook.find_urls(tmp_path, {}, never).clob == "http://127.0.0.1:1002"


def test_where_the_exchange_is_a_supervisor_says_before_any_child_runs(tmp_path: Path) -> None:
    def never() -> Answer:
        raise AssertionError("nobody needs to ask the program")

    said = {"clob": "http://127.0.0.1:7", "ws_market": "ws://127.0.0.1:7/ws/market", "gamma": "x"}

    assert netlook.find_urls(tmp_path, said, never).clob == "http://127.0.0.1:7"


def test_where_nobody_says_it_nothing_is_guessed(tmp_path: Path) -> None:
    def silent() -> Answer:
        return Answer("settings", available=False, ok=False)

    with pytest.raises(NotLearnt, match="nobody says"):
        netlook.find_urls(tmp_path, {}, silent)


def test_what_asks_the_exchange_needs_to_be_asked_for(tmp_path: Path) -> None:
    done = polyshared("doctor", "net", "--json", "--data-dir", str(tmp_path))

    assert done.returncode == 2
    assert "add --live" in done.stderr
