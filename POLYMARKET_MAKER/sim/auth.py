"""API keys: given out for an L1 signature, proven by an HMAC on every L2 request."""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from POLYMARKET_MAKER.sim.contracts import SignatureError
from POLYMARKET_MAKER.sim.refusals import Refused, bad_api_key, bad_l1

MAX_SKEW_S = 300  # how far a request's clock may be off; production's limit is not established


@dataclass(frozen=True, slots=True)
class Credentials:
    """One API key of one address; an address has a key for each nonce it logs in with."""

    address: str
    nonce: int
    key: str
    secret: str
    passphrase: str


class Keys:
    """Every API key that was given out.

    Keys are derived from the address and the nonce, so ``derive-api-key`` gives
    the same key again, also after a restart with the same seed.
    """

    def __init__(self, *, seed: int, chain_id: int) -> None:
        self._seed = f"simulated exchange {seed}".encode()
        self._chain_id = chain_id
        self._by_key: dict[str, Credentials] = {}

    # -- L1 -------------------------------------------------------------------

    def create(self, headers: Mapping[str, str]) -> Credentials:
        """Give out a new key.

        Raises:
            Refused: The login is not signed, or its key exists already.
        """
        credentials = self._derive(headers)
        if credentials.key in self._by_key:
            raise Refused("api_key_exists", 400, "Could not create api key")
        self._by_key[credentials.key] = credentials
        return credentials

    def derive(self, headers: Mapping[str, str]) -> Credentials:
        """Give out an existing key again.

        Raises:
            Refused: The login is not signed, or there is no such key (that text
                is not established).
        """
        credentials = self._derive(headers)
        if credentials.key not in self._by_key:
            raise Refused("api_key_missing", 400, "Could not derive api key!")
        return credentials

    def _derive(self, headers: Mapping[str, str]) -> Credentials:
        address = headers.get("POLY_ADDRESS", "")
        timestamp = headers.get("POLY_TIMESTAMP", "")
        nonce = headers.get("POLY_NONCE", "")
        if not nonce.isascii() or not nonce.isdigit() or not _is_recent(timestamp):
            raise bad_l1()
        from POLYMARKET_MAKER.sim.signatures import login_signer  # noqa: PLC0415 - 0.2 s

        try:
            signer = login_signer(
                address=address,
                timestamp=timestamp,
                nonce=int(nonce),
                signature=headers.get("POLY_SIGNATURE", ""),
                chain_id=self._chain_id,
            )
        except SignatureError as error:
            raise bad_l1() from error
        if signer.lower() != address.lower():
            raise bad_l1()
        return self._credentials(signer, int(nonce))

    def _credentials(self, address: str, nonce: int) -> Credentials:
        def derived(use: str) -> bytes:
            message = f"{use}/{address.lower()}/{nonce}".encode()
            return hmac.digest(self._seed, message, "sha256")

        return Credentials(
            address=address,
            nonce=nonce,
            key=str(uuid.UUID(bytes=derived("key")[:16], version=4)),
            secret=urlsafe_b64encode(derived("secret")).decode(),
            passphrase=derived("passphrase").hex(),
        )

    def revoke(self, credentials: Credentials) -> None:
        self._by_key.pop(credentials.key, None)

    def of_address(self, address: str) -> list[str]:
        return [c.key for c in self._by_key.values() if c.address.lower() == address.lower()]

    # -- L2 -------------------------------------------------------------------

    def verify(
        self, headers: Mapping[str, str], *, method: str, path: str, body: bytes
    ) -> Credentials:
        """Return whose request it is.

        The signature is an HMAC-SHA256 over timestamp, method, path without
        query and the body's very bytes, in URL-safe base64.

        Raises:
            Refused: The key is unknown, or its address, passphrase, time or
                signature is wrong.
        """
        known = self._by_key.get(headers.get("POLY_API_KEY", ""))
        timestamp = headers.get("POLY_TIMESTAMP", "")
        if known is None or not _is_recent(timestamp):
            raise bad_api_key()
        message = f"{timestamp}{method}{path}".encode() + body
        mac = hmac.new(urlsafe_b64decode(known.secret), message, hashlib.sha256)
        expected = urlsafe_b64encode(mac.digest())
        sent = headers.get("POLY_SIGNATURE", "").encode()
        if not hmac.compare_digest(expected, sent):
            raise bad_api_key()
        if headers.get("POLY_ADDRESS", "").lower() != known.address.lower():
            raise bad_api_key()
        if headers.get("POLY_PASSPHRASE") != known.passphrase:
            raise bad_api_key()
        return known

    def login(self, auth: Mapping[str, object]) -> Credentials:
        """Return whose user channel it is; that one sends its secret itself.

        Raises:
            Refused: The key is unknown, or secret or passphrase is wrong.
        """
        known = self._by_key.get(str(auth.get("apiKey", "")))
        if (
            known is None
            or auth.get("secret") != known.secret
            or auth.get("passphrase") != known.passphrase
        ):
            raise bad_api_key()
        return known


def _is_recent(timestamp: str) -> bool:
    """Check an authentication header's time, which is real time under every clock scale."""
    if not timestamp.isascii() or not timestamp.isdigit():
        return False
    return abs(int(timestamp) - time.time()) <= MAX_SKEW_S
