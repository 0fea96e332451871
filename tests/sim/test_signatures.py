"""Recovering signers, against typed data that eth-account signed by itself."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from POLYMARKET_MAKER.sim.contracts import Domain, SignatureError, Version, is_position_id
from POLYMARKET_MAKER.sim.signatures import order_hash, order_signer

ACCOUNT: Any = Account.from_key("0x" + "11" * 32)
V2_CONTRACT = "0xE111180000d2663C0091e4f400237545B87B996B"
V3_CONTRACT = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
V1_CONTRACT = "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"
ZERO = "0x" + "00" * 32


def unsigned(version: Version) -> dict[str, Any]:
    common = {
        "salt": 7,
        "maker": ACCOUNT.address,
        "signer": ACCOUNT.address,
        "tokenId": "12345678901234567890",
        "makerAmount": "5200000",
        "takerAmount": "10000000",
        "side": "SELL",
        "signatureType": 0,
    }
    if version is Version.V1:
        taker = "0x" + "00" * 20
        return {**common, "taker": taker, "expiration": "0", "nonce": "0", "feeRateBps": "0"}
    return {**common, "timestamp": "1795189516002", "metadata": ZERO, "builder": ZERO}


def signed(version: Version, contract: str) -> dict[str, Any]:
    order = unsigned(version)
    message = {
        name: bytes(32) if kind == "bytes32" else (order[name] if kind == "address" else None)
        for name, kind in version.fields
    }
    for name, kind in version.fields:
        if kind.startswith("uint"):
            message[name] = 1 if name == "side" else int(order[name])
    typed = {
        "primaryType": "Order",
        "domain": {
            "name": "Polymarket CTF Exchange",
            "version": str(version.value),
            "chainId": 137,
            "verifyingContract": contract,
        },
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Order": [{"name": name, "type": kind} for name, kind in version.fields],
        },
        "message": message,
    }
    made = ACCOUNT.sign_message(encode_typed_data(full_message=typed))
    return {
        **order,
        "signature": "0x" + made.signature.hex().removeprefix("0x"),
        "hash": "0x" + made.message_hash.hex().removeprefix("0x"),
    }


@pytest.mark.parametrize(
    ("version", "contract"),
    [(Version.V1, V1_CONTRACT), (Version.V2, V2_CONTRACT), (Version.V3, V3_CONTRACT)],
)
def test_the_signer_and_the_id_of_an_order_are_found(version: Version, contract: str) -> None:
    order = signed(version, contract)

    assert order_signer(order, Domain(version, 137)) == ACCOUNT.address
    assert order_hash(order, Domain(version, 137)) == order["hash"]


@pytest.mark.parametrize(
    "domain", [Domain(Version.V3, 137), Domain(Version.V2, 137, neg_risk=True)], ids=str
)
def test_an_order_for_another_domain_has_another_signer(domain: Domain) -> None:
    order = signed(Version.V2, V2_CONTRACT)

    assert order_signer(order, domain) != ACCOUNT.address


@pytest.mark.parametrize("field", ["salt", "maker", "tokenId", "side", "metadata", "signature"])
@pytest.mark.parametrize("value", [None, "x", -1, []], ids=str)
def test_what_cannot_be_read_is_an_error_of_its_own(field: str, value: object) -> None:
    order = {**signed(Version.V2, V2_CONTRACT), field: value}

    with pytest.raises(SignatureError):
        order_signer(order, Domain(Version.V2, 137))


def test_a_position_id_has_the_bits_of_a_token_id_empty() -> None:
    position = 0x1_7791F201D5A788E0039E511FC1900E5F << 120

    assert is_position_id(str(position))
    assert is_position_id(str(position + 1))
    assert not is_position_id(str(position | 1 << 40))
    assert not is_position_id(str(position | 1 << 103))
