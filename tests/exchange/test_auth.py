"""Headers that the exchange accepts, and secrets that nobody sees."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.errors import SettingsError, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.auth import (
    Credentials,
    SignatureType,
    Wallet,
    create_or_derive,
    l2_headers,
)
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.sim.signatures import login_signer
from tests.exchange.golden import ADDRESS, FUNDER, KEY, NOW
from tests.exchange.scripted_server import Reply, ScriptedServer

KEYS = {"apiKey": "an id", "secret": "c2VjcmV0", "passphrase": "pp"}
WALLET = Wallet(KEY, FUNDER, SignatureType.PROXY)


def test_l2_headers_are_those_of_the_client_library(credentials: Credentials) -> None:
    from py_clob_client_v2.signing.hmac import build_hmac_signature  # noqa: PLC0415 - slow

    body = b'["0xab","0xcd"]'

    headers = l2_headers(credentials, at=NOW + 0.9, method="DELETE", path="/orders", body=body)

    signature = build_hmac_signature(
        credentials.secret, str(NOW), "DELETE", "/orders", body.decode()
    )
    assert headers == {
        "POLY_ADDRESS": ADDRESS,
        "POLY_SIGNATURE": signature,
        "POLY_TIMESTAMP": str(NOW),
        "POLY_API_KEY": credentials.api_key,
        "POLY_PASSPHRASE": "a passphrase",
    }


@given(st.binary(min_size=1), st.binary())
def test_the_hmac_is_over_the_exact_bytes(secret: bytes, body: bytes) -> None:
    text = base64.urlsafe_b64encode(secret).decode()
    account = Credentials("id", text, "pp", ADDRESS)

    headers = l2_headers(account, at=NOW, method="POST", path="/order", body=body)

    digest = hmac.new(secret, f"{NOW}POST/order".encode() + body, hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(headers["POLY_SIGNATURE"]) == digest


def test_neither_credentials_nor_wallet_show_their_secrets(credentials: Credentials) -> None:
    shown = repr(credentials) + str(credentials) + f"{WALLET} {WALLET!r}"

    for secret in (credentials.api_key, credentials.secret, credentials.passphrase, KEY, "1111"):
        assert secret not in shown


def test_a_secret_that_is_not_base64_is_a_setting_error_without_it() -> None:
    with pytest.raises(SettingsError, match="POLY_API_SECRET was not base64") as caught:
        Credentials("id", "not base64!", "pp", ADDRESS)

    assert "not base64!" not in repr(caught.value)


def test_all_that_is_wrong_with_a_wallet_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Wallet("0xzz", "0x12", SignatureType.EOA, chain_id=5)

    assert len(caught.value.problems) == 3
    assert "0xzz" not in str(caught.value)


def test_credentials_are_created_with_a_login_that_the_key_signed(
    http: Http, server: ScriptedServer
) -> None:
    server.on("POST", "/auth/api-key", Reply(value=KEYS))

    made = create_or_derive(http, server.url, WALLET, at=NOW, nonce=3)

    assert made == Credentials("an id", "c2VjcmV0", "pp", ADDRESS)
    headers = server.asked[0].headers
    assert headers["poly_timestamp"] == str(NOW)
    signer = login_signer(
        address=ADDRESS,
        timestamp=str(NOW),
        nonce=3,
        signature=headers["poly_signature"],
        chain_id=137,
    )
    assert signer == ADDRESS


def test_credentials_that_exist_are_derived(http: Http, server: ScriptedServer) -> None:
    server.on("POST", "/auth/api-key", Reply(400, {"error": "Could not create api key"}))
    server.on("GET", "/auth/derive-api-key", Reply(value=KEYS))

    assert create_or_derive(http, server.url, WALLET, at=NOW).api_key == "an id"


def test_a_key_that_is_none_is_found_without_being_shown(http: Http) -> None:
    with pytest.raises(SettingsError, match="no point of the curve"):
        create_or_derive(http, "http://127.0.0.1:1", replace(WALLET, private_key="0" * 64), at=NOW)


def test_a_login_that_is_refused_says_why(http: Http, server: ScriptedServer) -> None:
    refused = Reply(401, {"error": "Invalid L1 Request headers"})
    server.on("POST", "/auth/api-key", refused)
    server.on("GET", "/auth/derive-api-key", refused)

    with pytest.raises(VenueRefused, match="Invalid L1 Request headers"):
        create_or_derive(http, server.url, WALLET, at=NOW)


def test_a_venue_that_does_not_answer_is_not_asked_to_derive(
    http: Http, server: ScriptedServer
) -> None:
    server.on("POST", "/auth/api-key", Reply(503))

    with pytest.raises(VenueUnreachable):
        create_or_derive(http, server.url, WALLET, at=NOW)
    assert len(server.asked) == 1


def test_reading_an_account_loads_no_signing_library(root: Path) -> None:
    """It takes 0.4 s and 40 MB, and the supervisor never signs."""
    code = (
        "import sys\n"
        "from POLYMARKET_MAKER.exchange import account, data_api, paper, public, venue\n"
        "from POLYMARKET_MAKER.exchange import clob_v1, clob_v2\n"
        "heavy = {'py_clob_client', 'py_clob_client_v2', 'eth_account', 'eth_utils'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "[]"
