"""The way to the exchange, one step after the other: name, TLS, answer, clock, country.

Only with ``--live``. Each step has its own deadline and its own words for what failed,
since "no connection" can mean any of them. Nothing here needs a key.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from polyshared.doctor.graph import Known, NotLearnt, Unlearnt
from polyshared.doctor.probe import Answer

STEP_S = 5.0
MAX_ANSWER = 1 << 16
USER_AGENT = "polyshared-doctor"
DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
PUBLIC_SITE = "https://polymarket.com"

T = TypeVar("T")


class Urls(msgspec.Struct, frozen=True):
    """Where the exchange is."""

    clob: str
    ws_market: str


class _RunParams(msgspec.Struct, frozen=True):
    urls: Urls


@dataclass(frozen=True, slots=True)
class Net:
    """What was found on the way.

    Attributes:
        addresses: Of each host by name, or why it has none.
        tls: Days until each host's certificate ends, or why the handshake failed;
            hosts that are spoken to in plain text are not in it.
        version: The order version that the exchange speaks.
        skew_s: Its clock minus ours, in seconds; exact to about a second.
        geoblock: What it says of the country we are in.
    """

    urls: Urls
    addresses: dict[str, Known[list[str]] | Unlearnt]
    tls: dict[str, Known[float] | Unlearnt]
    version: Known[int] | Unlearnt
    skew_s: Known[float] | Unlearnt
    geoblock: Known[dict[str, object]] | Unlearnt


def find_urls(data_dir: Path, said: Mapping[str, str], settings: Callable[[], Answer]) -> Urls:
    """Return where the exchange is: as the supervisor says, the newest child was told, else set.

    Args:
        data_dir: Where children's run_params lie.
        said: What the supervisor says of it; empty when it says nothing.
        settings: Asks the trading program; called only when nobody was told.

    Raises:
        NotLearnt: Neither says it.
    """
    if said:
        return msgspec.convert(said, Urls)
    told = sorted(data_dir.glob("run_params_*.json"), key=_modified, reverse=True)
    for path in told:
        try:
            return msgspec.json.decode(path.read_bytes(), type=_RunParams).urls
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            continue
    answer = settings()
    if answer.ok and "urls" in answer.data:
        return msgspec.convert(answer.data["urls"], Urls)
    raise NotLearnt("nobody says where the exchange is")


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def look(urls: Urls) -> Net:
    """Go the whole way once."""
    ends = {part.hostname or "": part for part in map(urlsplit, (urls.clob, urls.ws_market))}
    return Net(
        urls=urls,
        addresses={host: _try(partial(_addresses, part)) for host, part in ends.items()},
        tls={
            host: _try(partial(_certificate_days, part))
            for host, part in ends.items()
            if part.scheme in ("https", "wss")
        },
        version=_try(partial(_version, urls.clob)),
        skew_s=_try(partial(_skew_s, urls.clob)),
        geoblock=_try(partial(_geoblock, urls.clob)),
    )


def _try(step: Callable[[], T]) -> Known[T] | Unlearnt:
    started = time.perf_counter()
    try:
        value = step()
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        took_ms = (time.perf_counter() - started) * 1000
        return Unlearnt(f"{type(error).__name__}: {error}", took_ms)
    return Known(value, (time.perf_counter() - started) * 1000)


def _port(part: SplitResult) -> int:
    return part.port or DEFAULT_PORTS[part.scheme]


def _addresses(part: SplitResult) -> list[str]:
    found = socket.getaddrinfo(part.hostname, _port(part), type=socket.SOCK_STREAM)
    return sorted({str(each[4][0]) for each in found})


def _certificate_days(part: SplitResult) -> float:
    context = ssl.create_default_context()
    with (
        socket.create_connection((part.hostname or "", _port(part)), STEP_S) as raw,
        context.wrap_socket(raw, server_hostname=part.hostname) as secured,
    ):
        certificate = secured.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return (ends - time.time()) / 86400.0


def get(url: str) -> object:
    """Return the JSON answer of one GET, without proxies and without following redirects.

    Raises:
        OSError: No answer.
        ValueError: An answer with another status than 200, or not in JSON.
    """
    part = urlsplit(url)
    kind = http.client.HTTPSConnection if part.scheme == "https" else http.client.HTTPConnection
    line = kind(part.hostname or "", _port(part), timeout=STEP_S)
    try:
        line.request("GET", part.path or "/", headers={"User-Agent": USER_AGENT})
        answer = line.getresponse()
        body = answer.read(MAX_ANSWER)
    finally:
        line.close()
    if answer.status != http.client.OK:
        raise ValueError(f"{url} answered {answer.status}")
    return json.loads(body)


def _version(clob: str) -> int:
    said = get(f"{clob}/version")
    if not isinstance(said, dict):
        raise TypeError(f"{clob}/version answered {said!r}")
    return int(said["version"])


def _skew_s(clob: str) -> float:
    before = time.time()
    said = float(str(get(f"{clob}/time")))
    # Whole seconds are told: the middle of the second, at the middle of the request.
    return said + 0.5 - (before + time.time()) / 2


def _geoblock(clob: str) -> dict[str, object]:
    part = urlsplit(clob)
    is_public = (part.hostname or "").endswith("polymarket.com")
    site = PUBLIC_SITE if is_public else f"{part.scheme}://{part.netloc}"
    said = get(f"{site}/api/geoblock")
    if not isinstance(said, dict):
        raise TypeError(f"geoblock answered {said!r}")
    return said
