"""Signatures for a venue of version 1: what py-clob-client would have sent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from POLYMARKET_MAKER.core.model import OrderVersion
from POLYMARKET_MAKER.errors import SettingsError, VenueRefused
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType
from POLYMARKET_MAKER.exchange.clob_v1 import ClobV1
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.sim.contracts import Domain, Version
from POLYMARKET_MAKER.sim.signatures import order_hash, order_signer
from tests.exchange.golden import ADDRESS, CASES, Case, by_the_library, read, still

V1_CASES = [case for case in CASES if case.version is OrderVersion.V1]
NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("case", V1_CASES, ids=lambda case: case.name)
def test_the_body_is_what_the_library_sends(
    http: Http, credentials: Credentials, case: Case
) -> None:
    with still():
        signed = ClobV1(http, NOWHERE, credentials, case.wallet).sign(case.order, case.market)

    assert json.loads(signed.body) == read()[case.name]


@pytest.mark.parametrize("case", V1_CASES, ids=lambda case: case.name)
def test_the_recorded_bodies_are_still_the_librarys(case: Case) -> None:
    assert by_the_library(case) == read()[case.name]


@pytest.mark.parametrize("case", V1_CASES, ids=lambda case: case.name)
def test_the_id_and_the_signer_hold_for_an_independent_reader(
    http: Http, credentials: Credentials, case: Case
) -> None:
    signed = ClobV1(http, NOWHERE, credentials, case.wallet).sign(case.order, case.market)
    body = json.loads(signed.body)["order"]

    domain = Domain(Version.V1, 137, case.neg_risk)
    assert signed.order_id == order_hash(body, domain)
    assert order_signer(body, domain) == ADDRESS


def test_the_markets_fee_rate_is_signed(http: Http, credentials: Credentials) -> None:
    case = Case(OrderVersion.V1, SignatureType.EOA)
    market = replace(case.market, base_fee_bps=20)

    body = json.loads(ClobV1(http, NOWHERE, credentials, case.wallet).sign(case.order, market).body)

    assert body["order"]["feeRateBps"] == "20"


def test_a_v2_market_is_refused(http: Http, credentials: Credentials) -> None:
    case = Case(OrderVersion.V2, SignatureType.EOA)

    with pytest.raises(VenueRefused, match="wants order version 2, py-clob-client signs version 1"):
        ClobV1(http, NOWHERE, credentials, case.wallet).sign(case.order, case.market)


def test_a_deposit_wallet_cannot_sign_version_1(http: Http, credentials: Credentials) -> None:
    case = Case(OrderVersion.V1, SignatureType.DEPOSIT)

    with pytest.raises(SettingsError, match="POLY_SIGNATURE was 3"):
        ClobV1(http, NOWHERE, credentials, case.wallet).warm_up()
