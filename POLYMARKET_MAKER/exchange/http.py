"""One HTTP client a process, and one policy for everything that can go wrong with it.

No usable answer is ``VenueUnreachable``: a time-out, a dropped connection, 408,
425, 429, 5xx, a redirect, an answer that cannot be read. A 4xx is
``VenueRefused``: the exchange understood and said no. Nothing is ever sent
twice from here: whether a request may be repeated, only its caller knows.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx
import msgspec

from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable

T = TypeVar("T")

CONNECT_S: Final = 3.0
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
TRY_LATER: Final = frozenset({408, 425, 429})  # 425: the matching engine restarts
LONGEST_WAIT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the exchange last said of one of our buckets (its ``Poly-RateLimit-*`` headers).

    Attributes:
        remaining: Requests left now; None when it was not said.
        reset_s: Seconds until the bucket is full again; None when it was not said.
        tier: Name of our tier.
        warning: Text of the warning; empty when there is none.
    """

    remaining: int | None
    reset_s: float | None
    tier: str
    warning: str


class ErrorBody(msgspec.Struct):
    """The shapes of refusal that the exchange uses; a field it does not send is empty."""

    error: str = ""
    error_msg: str = ""
    errorMsg: str = ""  # noqa: N815 - the exchange's name
    message: str = ""
    code: str | int = ""
    retry_after_seconds: str | float | None = None

    @property
    def text(self) -> str:
        return self.error or self.error_msg or self.errorMsg or self.message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, refusals included.

    Attributes:
        where: Method and URL without query, for messages.
        status_code: HTTP status.
        body: The whole body.
        headers: HTTP headers, keys in any case.
    """

    where: str
    status_code: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300  # noqa: PLR2004

    def decode(self, kind: type[T]) -> T:
        """Decode the JSON body as *kind*.

        Raises:
            VenueUnreachable: It is not JSON, or not of that shape.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise VenueUnreachable(f"{self.where}: unreadable answer: {error}") from None


class Http:
    """Send requests with a deadline and decode their answers; safe to share between threads.

    A loopback host is never asked through a proxy, whatever the environment says.

    Attributes:
        limits: The last rate limit seen, by method and first part of the path, such as
            ``POST /order``. Empty until the exchange sends such headers.
    """

    def __init__(self, *, deadline_s: float = 5.0) -> None:
        self._deadline_s = deadline_s
        self._clients: dict[bool, httpx.Client] = {}
        self.limits: dict[str, RateLimit] = {}

    def get(
        self,
        url: str,
        answer: type[T],
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        deadline_s: float | None = None,
    ) -> T:
        """Read *url* and decode the JSON answer as *answer*.

        Raises:
            VenueUnreachable: No usable answer within *deadline_s*.
            VenueRefused: The answer was a 4xx.
        """
        return self.send("GET", url, answer, params=params, headers=headers, deadline_s=deadline_s)

    def send(
        self,
        method: str,
        url: str,
        answer: type[T],
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        deadline_s: float | None = None,
    ) -> T:
        """Send one request, once, and decode the JSON answer as *answer*.

        Raises:
            VenueUnreachable: No usable answer within *deadline_s*; the request may have acted.
            VenueRefused: The answer was a 4xx.
        """
        got = self.ask(
            method, url, params=params, headers=headers, body=body, deadline_s=deadline_s
        )
        if not got.is_success:
            raise refusal(got)
        return got.decode(answer)

    def ask(
        self,
        method: str,
        url: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        deadline_s: float | None = None,
    ) -> Answer:
        """Send one request, once, and return whatever was answered, refusals included.

        Raises:
            VenueUnreachable: Nothing was answered within *deadline_s*.
        """
        limit_s = deadline_s or self._deadline_s
        client = self._client(httpx.URL(url).host)
        request = client.build_request(
            method,
            url,
            params=params,
            headers={"Content-Type": "application/json", **(headers or {})},
            content=body,
            timeout=httpx.Timeout(limit_s, connect=min(CONNECT_S, limit_s)),
        )
        where = f"{method} {request.url.copy_with(query=None)}"
        try:
            response, text = _read(client, request, time.monotonic() + limit_s)
        except httpx.RequestError as error:
            raise VenueUnreachable(f"{where}: {error or type(error).__name__}") from None
        self._note_limit(method, response)
        return Answer(where, response.status_code, text, response.headers)

    def close(self) -> None:
        """Close every connection; the next request opens new ones."""
        for client in list(self._clients.values()):
            client.close()
        self._clients.clear()

    def _client(self, host: str) -> httpx.Client:
        loopback = is_loopback(host)
        if loopback not in self._clients:
            # An order a minute should not pay for a new TLS handshake each time.
            limits = httpx.Limits(max_connections=16, keepalive_expiry=75.0)
            fresh = httpx.Client(trust_env=not loopback, limits=limits, follow_redirects=False)
            fresh.headers["User-Agent"] = "polymarket-maker"
            if self._clients.setdefault(loopback, fresh) is not fresh:
                fresh.close()  # another thread was first
        return self._clients[loopback]

    def _note_limit(self, method: str, response: httpx.Response) -> None:
        headers = response.headers
        if not any(name.startswith("poly-ratelimit-") for name in headers):
            return
        remaining = seconds(headers.get("poly-ratelimit-remaining"))
        bucket = "/".join(response.request.url.path.split("/")[:2])
        self.limits[f"{method} {bucket}"] = RateLimit(
            None if remaining is None else int(remaining),
            seconds(headers.get("poly-ratelimit-reset")),
            headers.get("poly-ratelimit-tier", ""),
            headers.get("poly-ratelimit-warning", ""),
        )


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine: ``localhost`` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refusal(answer: Answer) -> VenueUnreachable | VenueRefused:
    """Turn an answer that is not a success into the error to raise.

    The sentence carries the exchange's own error text and never the rest of the
    body, which may hold an API key id (``owner``).
    """
    try:
        body = answer.decode(ErrorBody)
    except VenueUnreachable:  # a proxy's page, or nothing at all
        body = ErrorBody()
    status, text = answer.status_code, body.text[:300]
    said = f"{answer.where}: HTTP {status}" + (f": {text}" if text else "")
    if 400 <= status < 500 and status not in TRY_LATER:  # noqa: PLR2004
        return VenueRefused(text or said, status_code=status)
    wait_s = seconds(answer.headers.get("retry-after"))
    if wait_s is None:
        wait_s = seconds(body.retry_after_seconds)
    return VenueUnreachable(said, retry_after_s=wait_s, code=str(body.code) or None)


def seconds(value: str | float | None) -> float | None:
    """Read a wait in seconds; None for a date, a negative or an absurd value."""
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if 0 <= number <= LONGEST_WAIT_S else None


def _read(
    client: httpx.Client, request: httpx.Request, give_up_at: float
) -> tuple[httpx.Response, bytes]:
    """Read the whole answer; a server that trickles is cut off at the deadline."""
    response = client.send(request, stream=True)
    try:
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if time.monotonic() > give_up_at:
                raise httpx.ReadTimeout("the answer did not end before the deadline")
            if size > MAX_ANSWER_BYTES:
                raise httpx.DecodingError(f"answer above {MAX_ANSWER_BYTES} bytes")
    finally:
        response.close()
    return response, b"".join(chunks)
