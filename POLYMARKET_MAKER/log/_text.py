"""From fields to one line: secrets hidden, ids shortened, nothing that breaks the line."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from urllib.parse import quote

import msgspec

SHORTEN_FROM = 20
SHORTEST_SECRET = 6  # hiding shorter ones would blank out ordinary words
HIDDEN = "***"

_LONG_ID = re.compile(r"(?<![\w.])(?:0[xX][0-9a-fA-F]{18,}|[0-9]{20,})(?!\w)")
_ID_FIELDS = frozenset({"token", "order", "condition", "trade"})
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
_CONTROLS |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_PLACES = 6  # no price, size, amount or age needs more
_HUGE = 10**15


class Secrets:
    """Strings that no output may show."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        for value in values:
            bare = value.removeprefix("0x").removeprefix("0X")
            in_json = msgspec.json.encode(value).decode()[1:-1]
            forms = {value, bare, quote(value, safe=""), in_json}
            self._known |= {form for form in forms if len(form) >= SHORTEST_SECRET}
        longest_first = sorted(self._known, key=len, reverse=True)
        if longest_first:
            self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def hide(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)


def short(identifier: str) -> str:
    """Shorten an id of 20 characters or more the way every line does: ``7132…2563``."""
    if len(identifier) < SHORTEN_FROM:
        return identifier
    return f"{identifier[:4]}…{identifier[-4:]}"


def stamp(at: float) -> str:
    """Write epoch seconds as every line does: ``2026-11-20T15:11:03.123Z``."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def plain(value: object) -> str:
    """Write any value without the noise of its type: Decimal('0.50') is ``0.5``, None ``-``."""
    match value:
        case None:
            text = "-"
        case bool():
            text = "true" if value else "false"
        case Enum():
            text = str(value.value)
        case float() | Decimal():
            text = _number(Decimal(value))
        case list() | tuple() | set() | frozenset():
            text = ",".join(map(plain, value)) or "-"
        case Mapping():
            text = ",".join(f"{key}:{plain(each)}" for key, each in value.items()) or "-"
        case _:
            text = str(value)
    return text


def _number(value: Decimal) -> str:
    """Write at most six decimals, no trailing zeros, no exponent where it can be helped."""
    if not value.is_finite() or abs(value) >= _HUGE:
        return str(value)
    text = f"{value:.{_PLACES}f}".rstrip("0").rstrip(".")
    if text not in ("0", "-0"):
        return text
    return f"{value:.3g}" if value else "0"


class Formatter:
    """Writes lines without the known secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._hide = secrets.hide

    def line(
        self, level_name: str, tag: str, text: str, fields: Mapping[str, object], now: float
    ) -> str:
        parts = [stamp(now), f"{level_name:<7}", tag]
        if text:
            parts.append(_shorten_ids(self._hide(text)).translate(_CONTROLS))
        parts.extend(self._field(key, value) for key, value in fields.items())
        return self._hide(" ".join(parts))

    def trace(self, exc: BaseException | None) -> str:
        return "" if exc is None else self._hide("".join(traceback.format_exception(exc))).rstrip()

    def entry(
        self, tag: str, text: str, fields: Mapping[str, object], trace: str, now: float
    ) -> dict[str, object]:
        """Make the entry of ``errors.jsonl``: the same facts, ids whole."""
        entry: dict[str, object] = {
            "timestamp": stamp(now),
            "event": self._hide(str(fields.get("event", tag.strip("[]").lower()))),
            "tag": tag,
            "message": self._hide(text),
            "fields": {
                key: value if isinstance(value, bool) else self._hide(plain(value))
                for key, value in fields.items()
            },
            "pid": os.getpid(),
        }
        return entry | ({"traceback": trace} if trace else {})

    def _field(self, key: str, value: object) -> str:
        # Hidden first: what is left of a secret after shortening would not be found again.
        text = self._hide(plain(value))
        is_id = (key in _ID_FIELDS or key.endswith("_id")) and text.isalnum()
        text = short(text) if is_id else _shorten_ids(text)
        return f"{key}=" + ("_".join(text.split()).translate(_CONTROLS) or '""')


def _shorten_ids(text: str) -> str:
    return _LONG_ID.sub(lambda found: short(found.group()), text)
