"""Logins and request signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from POLYMARKET_MAKER.sim import auth
from POLYMARKET_MAKER.sim.auth import Credentials, Keys
from POLYMARKET_MAKER.sim.refusals import Refused
from POLYMARKET_MAKER.sim.signatures import LOGIN_TEXT

ACCOUNT: Any = Account.from_key("0x" + "11" * 32)


def login(*, nonce: int = 0, at: int | None = None, chain_id: int = 137) -> dict[str, str]:
    timestamp = str(int(time.time()) if at is None else at)
    message = {
        "primaryType": "ClobAuth",
        "domain": {"name": "ClobAuthDomain", "version": "1", "chainId": chain_id},
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
            "ClobAuth": [
                {"name": "address", "type": "address"},
                {"name": "timestamp", "type": "string"},
                {"name": "nonce", "type": "uint256"},
                {"name": "message", "type": "string"},
            ],
        },
        "message": {
            "address": ACCOUNT.address,
            "timestamp": timestamp,
            "nonce": nonce,
            "message": LOGIN_TEXT,
        },
    }
    signed = ACCOUNT.sign_message(encode_typed_data(full_message=message))
    return {
        "POLY_ADDRESS": ACCOUNT.address,
        "POLY_SIGNATURE": "0x" + signed.signature.hex().removeprefix("0x"),
        "POLY_TIMESTAMP": timestamp,
        "POLY_NONCE": str(nonce),
    }


@pytest.fixture
def keys() -> Keys:
    return Keys(seed=1, chain_id=137)


def signed(key: Credentials, *, body: str = "", at: int | None = None) -> dict[str, str]:
    """Sign a request in the test's own words: HMAC over time, method, path and body."""
    timestamp = str(int(time.time()) if at is None else at)
    mac = hmac.new(
        base64.urlsafe_b64decode(key.secret),
        f"{timestamp}POST/order{body}".encode(),
        hashlib.sha256,
    )
    return {
        "POLY_ADDRESS": key.address,
        "POLY_API_KEY": key.key,
        "POLY_PASSPHRASE": key.passphrase,
        "POLY_TIMESTAMP": timestamp,
        "POLY_SIGNATURE": base64.urlsafe_b64encode(mac.digest()).decode(),
    }


def test_a_signed_login_gets_a_key_and_the_same_one_again(keys: Keys) -> None:
    created = keys.create(login())

    assert created.address == ACCOUNT.address
    assert keys.derive(login()) == created
    with pytest.raises(Refused, match="Could not create api key"):
        keys.create(login())


def test_each_nonce_has_its_own_key(keys: Keys) -> None:
    assert keys.create(login(nonce=1)).key != keys.create(login(nonce=2)).key


def test_a_key_that_was_never_made_is_not_derived(keys: Keys) -> None:
    with pytest.raises(Refused, match="Could not derive api key"):
        keys.derive(login())


@pytest.mark.parametrize(
    "change",
    [
        {"POLY_ADDRESS": "0x0000000000000000000000000000000000000001"},
        {"POLY_ADDRESS": "nobody"},
        {"POLY_NONCE": "7"},
        {"POLY_NONCE": "x"},
        {"POLY_SIGNATURE": "0x" + "00" * 65},
        {"POLY_TIMESTAMP": "now"},
    ],
    ids=str,
)
def test_a_login_that_is_not_what_was_signed_is_refused(keys: Keys, change: dict[str, str]) -> None:
    with pytest.raises(Refused, match="Invalid L1 Request headers"):
        keys.create({**login(), **change})


def test_a_login_for_another_chain_or_time_is_refused(keys: Keys) -> None:
    stale = int(time.time()) - auth.MAX_SKEW_S - 5
    for headers in (login(chain_id=80002), login(at=stale)):
        with pytest.raises(Refused, match="Invalid L1"):
            keys.create(headers)


def test_a_request_is_proven_by_its_very_bytes(keys: Keys) -> None:
    key = keys.create(login())
    headers = signed(key, body='{"a":1}')

    assert keys.verify(headers, method="POST", path="/order", body=b'{"a":1}') == key
    for method, path, body in [
        ("GET", "/order", b'{"a":1}'),
        ("POST", "/orders", b'{"a":1}'),
        ("POST", "/order", b'{"a": 1}'),
        ("POST", "/order", b""),
    ]:
        with pytest.raises(Refused, match="Unauthorized/Invalid api key"):
            keys.verify(headers, method=method, path=path, body=body)


@pytest.mark.parametrize(
    "name", ["POLY_ADDRESS", "POLY_API_KEY", "POLY_PASSPHRASE", "POLY_TIMESTAMP", "POLY_SIGNATURE"]
)
def test_every_header_counts(keys: Keys, name: str) -> None:
    headers = signed(keys.create(login()))

    with pytest.raises(Refused, match="Unauthorized"):
        keys.verify({**headers, name: "1"}, method="POST", path="/order", body=b"")


def test_a_revoked_key_is_no_key(keys: Keys) -> None:
    key = keys.create(login())
    keys.revoke(key)

    with pytest.raises(Refused, match="Unauthorized"):
        keys.verify(signed(key), method="POST", path="/order", body=b"")
