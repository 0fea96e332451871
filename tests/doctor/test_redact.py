"""No secret leaves the machine: a corpus of the shapes that secrets have."""

from __future__ import annotations

import base64
import json
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyshared.doctor.redact import Redactor, secret_values

HEX = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
UUID = "9f1b7c58-8f5e-4f0a-9a55-0d7f6f6f0c11"
SECRET = "k3Jx0v1P5uYz2Wq8Tn4Rb6Ld9Hc7Mf0Ga1Se2Xi3Zo4="
PASS = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
TOKEN = "71321046679252212594626385532706912750332728571942532289631379312455583992563"

CORPUS = {
    "a private key with 0x": (f"key 0x{HEX} used", [HEX]),
    "a private key without 0x": (f"key {HEX} used", [HEX]),
    "a private key in capitals": (f"key 0X{HEX.upper()}", [HEX.upper()]),
    "api credentials as JSON": (
        json.dumps({"apiKey": UUID, "secret": SECRET, "passphrase": PASS}),
        [UUID, SECRET, PASS],
    ),
    "api credentials of the library": (
        f"ApiCreds(api_key='{UUID}', api_secret='{SECRET}', api_passphrase='{PASS}')",
        [UUID, SECRET, PASS],
    ),
    "request headers": (
        f"POLY_API_KEY: {UUID}\r\nPOLY_SIGNATURE: {SECRET}\r\nPOLY_PASSPHRASE: {PASS}\r\n",
        [UUID, SECRET, PASS],
    ),
    "request headers as a dictionary": (
        f"{{'POLY_API_KEY': '{UUID}', 'POLY_SIGNATURE': '{SECRET}'}}",
        [UUID, SECRET],
    ),
    "an authorization header": ("Authorization: Bearer abc.def-123", ["abc.def-123"]),
    "the user channel's first frame": (
        json.dumps(
            {"auth": {"apiKey": UUID, "secret": SECRET, "passphrase": PASS}, "type": "user"}
        ),
        [UUID, SECRET, PASS],
    ),
    "a frame inside a log line": (
        json.dumps({"message": json.dumps({"secret": "short one", "passphrase": "p"})}),
        ["short one"],
    ),
    "the owner of an order": (json.dumps({"id": "1", "owner": UUID, "maker_owner": UUID}), [UUID]),
    "a webhook": (
        "posting to https://discord.com/api/webhooks/123456/AbCdEf-secret failed",
        ["AbCdEf-secret", "123456"],
    ),
    "a slack hook": ("https://hooks.slack.com/services/T0/B0/xyz123", ["xyz123"]),
    "a telegram bot": ("https://api.telegram.org/bot12345:AAbbCC/sendMessage", ["AAbbCC"]),
    "a proxy with a password": ("HTTPS_PROXY=http://me:hunter2@proxy:3128", ["hunter2", "me:"]),
    "a key in a query": ("GET /x?api_key=abc123&page=2", ["abc123"]),
    "an .env line": (f"POLY_KEY={HEX[:10]}", [HEX[:10]]),
    "an exported .env line": (f'export PK="0x{HEX}"', [HEX]),
    "an .env password": ("POLY_API_PASSPHRASE=hunter2 # mine", ["hunter2"]),
    "a traceback with local variables": (
        f"│ private_key = 'hunter2'            │\n│ wallet_key = '{HEX}' │",
        ["hunter2", HEX],
    ),
    "a signature of an order": (f'"signature": "0x{"ab" * 65}"', ["abab"]),
    "a signature without its name": (f"sent 0x{'ab' * 65}", ["abab"]),
    "a json web token": ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", ["eyJhbGci"]),
    "a base64 secret without its name": (f"hmac with {SECRET} failed", [SECRET]),
}


@pytest.mark.parametrize("name", CORPUS)
def test_no_secret_of_the_corpus_is_left(name: str) -> None:
    text, secrets = CORPUS[name]

    cleaned = Redactor(salt=b"salt").clean(text)

    assert [secret for secret in secrets if secret in cleaned] == []


@pytest.mark.parametrize(
    "text",
    [
        f"[PX] token={TOKEN} bid=0.49 ask=0.51 age_s=0.4 seq=118 src=shared health=live",
        '{"token_id": "7132", "best_bid": "0.49", "signature_type": 2}',
        "2026-11-20T15:11:04.007Z INFO    [ORDER] event=placed side=BUY price=0.49",
        "/srv/app/data/demo/run_params_71321046679252212594626385532706912750332.json",
        "wss://ws-subscriptions-clob.polymarket.com/ws/market",
        "wallet 0x1234567890abcdef1234567890abcdef12345678",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor(salt=b"salt").clean(text) == text


def test_an_id_that_looks_like_a_key_keeps_one_label_in_one_bundle() -> None:
    """An order is followed through log, status and ledger by it."""
    here, elsewhere = Redactor(salt=b"one"), Redactor(salt=b"two")

    first, second = here.clean(f"placed 0x{HEX}"), here.clean(f"cancelled {HEX.upper()}")

    label = first.removeprefix("placed ")
    assert label.startswith("hex64-")
    assert second == f"cancelled {label}"
    assert label not in elsewhere.clean(f"placed 0x{HEX}")


def test_known_values_are_hidden_whatever_they_look_like() -> None:
    known = secret_values([("POLY_API_SECRET", "hunter2"), ("LANG", "C.UTF-8"), ("PK", "0xcafe00")])

    cleaned = Redactor(known, salt=b"salt").clean("said hunter2 and cafe00 in C.UTF-8")

    assert cleaned == "said *** and *** in C.UTF-8"


CONTEXTS = ("{}", "key={}", '"x": "{}"', "a {} b", "({})", "\n{}\n", "'{}',", "pk: {}")


@given(
    key=st.text("0123456789abcdef", min_size=64, max_size=64).filter(lambda k: not k.isdigit()),
    context=st.sampled_from(CONTEXTS),
    prefix=st.sampled_from(["", "0x"]),
)
def test_no_private_key_survives_wherever_it_stands(key: str, context: str, prefix: str) -> None:
    assert key not in Redactor(salt=b"salt").clean(context.format(prefix + key))


@given(raw=st.binary(min_size=32, max_size=32), context=st.sampled_from(CONTEXTS))
def test_no_api_secret_survives_wherever_it_stands(raw: bytes, context: str) -> None:
    secret = base64.urlsafe_b64encode(raw).decode()

    assert secret not in Redactor(salt=b"salt").clean(context.format(secret))


@given(value=st.uuids(), context=st.sampled_from(CONTEXTS))
def test_no_api_key_survives_wherever_it_stands(value: uuid.UUID, context: str) -> None:
    assert str(value) not in Redactor(salt=b"salt").clean(context.format(value))


@given(text=st.text(string.printable, max_size=300))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    redactor = Redactor(salt=b"salt")

    once = redactor.clean(text)

    assert redactor.clean(once) == once
