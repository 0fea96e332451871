"""Is every token in the snapshot, do its quotes make sense, and may they be traded on?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from polyshared import Entry
from polyshared.doctor import words
from polyshared.doctor.checks_cache import newest
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Check, Fix, Verdict, fail, ok, warn

UNUSABLE = ("suspect", "resync")


def tokens(facts: Facts) -> Verdict:
    """Is every token that has a child, or waits for one, in the file?"""
    supervisor = facts.supervisor.value.alive()
    present = newest(facts).tokens
    running = {name for name, task in supervisor.tasks.items() if task.status == "running"}
    missing = sorted(running - present.keys())
    said = f"{words.count(len(present), 'token')} in the file"
    if missing:
        return fail(
            f"{said}; {words.some(missing)} missing",
            Fix("see what the aggregator asked for", "polyshared doctor agg"),
            missing=missing,
        )
    return ok(said, tokens=len(present))


def values(facts: Facts) -> Verdict:
    """Does every quote make sense?

    A missing side is not a fault: it is `null`, and an empty book has none. A zero is:
    that is how the earlier program wrote "no bid".
    """
    facts.supervisor.value.alive()
    faults = {
        key: fault
        for key, entry in newest(facts).tokens.items()
        if (fault := quote_fault(entry.fields)) is not None
    }
    if faults:
        said = "; ".join(f"{words.short(key)}: {text}" for key, text in list(faults.items())[:3])
        return fail(
            said,
            Fix("report it", "polyshared bundle"),
            tokens={k: str(v) for k, v in faults.items()},
        )
    return ok("price, bid, ask and ts of every token make sense")


def quote_fault(fields: Mapping[str, object]) -> str | None:
    """Return what is wrong with the published quote of one token, None if nothing is."""
    for name in ("price", "best_bid", "best_ask", "ts"):
        if name not in fields:
            return f"has no {name}"
    for name in ("price", "best_bid", "best_ask"):
        value = fields[name]
        if value is not None and not (_is_number(value) and 0 < float(str(value)) < 1):
            return f"{name} was {value!r}, allowed is 0 < p < 1 or null"
    ts = fields["ts"]
    if ts is not None and not _is_number(ts):
        return f"ts was {ts!r}, allowed are epoch seconds"
    bid, ask = fields["best_bid"], fields["best_ask"]
    if _is_number(bid) and _is_number(ask) and float(str(bid)) >= float(str(ask)):
        return f"bid {bid} is not below ask {ask}"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def health(facts: Facts) -> Verdict:
    """How many quotes may be traded on? A quiet market is well, a suspect one is not."""
    facts.supervisor.value.alive()
    snapshot = newest(facts)
    counts = Counter(str(entry.fields.get("health")) for entry in snapshot.tokens.values())
    bad = [key for key, entry in snapshot.tokens.items() if entry.fields.get("health") in UNUSABLE]
    said = ", ".join(f"{number} {name}" for name, number in counts.most_common()) or "no token"
    evidence = {"health": dict(counts), "oldest_quote_s": _oldest(snapshot.tokens, facts)}
    state = snapshot.feed.get("state")
    if state not in (None, "open", "idle"):
        return fail(
            f"the feed is {state}; {said}",
            Fix("see the lines", "polyshared doctor agg.socket"),
            **evidence,
        )
    if snapshot.tokens and len(bad) == len(snapshot.tokens):
        return fail(
            f"no quote may be traded on: {said}",
            Fix("see the lines", "polyshared doctor agg.socket"),
            **evidence,
        )
    if bad:
        return warn(f"{said}: {words.some(bad)}", **evidence)
    return ok(said, **evidence)


def _oldest(tokens: Mapping[str, Entry], facts: Facts) -> float | None:
    stamps = [
        float(str(entry.fields["updated_at"]))
        for entry in tokens.values()
        if _is_number(entry.fields.get("updated_at"))
    ]
    return facts.now.wall_s - min(stamps) if stamps else None


_BOTH = ("cache", "supervisor")
CHECKS: tuple[Check[Facts], ...] = (
    Check(
        "cache.tokens",
        "every token is in it",
        tokens,
        ("agg.subscribed", "cache.json", "cache.writer"),
        _BOTH,
    ),
    Check("cache.values", "its quotes make sense", values, ("cache.json", "cache.tokens"), _BOTH),
    Check(
        "cache.health",
        "its quotes may be traded on",
        health,
        ("agg.socket", "cache.json", "cache.fresh", "cache.tokens"),
        _BOTH,
    ),
)
