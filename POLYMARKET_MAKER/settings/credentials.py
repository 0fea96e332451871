"""What orders are signed with, and what of the environment a child is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from POLYMARKET_MAKER.settings.groups import Mode
from POLYMARKET_MAKER.settings.names import (
    API_NAMES,
    DATA_ADDRESS_NAMES,
    DEMO_API_NAMES,
    WALLET_NAMES,
    default_of,
    lookup,
    spellings,
)
from POLYMARKET_MAKER.settings.urls import URL_NAMES, Urls

_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE_TYPES = {"0": 0, "1": 1, "2": 2, "3": 3}


@dataclass(frozen=True, slots=True)
class ApiCredentials:
    """The exchange's API key, with which requests are authenticated. Its repr shows nothing."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What orders are signed with. Its repr shows nothing secret.

    Attributes:
        key: Private key, 64 hex digits without ``0x``.
        funder: Wallet that holds the money; None means the key's own address.
        signature_type: 0 plain wallet, 1 proxy, 2 Safe, 3 deposit wallet.
        api: API key, where it was derived before or set by hand.
        data_address: Wallet whose positions are read.
    """

    key: str = field(repr=False)
    funder: str | None
    signature_type: int
    api: ApiCredentials | None = None
    data_address: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no output may show, for ``log.add_secret``."""
        api = (self.api.key, self.api.secret, self.api.passphrase) if self.api else ()
        return (self.key, *api)


def read_credentials(
    env: Mapping[str, str], mode: Mode, urls: Urls, problems: list[str]
) -> Credentials | None:
    """Read the credentials of a mode; paper has none, and none of its variables is looked at.

    Demo's throw-away key is read only when every address is loopback. A demo without a
    key gives None: its simulator has not made one yet.
    """
    if mode is Mode.LIVE:
        return _live_credentials(env, problems)
    if mode is Mode.DEMO and urls.all_loopback:
        return _demo_credentials(env, problems)
    return None


def _live_credentials(env: Mapping[str, str], problems: list[str]) -> Credentials | None:
    key = lookup(env, "POLY_KEY", problems)
    funder = lookup(env, "POLY_FUNDER", problems)
    said_type = lookup(env, "POLY_SIGNATURE", problems)
    signature_type = _signature_type("POLY_SIGNATURE", said_type, problems)
    api = _api([lookup(env, name, problems) for name in API_NAMES], API_NAMES, problems)
    missing = [
        name for name, value in (("POLY_KEY", key), ("POLY_FUNDER", funder)) if value is None
    ]
    if missing:
        problems.append(f"live needs {' and '.join(missing)} in the environment or in .env")
        return None
    data_address = next((env[name] for name in DATA_ADDRESS_NAMES if env.get(name)), funder)
    assert key is not None
    _check_wallet(key, "POLY_KEY", funder, problems)
    return Credentials(key.removeprefix("0x"), funder, signature_type, api, data_address)


def _demo_credentials(env: Mapping[str, str], problems: list[str]) -> Credentials | None:
    key = env.get("POLY_DEMO_KEY")
    if not key:
        return None
    funder = env.get("POLY_DEMO_FUNDER") or None
    _check_wallet(key, "POLY_DEMO_KEY", funder, problems)
    said_type = env.get("POLY_DEMO_SIGNATURE")
    signature_type = _signature_type("POLY_DEMO_SIGNATURE", said_type, problems)
    api = _api([env.get(name) for name in DEMO_API_NAMES], DEMO_API_NAMES, problems)
    return Credentials(key.removeprefix("0x"), funder, signature_type, api, funder)


def _check_wallet(key: str, name: str, funder: str | None, problems: list[str]) -> None:
    if not _KEY.fullmatch(key):
        problems.append(f"{name}: had {len(key)} characters, needs 64 hex digits")
    if funder is not None and not _ADDRESS.fullmatch(funder):
        problems.append("POLY_FUNDER: needs 0x and 40 hex digits")


def _signature_type(name: str, text: str | None, problems: list[str]) -> int:
    found = _SIGNATURE_TYPES.get(text or default_of(name))
    if found is None:
        problems.append(f"{name}: was {text!r}, allowed are 0, 1, 2, 3")
        return 0
    return found


def _api(
    values: list[str | None], names: tuple[str, ...], problems: list[str]
) -> ApiCredentials | None:
    key, secret, passphrase = values
    if key and secret and passphrase:
        return ApiCredentials(key, secret, passphrase)
    if key or secret or passphrase:
        missing = [name for name, value in zip(names, values, strict=True) if not value]
        problems.append(f"environment: {', '.join(missing)} missing; set all three or none")
    return None


def child_environment(
    env: Mapping[str, str],
    *,
    mode: Mode,
    urls: Urls,
    credentials: Credentials | None,
    shared_cache: str | None = None,
    data_dir: Path | None = None,
    log_dir: Path | None = None,
) -> dict[str, str]:
    """Make the environment of a child.

    Everything of *env* goes along but the secrets under all their names, and
    ``POLY_ENV_FILE``: a child gets its credentials here and opens no file for them.

    Args:
        env: Environment of the supervisor.
        mode: Goes to ``POLY_RUN_MODE``.
        urls: Go to their variables.
        credentials: For a child that trades; None for every other process.
        shared_cache: Value of ``POLY_WS_SHARED_CACHE``; None removes it.
        data_dir: Goes to ``POLY_DATA_DIR``, for a process without run_params.
        log_dir: Goes to ``POLY_LOG_DIR``.
    """
    url_names = {each for name in URL_NAMES.values() for each in spellings(name)}
    dropped = WALLET_NAMES | url_names | {"POLY_ENV_FILE", "POLY_WS_SHARED_CACHE"}
    child = {name: value for name, value in env.items() if name not in dropped}
    child |= urls.to_env() | {"POLY_RUN_MODE": str(mode)}
    said = {
        "POLY_WS_SHARED_CACHE": shared_cache,
        "POLY_DATA_DIR": data_dir,
        "POLY_LOG_DIR": log_dir,
    }
    child |= {name: str(value) for name, value in said.items() if value is not None}
    return child | _credential_variables(credentials, mode)


def _credential_variables(credentials: Credentials | None, mode: Mode) -> dict[str, str]:
    if credentials is None or mode is Mode.PAPER:
        return {}
    prefix = "POLY_DEMO_" if mode is Mode.DEMO else "POLY_"
    api = credentials.api
    values = {
        "KEY": credentials.key,
        "FUNDER": credentials.funder,
        "SIGNATURE": str(credentials.signature_type),
        "API_KEY": api and api.key,
        "API_SECRET": api and api.secret,
        "API_PASSPHRASE": api and api.passphrase,
    }
    if mode is Mode.LIVE:
        values["DATA_ADDRESS"] = credentials.data_address
    return {f"{prefix}{name}": value for name, value in values.items() if value}
