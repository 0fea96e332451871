"""Scripted trouble: named lists of requests, each with its time.

A step's time is counted from the start of the simulation and is scaled by the
clock. ``$0`` in a step stands for the first listed token, ``$1`` for the
second, and so on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from POLYMARKET_MAKER.sim.venue import Venue
from POLYMARKET_MAKER.sim.verbs import perform


@dataclass(frozen=True, slots=True)
class Step:
    at_s: float
    request: dict[str, Any]


def _step(at_s: float, do: str, **arguments: Any) -> Step:
    return Step(at_s, {"do": do, **arguments})


SCENARIOS: dict[str, tuple[Step, ...]] = {
    "silent-freeze": (_step(10, "freeze"),),
    "one-token-frozen": (_step(10, "freeze", tokens=["$0"]),),
    "half-open": (_step(10, "half_open"),),
    "accept-then-close": (_step(10, "close_upgrades", count=5), _step(10, "drop")),
    "never-confirm": (_step(0, "deaf", tokens=["$0"]),),
    "invalid-operation": (_step(0, "invalid_first", count=3),),
    "oversized-frame": (_step(0, "oversized", ids=1),),
    "upgrades-refused": (_step(0, "refuse_upgrades", count=3),),
    "no-pong": (_step(10, "pong", on=False),),
    "reordered-levels": (_step(0, "reorder"),),
    "arrays": (_step(0, "arrays"),),
    "duplicates": (_step(0, "duplicate"),),
    "locked-batch": (_step(10, "locked_batch", token="$0"),),
    "bids-emptied": (
        _step(10, "empty_side", token="$0", side="BUY"),
        _step(25, "resume", token="$0"),
    ),
    "tick-change": (_step(10, "tick", token="$0", tick="0.001"),),
    "resolved": (_step(10, "resolve", token="$0", event=True),),
    "resolved-silently": (_step(10, "resolve", token="$0", event=False),),
    "ghost-book": (_step(0, "ghost_book", tokens=["$0"]), _step(10, "freeze", tokens=["$0"])),
    "garbage": (
        _step(5, "garbage", kind="text"),
        _step(6, "garbage", kind="truncated"),
        _step(7, "garbage", kind="binary"),
        _step(8, "garbage", kind="empty"),
        _step(9, "garbage", kind="number"),
    ),
    "huge-frame": (_step(10, "garbage", kind="huge"),),
    "new-market-flood": (_step(5, "new_markets", count=300),),
    "maintenance": (
        _step(10, "mode", mode="restart"),
        _step(14, "mode", mode="post_only", retry_after_s=6),
        _step(20, "mode", mode="normal"),
    ),
    "cancel-only": (_step(10, "mode", mode="cancel_only"), _step(25, "mode", mode="normal")),
    "lost-answers": (
        _step(5, "fault", path="/order", method="POST", kind="drop_after", count=1),
        _step(10, "fault", path="/order", method="POST", kind="drop", count=1),
        _step(15, "fault", path="/order", method="POST", kind="slow_after", seconds=8),
        _step(20, "fault", path="/order", method="POST", kind="500", count=2),
        _step(22, "fault", path="/order", method="POST", kind="429", count=2),
    ),
    "failed-trades": (_step(0, "fail_trades", count=3),),
}


async def run(venue: Venue, name: str | None) -> None:
    """Carry out a scenario's steps at their times; None has none."""
    begun = venue.clock.mono()
    for step in SCENARIOS[name] if name else ():
        await asyncio.sleep(begun + venue.clock.real_s(step.at_s) - venue.clock.mono())
        perform(venue, _with_tokens(step.request, venue.listed))


def _with_tokens(value: Any, tokens: list[str]) -> Any:
    """Replace ``$N`` by the N-th listed token, wherever it stands."""
    if isinstance(value, dict):
        return {key: _with_tokens(each, tokens) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_tokens(each, tokens) for each in value]
    if isinstance(value, str) and value.startswith("$"):
        return tokens[int(value[1:])]
    return value
