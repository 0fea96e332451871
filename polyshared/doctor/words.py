"""How the checks say numbers, ids and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONG_ID = 20
_MINUTE_S = 60.0
_HOUR_S = 3600.0
_KILO = 1000


def short(token_id: str) -> str:
    """Shorten a long id as the logs do."""
    return token_id if len(token_id) < LONG_ID else f"{token_id[:4]}…{token_id[-4:]}"


def with_short_ids(text: str) -> str:
    """Shorten the long ids within a text, such as the name of a log."""
    return re.sub(rf"\d{{{LONG_ID},}}", lambda found: short(found.group()), text)


def some(ids: Iterable[str], *, limit: int = 3) -> str:
    """Name the first few of *ids* and count the others."""
    every = list(ids)
    named = ", ".join(short(each) for each in every[:limit])
    return named if len(every) <= limit else f"{named} and {len(every) - limit} more"


def count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def age(seconds: float) -> str:
    """Say a duration in the unit that people would use."""
    if seconds == float("inf"):
        return "longer than known"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h"


def size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < _KILO:
            return f"{number:.0f} {unit}"
        number /= _KILO
    return f"{number:.1f} TB"
