"""Derive the address and the API credentials of a private key, in a process that ends at once.

The signing library takes 0.4 s and 40 MB; the supervisor, which needs the credentials and
never signs an order, does not load it. The key comes by environment and the answer goes to
a pipe: neither is ever an argument, a file or a line of a log.

Where API credentials were set by hand, the exchange is not asked: the address is all that
is missing, and it follows from the key.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from POLYMARKET_MAKER.errors import (
    CannotStart,
    MakerError,
    SettingsError,
    VenueRefused,
    VenueUnreachable,
)
from POLYMARKET_MAKER.exchange.auth import NO_SUCH_KEY, SignatureType, Wallet, create_or_derive
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.libraries import signing_library
from POLYMARKET_MAKER.settings import ApiCredentials, Settings, child_environment
from POLYMARKET_MAKER.settings import Credentials as Keys

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 30.0
NONCE_VARIABLE = "POLY_DERIVE_NONCE"
"""In the environment of the process; without it only the address is wanted."""
NOBODY = f"0x{0:040x}"
"""Stands for the funder where none is named: credentials belong to the key alone."""
_ERRORS: dict[str, type[MakerError]] = {
    kind.__name__: kind for kind in (SettingsError, VenueRefused, VenueUnreachable)
}


class _Answer(msgspec.Struct):
    """What the process says: address and perhaps credentials, or the error that it met."""

    address: str = ""
    api_key: str = ""
    secret: str = ""
    passphrase: str = ""
    error: str = ""
    reason: str = ""


def derive(settings: Settings, env: Mapping[str, str], *, nonce: int = 0) -> tuple[Keys, str]:
    """Return the settings' credentials with their API key, and the signer's address.

    API credentials that were set by hand are kept, unless another *nonce* asks for others.

    Args:
        settings: Live or demo, with a private key.
        env: Environment of the supervisor.
        nonce: Another number gives another API key of the same account.

    Raises:
        CannotStart: The process could not do its work.
        SettingsError: The private key is not one.
        VenueUnreachable: The exchange did not answer, or this machine is short of something;
            try again later.
        VenueRefused: The exchange does not accept the key.
    """
    keys = settings.credentials
    assert keys is not None, "paper has no credentials"
    child_env = child_environment(env, mode=settings.mode, urls=settings.urls, credentials=keys)
    child_env["POLY_CHAIN_ID"] = str(settings.chain_id)
    if keys.api is None or nonce:
        child_env[NONCE_VARIABLE] = str(nonce)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "POLYMARKET_MAKER.derive_credentials"],
            env=child_env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=DEADLINE_S,
            check=False,
        )
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except subprocess.TimeoutExpired:
        raise VenueUnreachable(f"no API credentials within {DEADLINE_S:.0f} s") from None
    except OSError as error:  # no memory, or no process more
        raise VenueUnreachable(f"cannot derive credentials now: {error.strerror}") from error
    except msgspec.DecodeError:
        raise CannotStart(
            f"deriving API credentials ended with exit code {done.returncode} and no answer"
        ) from None
    if answer.error:
        raise _ERRORS[answer.error](answer.reason)
    if not answer.api_key:
        return keys, answer.address
    api = ApiCredentials(answer.api_key, answer.secret, answer.passphrase)
    return replace(keys, api=api), answer.address


def main() -> int:
    """Read the key from the environment, ask the exchange if need be, answer on standard output."""
    try:
        answer = _answer()
    except MakerError as error:
        answer = _Answer(error=type(error).__name__, reason=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


def _answer() -> _Answer:
    prefix = "POLY_DEMO_" if os.environ.get("POLY_RUN_MODE") == "demo" else "POLY_"
    wallet = Wallet(
        private_key=os.environ[f"{prefix}KEY"],
        funder=os.environ.get(f"{prefix}FUNDER") or NOBODY,
        signature_type=SignatureType(int(os.environ.get(f"{prefix}SIGNATURE", "0"))),
        chain_id=int(os.environ["POLY_CHAIN_ID"]),
    )
    nonce = os.environ.get(NONCE_VARIABLE)
    if nonce is None:
        return _Answer(_address(wallet.private_key))
    http = Http()
    try:
        host = os.environ["POLY_HOST"]
        found = create_or_derive(http, host, wallet, at=time.time(), nonce=int(nonce))
    finally:
        http.close()
    return _Answer(found.address, found.api_key, found.secret, found.passphrase)


def _address(private_key: str) -> str:
    """Return the key's own address.

    Raises:
        SettingsError: No point of the curve belongs to it.
    """
    with signing_library():
        from eth_account import Account  # noqa: PLC0415 - slow and large, see above

    try:
        return str(Account.from_key(private_key).address)
    except ValueError:  # its text might repeat the key
        raise SettingsError(NO_SUCH_KEY) from None


if __name__ == "__main__":
    sys.exit(main())
