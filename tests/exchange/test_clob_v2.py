"""Signatures for Exchange V2 and V3: what the library would have sent, byte for byte."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal

import pytest

from POLYMARKET_MAKER.core.model import OrderVersion
from POLYMARKET_MAKER.core.order import TimeInForce
from POLYMARKET_MAKER.errors import CannotStart, SettingsError, VenueRefused
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType, Wallet
from POLYMARKET_MAKER.exchange.clob_v2 import ClobV2
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.sim.contracts import Domain, Version
from POLYMARKET_MAKER.sim.signatures import order_hash, order_signer
from tests.exchange.golden import ADDRESS, CASES, FUNDER, KEY, Case, by_the_library, read, still

V2_CASES = [case for case in CASES if case.version is not OrderVersion.V1]
NOWHERE = "http://127.0.0.1:1"


def clob(http: Http, credentials: Credentials, wallet: Wallet) -> ClobV2:
    return ClobV2(http, NOWHERE, credentials, wallet)


@pytest.mark.parametrize("case", V2_CASES, ids=lambda case: case.name)
def test_the_body_is_what_the_library_sends(
    http: Http, credentials: Credentials, case: Case
) -> None:
    with still():
        signed = clob(http, credentials, case.wallet).sign(case.order, case.market)

    assert json.loads(signed.body) == read()[case.name]


@pytest.mark.parametrize("case", V2_CASES, ids=lambda case: case.name)
def test_the_recorded_bodies_are_still_the_librarys(case: Case) -> None:
    """A new version of the library that signs otherwise is found here."""
    assert by_the_library(case) == read()[case.name]


@pytest.mark.parametrize("case", V2_CASES, ids=lambda case: case.name)
def test_the_id_and_the_signer_hold_for_an_independent_reader(
    http: Http, credentials: Credentials, case: Case
) -> None:
    """The simulator hashes and recovers with code of its own."""
    signed = clob(http, credentials, case.wallet).sign(case.order, case.market)
    body = json.loads(signed.body)["order"]

    domain = Domain(Version(int(case.version)), 137, case.neg_risk)
    assert signed.order_id == order_hash(body, domain)
    assert order_signer(body, domain) == ADDRESS


def test_a_position_id_is_never_signed_for_exchange_v2(
    http: Http, credentials: Credentials
) -> None:
    """The library does so when it is handed one as token_id."""
    case = Case(OrderVersion.V3, SignatureType.EOA)

    body = json.loads(clob(http, credentials, case.wallet).sign(case.order, case.market).body)

    domain = Domain(Version.V2, 137)
    assert order_signer(body["order"], domain) != ADDRESS


def test_the_same_order_signed_twice_is_two_orders(http: Http, credentials: Credentials) -> None:
    case = Case(OrderVersion.V2, SignatureType.EOA)
    account = clob(http, credentials, case.wallet)

    first = account.sign(case.order, case.market)
    second = account.sign(case.order, case.market)

    assert first.order_id != second.order_id


def test_one_account_signs_for_every_contract_in_turn(http: Http, credentials: Credentials) -> None:
    cases = [case for case in V2_CASES if case.kind is SignatureType.SAFE]
    account = clob(http, credentials, cases[0].wallet)

    for case in [*cases, *cases]:
        body = json.loads(account.sign(case.order, case.market).body)["order"]
        assert order_signer(body, Domain(Version(int(case.version)), 137, case.neg_risk)) == ADDRESS
    assert {case.neg_risk for case in cases} == {True, False}


def test_a_size_that_floats_would_cut_is_signed_whole(http: Http, credentials: Credentials) -> None:
    """floor(1.15 * 100) is 114."""
    case = Case(OrderVersion.V2, SignatureType.EOA)
    order = replace(case.order, size=Decimal("1.15"))

    body = json.loads(clob(http, credentials, case.wallet).sign(order, case.market).body)

    assert body["order"]["takerAmount"] == "1150000"


def test_a_good_till_date_order_is_sent_with_its_lead(http: Http, credentials: Credentials) -> None:
    """The exchange ends it 60 s before what it is told."""
    case = Case(OrderVersion.V2, SignatureType.EOA)
    order = replace(case.order, time_in_force=TimeInForce.GTD, expires_at=1_795_190_000.0)

    body = json.loads(clob(http, credentials, case.wallet).sign(order, case.market).body)

    assert body["order"]["expiration"] == "1795190060"
    assert body["orderType"] == "GTD"


def test_a_missing_library_is_one_sentence(
    http: Http, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py_clob_client_v2", None)
    account = clob(http, credentials, V2_CASES[0].wallet)

    with pytest.raises(CannotStart, match="py-clob-client-v2 cannot be loaded"):
        account.warm_up()


def test_a_v1_market_is_refused(http: Http, credentials: Credentials) -> None:
    case = Case(OrderVersion.V1, SignatureType.EOA)

    with pytest.raises(VenueRefused, match="wants order version 1, py-clob-client-v2 signs"):
        clob(http, credentials, case.wallet).sign(case.order, case.market)


@pytest.mark.parametrize(
    ("wallet", "problem"),
    [
        (Wallet("00" * 32, ADDRESS, SignatureType.EOA), "no point of the curve"),
        (Wallet(KEY, FUNDER, SignatureType.EOA), "type 0 means both are the same"),
        (Wallet(KEY, ADDRESS, SignatureType.SAFE), "type 0 means both are the same"),
        (Wallet("0x" + "22" * 32, FUNDER, SignatureType.SAFE), "derive them again"),
    ],
    ids=["zero key", "EOA elsewhere", "safe at home", "another key"],
)
def test_a_wallet_that_does_not_fit_is_found_before_the_first_order(
    http: Http, credentials: Credentials, wallet: Wallet, problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        clob(http, credentials, wallet).warm_up()

    assert wallet.private_key not in str(caught.value)
