"""One HTTP client a process: every request has a deadline, and is sent once.

What an answer means is in answer.py. Nothing is ever sent twice from here:
whether a request may be repeated, only its caller knows.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx

from POLYMARKET_MAKER.errors import SettingsError, VenueUnreachable
from POLYMARKET_MAKER.exchange.answer import Answer, refusal, seconds

T = TypeVar("T")

CONNECT_S: Final = 3.0
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024


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


class Http:
    """Send requests with a deadline and decode their answers; safe to share between threads.

    A loopback host is never asked through a proxy, whatever the environment says.

    Attributes:
        limits: The last rate limit seen, by method and first part of the path, such as
            ``POST /order``. Empty until the exchange sends such headers.
        on_limit: Told of each as it arrives, in the request's thread. It must not raise.
    """

    def __init__(self, *, deadline_s: float = 5.0) -> None:
        self.on_limit: Callable[[str, RateLimit], None] = lambda _bucket, _limit: None
        self._deadline_s = deadline_s
        self._clients: dict[bool, httpx.Client] = {}
        self._is_closed = False
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

        The deadline holds for connecting, sending and receiving together. Looking
        up the host's name is the system's and may take longer; a connection that
        is reused, the rule between orders, needs no look-up.

        Raises:
            VenueUnreachable: Nothing was answered within *deadline_s*.
            SettingsError: The environment names a proxy that cannot be used.
        """
        give_up_at = time.monotonic() + (deadline_s or self._deadline_s)
        client = self._client(httpx.URL(url).host)
        request = client.build_request(
            method,
            url,
            params=params,
            headers={"Content-Type": "application/json", **(headers or {})},
            content=body,
            extensions={"timeout": _TimeLeft(give_up_at)},
        )
        where = f"{method} {request.url.copy_with(query=None)}"
        try:
            response, text = _read(client, request, give_up_at)
        except (httpx.RequestError, RuntimeError) as error:  # the latter: closed meanwhile
            raise VenueUnreachable(f"{where}: {error or type(error).__name__}") from None
        self._note_limit(method, response)
        return Answer(where, response.status_code, text, response.headers)

    def close(self) -> None:
        """Close every connection; nothing is sent any more."""
        self._is_closed = True
        for client in list(self._clients.values()):
            client.close()

    def _client(self, host: str) -> httpx.Client:
        loopback = is_loopback(host)
        if loopback not in self._clients:
            # An order a minute should not pay for a new TLS handshake each time.
            limits = httpx.Limits(max_connections=16, keepalive_expiry=75.0)
            try:
                fresh = httpx.Client(trust_env=not loopback, limits=limits, follow_redirects=False)
            except (ImportError, ValueError) as error:  # socks without socksio, or no URL at all
                raise SettingsError(f"proxy of the environment cannot be used: {error}") from None
            fresh.headers["User-Agent"] = "polymarket-maker"
            if self._clients.setdefault(loopback, fresh) is not fresh:
                fresh.close()  # another thread was first
        if self._is_closed:
            self._clients[loopback].close()  # it was made while the others were closed
        return self._clients[loopback]

    def _note_limit(self, method: str, response: httpx.Response) -> None:
        headers = response.headers
        if not any(name.startswith("poly-ratelimit-") for name in headers):
            return
        remaining = seconds(headers.get("poly-ratelimit-remaining"))
        bucket = f"{method} " + "/".join(response.request.url.path.split("/")[:2])
        limit = self.limits[bucket] = RateLimit(
            None if remaining is None else int(remaining),
            seconds(headers.get("poly-ratelimit-reset")),
            headers.get("poly-ratelimit-tier", ""),
            headers.get("poly-ratelimit-warning", ""),
        )
        self.on_limit(bucket, limit)


class _TimeLeft:
    """Time-outs of one request, as httpcore asks for them phase by phase.

    httpx would grant each phase (connect, write, each read) the whole time
    again; here they share one deadline.
    """

    def __init__(self, give_up_at: float) -> None:
        self._give_up_at = give_up_at

    def get(self, phase: str, default: float | None = None) -> float:
        """Return how long *phase* may wait; there is no *default*."""
        del default
        left_s = max(0.001, self._give_up_at - time.monotonic())
        # TCP and TLS are granted it one after the other.
        return min(CONNECT_S, left_s / 2) if phase == "connect" else left_s


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine: ``localhost`` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


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
