"""The files of the token source, as pairs of pure functions.

``tokens_from_copytrade.json`` and ``copytrade_sell_signals.json``: their keys are
older than this program and some have aliases. All are read, the first is
written. Unknown keys are ignored, they come from another version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

_MILLISECONDS_FROM: Final = 1e11  # as seconds that would be the year 5138
_OVER: Final = frozenset({"done", "stale_ignored", "canceled", "superseded"})

Entry = TypeVar("Entry")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Topic:
    """One token that somebody wants traded.

    Attributes:
        token_id: The token.
        slug: The market's name in URLs; empty when it is not known.
        source_account: The watched account that bought it; empty when it is not known.
        last_seen_at: When that account last bought it; None when it is not known.
        condition_id: Its market; empty when it is not known.
    """

    token_id: str
    slug: str = ""
    source_account: str = ""
    last_seen_at: float | None = None
    condition_id: str = ""


@dataclass(frozen=True, slots=True)
class SellSignal:
    """A watched account sells a token that it had bought before: so do we, once.

    Attributes:
        token_id: The token.
        signal_id: Names this signal for ever. Further sales belong to the same
            signal until the account buys again.
        at: When the account first sold; None when the file does not say.
        source_account: The watched account.
    """

    token_id: str
    signal_id: str
    at: float | None = None
    source_account: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that was left out.

    Attributes:
        problem: What is wrong with it; empty when it is left out on purpose.
    """

    problem: str = ""


# -- tokens and sell signals ---------------------------------------------------


def encode_tokens(topics: Iterable[Topic], now: float) -> bytes:
    """Write the tokens, the most recently bought first."""
    ordered = sorted(topics, key=lambda each: each.last_seen_at or 0.0, reverse=True)
    return encode({"updated_at": iso(now), "tokens": [_token_row(each) for each in ordered]})


def parse_tokens(data: bytes) -> tuple[list[Topic], list[Skipped]]:
    """Read the tokens in the order of the file.

    Left out on purpose: tokens that were only ever sold (``introduced_by_buy`` is
    false) and those marked as not ``active``.

    Raises:
        ValueError: It is not such a file.
    """
    return _split(_entries(data, "tokens"), _topic)


def encode_signals(signals: Iterable[SellSignal], now: float) -> bytes:
    """Write the sell signals, the newest first."""
    ordered = sorted(signals, key=lambda each: each.at or 0.0, reverse=True)
    return encode({"updated_at": iso(now), "sell_tokens": [_signal_row(s) for s in ordered]})


def parse_signals(data: bytes) -> tuple[list[SellSignal], list[Skipped]]:
    """Read the sell signals that are in force, in the order of the file.

    Raises:
        ValueError: It is not such a file.
    """
    return _split(_entries(data, "sell_tokens"), _signal)


def _token_row(topic: Topic) -> dict[str, object]:
    return {
        "token_id": topic.token_id,
        "source_account": topic.source_account,
        "last_seen": None if topic.last_seen_at is None else iso(topic.last_seen_at),
        "introduced_by_buy": True,
        "market_slug": topic.slug,
        "condition_id": topic.condition_id,
    }


def _topic(row: Mapping[str, Any]) -> Topic | Skipped:
    if row.get("introduced_by_buy") is False or row.get("active") is False:
        return Skipped()
    return Topic(
        token_id=read_token_id(row),
        slug=str(row.get("market_slug") or row.get("slug") or ""),
        source_account=str(row.get("source_account") or ""),
        last_seen_at=read_stamp(row.get("last_seen")),
        condition_id=str(row.get("condition_id") or ""),
    )


def _signal_row(signal: SellSignal) -> dict[str, object]:
    return {
        "token_id": signal.token_id,
        "source_account": signal.source_account,
        "last_seen": None if signal.at is None else iso(signal.at),
        "introduced_by_buy": True,
        "id": signal.signal_id,
        "signal_ts": signal.at,
    }


def _signal(row: Mapping[str, Any]) -> SellSignal | Skipped:
    if row.get("introduced_by_buy") is False or row.get("active") is False:
        return Skipped()
    if row.get("status") in _OVER:
        return Skipped()
    token_id = read_token_id(row)
    stamp = row.get("signal_ts") or row.get("last_seen")
    return SellSignal(
        token_id=token_id,
        # A file without ids: its stamp tells one signal of a token from the next.
        signal_id=str(row.get("id") or f"{token_id}:{stamp or ''}"),
        at=read_stamp(stamp),
        source_account=str(row.get("source_account") or ""),
    )


def read_token_id(row: Mapping[str, Any]) -> str:
    found = row.get("token_id") or row.get("tokenId")
    # A JSON number of 77 digits would be a token only by luck: writers send text.
    if not isinstance(found, str) or not (found.isascii() and found.isdigit()):
        raise ValueError(f"token_id was {found!r}, must be a text of decimal digits")
    return found


# -- shared by all -------------------------------------------------------------


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
    if isinstance(value, str) and not _is_number(value):
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    number = float(value) if isinstance(value, str | int | float) else math.nan
    if not 0 <= number < _MILLISECONDS_FROM * 1000:
        raise ValueError(f"stamp was {value!r}, must be ISO time or epoch seconds")
    return number / 1000 if number >= _MILLISECONDS_FROM else number


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _split(
    rows: list[object], read: Callable[[Mapping[str, Any]], Entry | Skipped]
) -> tuple[list[Entry], list[Skipped]]:
    """Read row by row: one bad entry does not cost the others."""
    good: list[Entry] = []
    skipped: list[Skipped] = []
    for index, row in enumerate(rows):
        try:
            found = read(typed(row, dict, "it"))
        except (ValueError, OverflowError) as error:
            skipped.append(Skipped(f"entry {index}: {error}"))
            continue
        if isinstance(found, Skipped):
            skipped.append(found)
        else:
            good.append(found)
    return good, skipped


def _entries(data: bytes, key: str) -> list[object]:
    found = typed(load(data), dict, "the file")
    return typed(found.get(key), list, repr(key))


def typed(value: object, kind: type[T], what: str) -> T:
    if not isinstance(value, kind):
        # One kind of error for all that can be wrong with a file.
        raise ValueError(f"{what} was {type(value).__name__}, must be {kind.__name__}")  # noqa: TRY004
    return value


def load(data: bytes) -> object:
    try:
        found: object = json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found


def encode(value: object) -> bytes:
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
