"""What came back over HTTP, and the one policy for errors.

No usable answer is ``VenueUnreachable``: a time-out, a dropped connection, 408,
425, 429, 5xx, a redirect, an answer that cannot be read. A 4xx is
``VenueRefused``: the exchange understood and said no.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable

T = TypeVar("T")

TRY_LATER: Final = frozenset({408, 425, 429})
LONGEST_WAIT_S: Final = 3600.0
BY_STATUS: Final = {425: "engine_restarting", 429: "rate_limited"}
BY_TEXT: Final = {"cancel-only": "cancel_only", "disabled": "trading_disabled"}  # both with 503


class ErrorBody(msgspec.Struct):
    """The shapes of refusal that the exchange uses; a field it does not send is empty."""

    error: str | None = None
    error_msg: str | None = None
    errorMsg: str | None = None  # noqa: N815 - the exchange's name
    message: str | None = None
    code: str | int | None = None
    retry_after_seconds: str | float | None = None

    @property
    def text(self) -> str:
        return self.error or self.error_msg or self.errorMsg or self.message or ""


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
    return VenueUnreachable(said, retry_after_s=wait_s, code=_code(status, body))


def _code(status: int, body: ErrorBody) -> str | None:
    """Name the state of the exchange; it sends a code itself only in post-only mode."""
    if body.code:
        return str(body.code)
    if status in BY_STATUS:
        return BY_STATUS[status]
    text = body.text.lower()
    return next((code for words, code in BY_TEXT.items() if words in text), None)


def seconds(value: str | float | None) -> float | None:
    """Read a wait in seconds; None for a date, a negative or an absurd value."""
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if 0 <= number <= LONGEST_WAIT_S else None
