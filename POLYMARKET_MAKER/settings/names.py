"""Environment variables: what each means, and the other names that mean the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment or of ``.env``.

    Attributes:
        aliases: Other names that mean the same; two that disagree are an error.
        wallet: Belongs to the wallet: a process that does not trade is not given it.
        secret: Never shown.
    """

    name: str
    meaning: str
    default: str = ""
    aliases: tuple[str, ...] = ()
    wallet: bool = False
    secret: bool = False


VARIABLES = (
    Variable(
        "POLY_KEY",
        "Private key, 64 hex digits, with or without 0x. Read in live only.",
        aliases=("PK", "POLYMARKET_PRIVATE_KEY", "POLYMARKET_KEY", "POLY_PRIVATE_KEY"),
        wallet=True,
        secret=True,
    ),
    Variable(
        "POLY_FUNDER",
        "Wallet that holds the money (proxy, Safe or deposit wallet). Read in live only.",
        aliases=("FUNDER", "POLYMARKET_FUNDER", "POLYMARKET_PROXY_ADDRESS"),
        wallet=True,
    ),
    Variable(
        "POLY_SIGNATURE",
        "Kind of that wallet: 0 the key's own, 1 proxy, 2 Safe, 3 deposit wallet.",
        default="2",
        aliases=("POLY_SIGNATURE_TYPE", "SIGNATURE_TYPE", "POLYMARKET_SIGNATURE_TYPE"),
        wallet=True,
    ),
    Variable(
        "POLY_API_KEY",
        "API key, where one is to be used instead of the derived one; all three or none.",
        aliases=("CLOB_API_KEY", "POLYMARKET_API_KEY"),
        wallet=True,
        secret=True,
    ),
    Variable(
        "POLY_API_SECRET",
        "Its secret.",
        aliases=("CLOB_SECRET", "POLYMARKET_API_SECRET"),
        wallet=True,
        secret=True,
    ),
    Variable(
        "POLY_API_PASSPHRASE",
        "Its passphrase.",
        aliases=("POLY_API_PASS_PHRASE", "CLOB_PASS_PHRASE", "POLYMARKET_API_PASSPHRASE"),
        wallet=True,
        secret=True,
    ),
    Variable("POLY_DATA_ADDRESS", "Wallet whose positions are read.", default="POLY_FUNDER"),
    Variable("POLY_CHAIN_ID", "Chain of the exchange.", default="137", aliases=("CHAIN_ID",)),
    Variable(
        "POLY_HOST",
        "The exchange's order interface.",
        default="https://clob.polymarket.com",
        aliases=("POLY_CLOB_API_ROOT", "CLOB_API_URL"),
    ),
    Variable(
        "POLY_WS_URL",
        "Its market WebSocket.",
        default="wss://ws-subscriptions-clob.polymarket.com/ws/market",
    ),
    Variable(
        "POLY_WS_USER_URL",
        "Its user WebSocket.",
        default="wss://ws-subscriptions-clob.polymarket.com/ws/user",
    ),
    Variable(
        "POLY_GAMMA_ROOT",
        "Market descriptions.",
        default="https://gamma-api.polymarket.com",
        aliases=("POLY_GAMMA_API_ROOT",),
    ),
    Variable(
        "POLY_DATA_API_ROOT",
        "Positions and activity.",
        default="https://data-api.polymarket.com",
    ),
    Variable("POLY_RUN_MODE", "live, paper or demo; the option comes before it."),
    Variable("POLY_DATA_DIR", "Data directory, taken as it is in every mode."),
    Variable("POLY_LOG_DIR", "Log directory, taken as it is in every mode."),
    Variable("POLY_ENV_FILE", "The file of secrets.", default=".env in the repository root"),
    Variable("POLY_RUN_CONFIG_PATH", "Settings of a child that is started without an argument."),
    Variable(
        "POLY_WS_SHARED_CACHE", "The shared feed a child begins with; the supervisor sets it."
    ),
    Variable("POLY_WS_DEBUG_RAW", "1, true, yes, on: every raw event is logged."),
    Variable("POLY_DEMO_KEY", "Demo's throw-away key.", wallet=True, secret=True),
    Variable("POLY_DEMO_API_KEY", "Demo's API key.", wallet=True, secret=True),
    Variable("POLY_DEMO_API_SECRET", "Its secret.", wallet=True, secret=True),
    Variable("POLY_DEMO_API_PASSPHRASE", "Its passphrase.", wallet=True, secret=True),
    Variable("POLY_DEMO_FUNDER", "Demo's wallet; without it the key's own.", wallet=True),
    Variable("POLY_DEMO_SIGNATURE", "Kind of demo's wallet.", default="0", wallet=True),
)

BY_NAME: dict[str, Variable] = {each.name: each for each in VARIABLES}
API_NAMES = ("POLY_API_KEY", "POLY_API_SECRET", "POLY_API_PASSPHRASE")
DEMO_API_NAMES = ("POLY_DEMO_API_KEY", "POLY_DEMO_API_SECRET", "POLY_DEMO_API_PASSPHRASE")
DATA_ADDRESS_NAMES = ("POLY_DATA_ADDRESS", "POLY_WALLET", "POLY_ADDRESS")
WALLET_NAMES = frozenset(
    name for each in VARIABLES if each.wallet for name in (each.name, *each.aliases)
)
"""Every name that a process that does not trade has no business with."""


def spellings(name: str) -> tuple[str, ...]:
    """List a variable's name and its aliases."""
    return (name, *BY_NAME[name].aliases)


def default_of(name: str) -> str:
    return BY_NAME[name].default


class Overlay(Mapping[str, str]):
    """The environment over ``.env``, as a view: to copy an environment is to read every key in it.

    An empty variable is absent, and a variable of the environment hides every name
    that it has in the file.
    """

    def __init__(self, env: Mapping[str, str], below: Mapping[str, str]) -> None:
        self._env = env
        self._below = {name: value for name, value in below.items() if not _is_said(env, name)}

    def __getitem__(self, name: str) -> str:
        value = self._env.get(name, "")
        return value if value.strip() or name not in self._below else self._below[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._env, *self._below)))

    def __len__(self) -> int:
        return len(set(self._env) | self._below.keys())


def _is_said(env: Mapping[str, str], name: str) -> bool:
    owner = next((each.name for each in VARIABLES if name in spellings(each.name)), None)
    return any(env.get(each, "").strip() for each in (spellings(owner) if owner else (name,)))


def lookup(env: Mapping[str, str], name: str, problems: list[str]) -> str | None:
    """Read a variable under any of its names; an empty one counts as absent."""
    found = {each: env[each].strip() for each in spellings(name) if env.get(each, "").strip()}
    values = {_comparable(value) for value in found.values()}
    if len(values) > 1:
        problems.append(f"environment: {' and '.join(found)} disagree; keep one of them")
    return next(iter(found.values()), None)


def _comparable(value: str) -> str:
    return value.lower().removeprefix("0x").rstrip("/")
