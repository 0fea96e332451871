"""The files of the token source, as pairs of pure functions.

``tokens_from_copytrade.json`` and ``copytrade_sell_signals.json``: their keys are
older than this program and some have aliases. All are read, the first is
written. Unknown keys are ignored, they come from another version.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from POLYMARKET_MAKER.core.copytrade import Cursor
from POLYMARKET_MAKER.json_files import LATEST_MS, encode, iso, load, read_stamp, typed

_OVER: Final = frozenset({"done", "stale_ignored", "canceled", "superseded"})

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Topic:
    """One token that somebody wants traded.

    Attributes:
        token_id: The token.
        slug: The market's name in URLs; empty when it is not known.
        source_account: The watched account that bought it; empty when it is not known.
        last_seen_at: When that account last bought it; None when it is not known.
        condition_id: Its market; empty when it is not known.
        buyers: Each watched account that bought it, with the time of its last purchase.
    """

    token_id: str
    slug: str = ""
    source_account: str = ""
    last_seen_at: float | None = None
    condition_id: str = ""
    buyers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SellSignal:
    """A watched account sells a token that it had bought before: so do we, once.

    Attributes:
        token_id: The token.
        signal_id: Names this signal for ever. Further sales belong to the same
            signal until the account buys again.
        at: When the account last sold; None when the file does not say.
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
    ordered = sorted(topics, key=lambda each: (each.last_seen_at or 0.0, each.token_id))
    ordered.reverse()
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
    ordered = sorted(signals, key=lambda each: (each.at or 0.0, each.token_id))
    ordered.reverse()
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
        "buyers": {account: iso(at) for account, at in topic.buyers.items()},
    }


def _topic(row: Mapping[str, Any]) -> Topic | Skipped:
    if row.get("introduced_by_buy") is False or row.get("active") is False:
        return Skipped()
    last_seen_at = read_stamp(row.get("last_seen"))
    account = str(row.get("source_account") or "")
    buyers = typed(row.get("buyers") or {account: row.get("last_seen")}, dict, "buyers")
    return Topic(
        token_id=read_token_id(row),
        slug=str(row.get("market_slug") or row.get("slug") or ""),
        source_account=account,
        last_seen_at=last_seen_at,
        condition_id=str(row.get("condition_id") or ""),
        buyers={str(each): read_stamp(at) or 0.0 for each, at in buyers.items() if each},
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


# -- how far the token source has read ------------------------------------------


def encode_state(cursors: Mapping[str, Cursor], now: float) -> bytes:
    """Write how far each account has been read."""
    targets = {account: _cursor_row(each, now) for account, each in cursors.items()}
    return encode({"updated_at": iso(now), "targets": targets})


def parse_state(data: bytes) -> dict[str, Cursor]:
    """Read how far each account has been read.

    Raises:
        ValueError: It is not such a file.
    """
    targets = typed(typed(load(data), dict, "the file").get("targets"), dict, "'targets'")
    return {
        account.lower(): _cursor(typed(row, dict, f"target {account}"))
        for account, row in targets.items()
    }


def _cursor_row(cursor: Cursor, now: float) -> dict[str, object]:
    return {
        "last_timestamp_ms": round(cursor.at * 1000),
        "updated_at": iso(now),
        "since_ms": round(cursor.since * 1000),
        "seen": dict(cursor.seen),
    }


def _cursor(row: Mapping[str, Any]) -> Cursor:
    at = _milliseconds(row.get("last_timestamp_ms"))
    seen = typed(row.get("seen") or {}, dict, "'seen'")
    return Cursor(
        # Without this key an older program wrote it, which may have missed trades of that second.
        since=_milliseconds(row["since_ms"]) if "since_ms" in row else float(math.floor(at)),
        at=at,
        seen={key: typed(stamp, float, "a stamp in 'seen'") for key, stamp in seen.items()},
    )


def _milliseconds(value: object) -> float:
    number = typed(value, int, "a stamp in ms")
    if not 0 <= number < LATEST_MS:
        raise ValueError(f"a stamp in ms was {str(number)[:60]}")
    return number / 1000


# -- shared by both ------------------------------------------------------------


def _split(
    rows: list[object], read: Callable[[Mapping[str, Any]], Entry | Skipped]
) -> tuple[list[Entry], list[Skipped]]:
    """Read row by row: one bad entry does not cost the others."""
    good: list[Entry] = []
    skipped: list[Skipped] = []
    for index, row in enumerate(rows):
        try:
            found = read(typed(row, dict, "it"))
        except ValueError as error:
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
