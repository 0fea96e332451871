"""JSON files that outlive a process: reading them whole, and the words they share."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from POLYMARKET_MAKER.errors import CannotStart

_MILLISECONDS_FROM: Final = 1e11  # as seconds that would be the year 5138
LATEST_MS: Final = _MILLISECONDS_FROM * 1000

T = TypeVar("T")


def read_own(path: Path, parse: Callable[[bytes], T], *, empty: bytes) -> T:
    """Read a file whose only writer we are; a missing one counts as *empty*.

    Raises:
        CannotStart: It is there and cannot be read. Going on would overwrite it.
    """
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return parse(empty)
    except (OSError, ValueError) as error:
        raise CannotStart(f"{path}: {error}; repair the file or remove it") from None


def iso(at: float) -> str:
    """Write epoch seconds as ``2026-11-20T15:11:03Z``; fractions only where there are any."""
    whole = at == math.floor(at)
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds" if whole else "auto")
    return text.replace("+00:00", "Z")


def read_stamp(value: object) -> float | None:
    """Read a stamp: ISO text, epoch seconds or milliseconds; None when there is none.

    Raises:
        ValueError: There is one and it is not readable.
    """
    if value is None or value == "":
        return None
    try:
        at = _seconds(value)
    except (ValueError, OverflowError):
        at = math.nan
    if not 0 <= at < _MILLISECONDS_FROM:
        raise ValueError(f"stamp was {str(value)[:60]!r}, must be ISO time or epoch seconds")
    return at


def _seconds(value: object) -> float:
    if isinstance(value, str):
        with suppress(ValueError):
            return _seconds(float(value))
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    number = float(value) if isinstance(value, int | float) else math.nan
    return number / 1000 if number >= _MILLISECONDS_FROM else number


def typed(value: object, kind: type[T], what: str) -> T:
    """Return *value*, which must be a *kind*; *what* names it in the ValueError."""
    if not isinstance(value, kind):
        # One kind of error for all that can be wrong with a file.
        raise ValueError(f"{what} was {type(value).__name__}, must be {kind.__name__}")  # noqa: TRY004
    return value


def load(data: bytes) -> object:
    """Decode JSON; whatever is wrong with it is a ValueError."""
    try:
        found: object = json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found


def encode(value: object) -> bytes:
    """Encode JSON for people to read."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
