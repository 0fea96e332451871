"""Who we are to the exchange: wallet, API credentials, and the headers made of them.

L2 headers (reads, cancels, orders) need only an HMAC. L1 headers (to create or
derive the API credentials) need a signature of the private key, hence the
signing library: 0.4 s and 40 MB, so it is imported only inside
:func:`create_or_derive`, which is meant for a short-lived process.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import msgspec

from POLYMARKET_MAKER.errors import SettingsError, VenueRefused
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.libraries import signing_library
from POLYMARKET_MAKER.log import short

KEY: Final = re.compile(r"(0x)?[0-9a-fA-F]{64}")
ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
NO_SUCH_KEY: Final = "POLY_KEY was not a private key: no point of the curve belongs to it"
CHAINS: Final = (137, 80002)  # Polygon, and Amoy, its test net


class SignatureType(IntEnum):
    """What kind of wallet holds the funds."""

    EOA = 0  # the key's own address
    PROXY = 1  # a proxy wallet (e-mail and Magic accounts)
    SAFE = 2  # a Gnosis safe (browser wallets)
    DEPOSIT = 3  # a deposit wallet, EIP-1271: every account since 2026-05-04


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """API credentials of one key. Its repr shows none of them.

    Attributes:
        address: The signer's address (EOA), whatever wallet holds the funds.

    Raises:
        SettingsError: The secret is not base64.
    """

    api_key: str
    secret: str
    passphrase: str
    address: str

    def __post_init__(self) -> None:
        try:
            _secret_bytes(self.secret)
        except (binascii.Error, ValueError):
            raise SettingsError("POLY_API_SECRET was not base64") from None

    def __repr__(self) -> str:
        return f"Credentials(address={short(self.address)!r}, ***)"


@dataclass(frozen=True, slots=True, repr=False)
class Wallet:
    """The key that signs and the wallet that pays. Its repr hides the key.

    Attributes:
        private_key: 32 bytes of hex, with or without 0x.
        funder: Address of the wallet that holds the funds; for an EOA its own address.
        signature_type: Kind of that wallet.
        chain_id: 137 is Polygon, 80002 its test net.

    Raises:
        SettingsError: One of them cannot be what it should be.
    """

    private_key: str
    funder: str
    signature_type: SignatureType
    chain_id: int = 137

    def __post_init__(self) -> None:
        problems = []
        if not KEY.fullmatch(self.private_key):
            problems.append("POLY_KEY was not a private key, expected 32 bytes of hex")
        if not ADDRESS.fullmatch(self.funder):
            problems.append(
                f"POLY_FUNDER was not an address: {self.funder!r}, expected 0x and 20 bytes of hex"
            )
        if self.chain_id not in CHAINS:
            problems.append(f"POLY_CHAIN_ID was {self.chain_id}, known are 137 and 80002")
        if problems:
            raise SettingsError(*problems)

    def __repr__(self) -> str:
        kind = self.signature_type.name
        return f"Wallet(funder={short(self.funder)!r}, {kind}, chain_id={self.chain_id}, ***)"


def l2_headers(
    credentials: Credentials, *, at: float, method: str, path: str, body: bytes = b""
) -> dict[str, str]:
    """Sign one request.

    Args:
        credentials: Whose request it is.
        at: Real wall-clock time in epoch seconds; the exchange checks it.
        method: Upper case.
        path: Without host and query (exchange docs, 2026-09).
        body: Exactly the bytes that are sent.
    """
    stamp = str(int(at))
    message = f"{stamp}{method}{path}".encode() + body
    digest = hmac.digest(_secret_bytes(credentials.secret), message, hashlib.sha256)
    return {
        "POLY_ADDRESS": credentials.address,
        "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
        "POLY_TIMESTAMP": stamp,
        "POLY_API_KEY": credentials.api_key,
        "POLY_PASSPHRASE": credentials.passphrase,
    }


class _KeyAnswer(msgspec.Struct, rename="camel"):
    api_key: str
    secret: str
    passphrase: str


def create_or_derive(
    http: Http, host: str, wallet: Wallet, *, at: float, nonce: int = 0
) -> Credentials:
    """Get the API credentials of *wallet*'s key; the same *nonce* always gives the same ones.

    Loads the signing library: call it in a process that ends soon.

    Args:
        http: Client to ask with.
        host: Base URL of the CLOB.
        wallet: Only its key and chain matter here.
        at: Real wall-clock time in epoch seconds; the exchange checks it.
        nonce: Another number gives another key of the same account.

    Raises:
        SettingsError: The private key is not one.
        VenueUnreachable: No usable answer.
        VenueRefused: The exchange does not accept the signature.
    """
    headers = _l1_headers(wallet, at=at, nonce=nonce)
    try:
        answer = http.send("POST", f"{host}/auth/api-key", _KeyAnswer, headers=headers)
    except VenueRefused:  # it exists already: 400 "Could not create api key"
        answer = http.get(f"{host}/auth/derive-api-key", _KeyAnswer, headers=headers)
    return Credentials(answer.api_key, answer.secret, answer.passphrase, headers["POLY_ADDRESS"])


def _l1_headers(wallet: Wallet, *, at: float, nonce: int) -> dict[str, str]:
    with signing_library():
        from py_clob_client_v2.signer import Signer  # noqa: PLC0415 - slow and large, see above
        from py_clob_client_v2.signing.eip712 import sign_clob_auth_message  # noqa: PLC0415

    try:
        signer = Signer(wallet.private_key, wallet.chain_id)
    except ValueError:  # its text might repeat the key
        raise SettingsError(NO_SUCH_KEY) from None
    return {
        "POLY_ADDRESS": str(signer.address()),
        "POLY_SIGNATURE": str(sign_clob_auth_message(signer, int(at), nonce)),
        "POLY_TIMESTAMP": str(int(at)),
        "POLY_NONCE": str(nonce),
    }


def _secret_bytes(secret: str) -> bytes:
    """Decode the urlsafe base64 of the exchange; a missing padding is forgiven."""
    padded = secret + "=" * (-len(secret) % 4)
    return base64.b64decode(padded.encode(), altchars=b"-_", validate=True)
