"""All that is wrong with an account is found at the start, and said with its cure."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.preflight import Findings, preflight
from POLYMARKET_MAKER.exchange.public import Public
from tests.exchange.golden import FUNDER, NOW, TOKEN
from tests.exchange.scripted_server import Reply, ScriptedServer

HELD = {"token_id": TOKEN, "condition_id": "0xc0", "current_size": 5}


@dataclass
class Start:
    """A start against a scripted exchange at which all is well, until a test says otherwise."""

    http: Http
    server: ScriptedServer
    credentials: Credentials

    def __post_init__(self) -> None:
        self.server.on("GET", "/version", Reply(value={"version": 2}))
        self.server.on("GET", "/time", Reply(value=NOW))
        self.server.on("GET", "/auth/ban-status/closed-only", Reply(value={"closed_only": False}))
        self.wallet_holds("25000000", {"0xE1": "1000000"})
        self.shares_are()

    def wallet_holds(self, balance: str, allowances: dict[str, str]) -> None:
        answer = {"balance": balance, "allowances": allowances}
        self.server.on("GET", "/balance-allowance", Reply(value=answer))

    def shares_are(self, *rows: object) -> None:
        answer = {"data": rows, "pagination": {"next_cursor": None}}
        self.server.on("GET", "/v2/positions", Reply(value=answer))

    def run(self, *, now: float = NOW, kind: SignatureType = SignatureType.SAFE) -> Findings:
        url = self.server.url
        return preflight(
            Public(self.http, clob_url=url, gamma_url=url),
            Account(self.http, url, self.credentials, funder=FUNDER, signature_type=kind),
            DataApi(self.http, data_url=url),
            funder=FUNDER,
            signature_type=kind,
            now=now,
        )


@pytest.fixture
def start(http: Http, server: ScriptedServer, credentials: Credentials) -> Start:
    return Start(http, server, credentials)


def test_a_sound_account_has_neither_problem_nor_warning(start: Start) -> None:
    assert start.run() == Findings((), (), start.run().balance)
    assert start.run().balance == 25


def test_a_version_that_cannot_be_signed_is_a_problem(start: Start) -> None:
    start.server.on("GET", "/version", Reply(value={"version": 3}))

    (problem,) = start.run().problems

    assert problem.startswith("exchange speaks order version 3")


def test_a_deposit_wallet_at_version_1_is_a_problem(start: Start) -> None:
    start.server.on("GET", "/version", Reply(value={"version": 1}))

    (problem,) = start.run(kind=SignatureType.DEPOSIT).problems

    assert problem.startswith("POLY_SIGNATURE was 3")


@pytest.mark.parametrize(
    ("offset", "problems", "warnings"), [(0, 0, 0), (4, 0, 0), (-20, 0, 1), (20, 0, 1), (-93, 1, 0)]
)
def test_a_clock_that_is_off_is_said_by_how_much(
    start: Start, offset: int, problems: int, warnings: int
) -> None:
    found = start.run(now=NOW + offset)

    assert (len(found.problems), len(found.warnings)) == (problems, warnings)
    for text in found.problems + found.warnings:
        word = "ahead of" if offset > 0 else "behind"
        assert f"{abs(offset)} s {word} the exchange's" in text


def test_a_refused_key_is_a_problem_with_its_cure(start: Start) -> None:
    refused = Reply(401, {"error": "Unauthorized/Invalid api key"})
    start.server.on("GET", "/balance-allowance", refused)

    found = start.run()

    assert found.balance is None
    assert "Unauthorized/Invalid api key; delete POLY_API_KEY" in found.problems[0]


def test_a_closed_only_account_is_a_problem(start: Start) -> None:
    start.server.on("GET", "/auth/ban-status/closed-only", Reply(value={"closed_only": True}))

    assert "closed-only" in start.run().problems[0]


def test_a_wallet_that_nobody_may_take_from_is_a_problem(start: Start) -> None:
    start.wallet_holds("25000000", {"0xE1": "0", "0xe2": "0"})

    assert "no exchange contract may move" in start.run().problems[0]


def test_one_approved_contract_is_enough(start: Start) -> None:
    start.wallet_holds("25000000", {"0xE1": "0", "0xe2": "1"})

    assert start.run().problems == ()


def test_no_money_but_shares_means_the_wrong_wallet(start: Start) -> None:
    start.wallet_holds("0", {"0xE1": "1"})
    start.shares_are(HELD)

    (problem,) = start.run().problems

    assert "wrong POLY_SIGNATURE (was 2, SAFE) or POLY_FUNDER" in problem


def test_an_empty_wallet_is_a_warning(start: Start) -> None:
    start.wallet_holds("0", {"0xE1": "1"})

    found = start.run()

    assert found.problems == ()
    assert "nothing can be bought" in found.warnings[0]


def test_positions_that_cannot_be_read_stop_nothing(start: Start) -> None:
    start.wallet_holds("0", {"0xE1": "1"})
    start.server.on("GET", "/v2/positions", Reply(502))

    found = start.run()

    assert found.problems == ()
    assert "positions could not be read" in found.warnings[0]


@pytest.mark.parametrize(
    "path", ["/version", "/time", "/balance-allowance", "/auth/ban-status/closed-only"]
)
def test_an_exchange_that_cannot_be_reached_is_no_problem_but_an_error(
    start: Start, path: str
) -> None:
    start.server.on("GET", path, Reply(503))

    with pytest.raises(VenueUnreachable):
        start.run()


def test_all_problems_are_said_at_once(start: Start) -> None:
    start.server.on("GET", "/version", Reply(value={"version": 9}))
    start.server.on("GET", "/auth/ban-status/closed-only", Reply(value={"closed_only": True}))
    start.wallet_holds("25000000", {"0xE1": "0"})

    assert len(start.run(now=NOW + 1000).problems) == 4
