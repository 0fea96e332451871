"""Verbs about WebSocket connections and what is sent on them."""

from __future__ import annotations

from typing import Any

from POLYMARKET_MAKER.sim import frames
from POLYMARKET_MAKER.sim.faults import IDS_PER_FRAME
from POLYMARKET_MAKER.sim.line import Line
from POLYMARKET_MAKER.sim.venue import Venue
from POLYMARKET_MAKER.sim.verbs_market import Verb

MEGABYTE = 1_000_000


def _lines(venue: Venue, channel: str) -> list[Line]:
    market, user = venue.market_channel.lines, venue.user_channel.lines
    chosen = {"market": [market], "user": [user], "all": [market, user]}[channel]
    return [line for lines in chosen for line in lines.values()]


def _lines_of(venue: Venue, pid: int) -> list[Line]:
    """Return the market lines of one process."""
    return [line for line in _lines(venue, "market") if line.is_of(pid)]


def freeze(
    venue: Venue,
    *,
    tokens: list[str] | None = None,
    sticky: bool = False,
    channel: str = "market",
    pid: int = 0,
) -> dict[str, Any]:
    """Stop the data of open connections while PONG goes on: all of it, or some tokens.

    A new connection gets data again, unless *sticky*. With *pid* only the market lines
    of that process are meant; a program on another machine cannot be told apart.
    """
    if sticky and pid:
        venue.faults.frozen_for[pid] = None if tokens is None else set(tokens)
    elif sticky:
        venue.faults.frozen_tokens.update(tokens or venue.engine.by_token)
    lines = _lines_of(venue, pid) if pid else _lines(venue, channel)
    for line in lines:
        line.freeze(tokens)
    return {"lines": len(lines)}


def thaw(venue: Venue) -> None:
    """Let frozen connections get data again."""
    venue.faults.frozen_tokens.clear()
    venue.faults.frozen_for.clear()
    for line in _lines(venue, "all"):
        line.frozen = set()


def half_open(venue: Venue, *, channel: str = "all") -> dict[str, Any]:
    """Leave connections open and never read or write on them again."""
    lines = _lines(venue, channel)
    for line in lines:
        line.silence()
    return {"lines": len(lines)}


def drop(venue: Venue, *, channel: str = "all") -> dict[str, Any]:
    """Cut connections."""
    lines = _lines(venue, channel)
    for line in lines:
        line.cut()
    return {"lines": len(lines)}


def shun(venue: Venue, *, pid: int) -> dict[str, Any]:
    """Cut the market lines of one process and refuse new ones with 503; 0 ends it."""
    venue.faults.shunned_pid = pid
    lines = _lines_of(venue, pid) if pid else []
    for line in lines:
        line.cut()
    return {"lines": len(lines)}


def pong(venue: Venue, *, on: bool) -> None:
    """Answer PING, or do not."""
    venue.faults.pong = on


def refuse_upgrades(venue: Venue, *, count: int = 1) -> None:
    """Answer the next WebSocket upgrades with 429."""
    venue.faults.refuse_upgrades = count


def close_upgrades(venue: Venue, *, count: int = 1) -> None:
    """Close the next WebSockets right after they opened."""
    venue.faults.close_upgrades = count


def invalid_first(venue: Venue, *, count: int = 1) -> None:
    """Answer the next first frames with INVALID OPERATION."""
    venue.faults.invalid_first = count


def oversized(venue: Venue, *, ids: int = IDS_PER_FRAME) -> None:
    """Close a connection that names more than *ids* tokens in one frame."""
    venue.faults.ids_per_frame = ids


def deaf(venue: Venue, *, tokens: list[str]) -> None:
    """Take subscriptions to these tokens and never send anything for them; [] ends it."""
    venue.faults.deaf_tokens = set(tokens)


def duplicate(venue: Venue, *, on: bool = True) -> None:
    """Send each batch twice, the second time with the pair of tokens swapped."""
    venue.faults.swap_duplicates = on


def resnapshot(venue: Venue, *, on: bool = True) -> None:
    """Send a book again to a token that is unsubscribed and subscribed on one connection."""
    venue.faults.resnapshot = on


def arrays(venue: Venue, *, on: bool = True) -> None:
    """Send the level frames of a batch as one array, as is seen at times."""
    venue.faults.arrays = on


def reorder(venue: Venue, *, on: bool = True) -> None:
    """Send ladders with the best price first."""
    venue.faults.reorder_levels = on


def raw(venue: Venue, *, text: str = "", repeat: int = 1) -> None:
    """Send any text to every connection of the market channel."""
    venue.market_channel.broadcast(text * repeat, kind="raw")


def garbage(venue: Venue, *, kind: str = "text") -> None:
    """Send something unreadable: text, truncated, binary, empty, number, or huge (10 MB)."""
    market = next(iter(venue.engine.markets.values()))
    texts: dict[str, str | bytes] = {
        "text": "<html>502 Bad Gateway</html>",
        "truncated": frames.snapshot([(market, 0)])[:-40],
        "binary": bytes(range(256)),
        "empty": "",
        "number": "42",
        "huge": '{"event_type":"book","padding":"' + "x" * (10 * MEGABYTE) + '"}',
    }
    venue.market_channel.broadcast(texts[kind], kind="garbage")


LINE_VERBS: dict[str, Verb] = {
    "freeze": freeze,
    "thaw": thaw,
    "half_open": half_open,
    "drop": drop,
    "shun": shun,
    "pong": pong,
    "refuse_upgrades": refuse_upgrades,
    "close_upgrades": close_upgrades,
    "invalid_first": invalid_first,
    "oversized": oversized,
    "deaf": deaf,
    "duplicate": duplicate,
    "resnapshot": resnapshot,
    "arrays": arrays,
    "reorder": reorder,
    "raw": raw,
    "garbage": garbage,
}
