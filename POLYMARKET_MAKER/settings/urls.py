"""Where the exchange is, and which addresses a mode may use."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import SplitResult, urlsplit

from POLYMARKET_MAKER.settings.groups import Mode
from POLYMARKET_MAKER.settings.names import default_of, lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where the exchange is. No address ends with a slash."""

    clob: str = default_of("POLY_HOST")
    ws_market: str = default_of("POLY_WS_URL")
    ws_user: str = default_of("POLY_WS_USER_URL")
    gamma: str = default_of("POLY_GAMMA_ROOT")
    data: str = default_of("POLY_DATA_API_ROOT")

    @property
    def all_loopback(self) -> bool:
        return all(is_loopback(url) for url in self.as_dict().values())

    def as_dict(self) -> dict[str, str]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def to_env(self) -> dict[str, str]:
        """Say these addresses by the variables that :func:`read_urls` reads."""
        return {URL_NAMES[name]: url for name, url in self.as_dict().items()}


URL_NAMES = {
    "clob": "POLY_HOST",
    "ws_market": "POLY_WS_URL",
    "ws_user": "POLY_WS_USER_URL",
    "gamma": "POLY_GAMMA_ROOT",
    "data": "POLY_DATA_API_ROOT",
}

NOWHERE = Urls(
    clob="http://127.0.0.1:9",
    ws_market="ws://127.0.0.1:9/ws/market",
    ws_user="ws://127.0.0.1:9/ws/user",
    gamma="http://127.0.0.1:9",
    data="http://127.0.0.1:9",
)
"""Demo's addresses until its simulator runs: the discard port, where nothing answers."""


def read_urls(env: Mapping[str, str], mode: Mode, problems: list[str]) -> Urls:
    """Take the addresses from the environment; what it does not name is the real exchange.

    In demo what it does not name is nowhere.
    """
    given = {}
    for name, variable in URL_NAMES.items():
        value = lookup(env, variable, problems)
        if value is not None:
            given[name] = value.rstrip("/")
    base = NOWHERE if mode is Mode.DEMO else Urls()
    urls = Urls(**(base.as_dict() | given))
    check_urls(urls, mode, problems)
    return urls


def check_urls(urls: Urls, mode: Mode, problems: list[str]) -> None:
    """Refuse what cannot be an address, plain text in live, and anything real in demo."""
    for name, url in urls.as_dict().items():
        wrong = _wrong(url, mode, is_socket=name.startswith("ws_"))
        if wrong:
            problems.append(f"{URL_NAMES[name]}: was {_shown(url)}, {wrong}")


def _wrong(url: str, mode: Mode, *, is_socket: bool) -> str:
    plain, safe = ("ws", "wss") if is_socket else ("http", "https")
    parts = _split(url)
    if parts is None or parts.scheme not in (plain, safe) or not parts.hostname:
        return f"needs {safe}://host"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "needs an address without user, query or fragment"
    if mode is Mode.DEMO and not is_loopback(url):
        return "demo talks to this machine only; use --paper for real quotes"
    if mode is Mode.LIVE and parts.scheme == plain and not is_loopback(url):
        return f"live needs {safe}://"
    return ""


def is_loopback(url: str) -> bool:
    """Tell whether an address stays on this machine; of all names only ``localhost`` does."""
    parts = _split(url)
    host = parts.hostname if parts else None
    if not host:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def _shown(url: str) -> str:
    """Show an address without what may be a password."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "no address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
