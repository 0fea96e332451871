"""Is the snapshot file whole, written by whom it should be, new, and full of usable quotes?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from polyshared import Entry, Snapshot
from polyshared.doctor import words
from polyshared.doctor.cachefile import Cache, Outcome
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Verdict, fail, ok, warn

MAX_AGE_S = 10.0  # quote_max_age_s: after this children call the writer silent
SCHEMA = 1
UNUSABLE = ("suspect", "resync")
REPLACED = Fix(
    "something else writes to this file: find it; a living writer replaces what it finds",
    "polyshared validate",
)


def exists(facts: Facts) -> Verdict:
    """Is the file where its writer and its readers look for it?"""
    cache = facts.cache.value
    reads = len(cache.reads)
    strays = [str(path) for path in cache.strays]
    missing = cache.count(Outcome.MISSING)
    if missing == reads:
        _require_expected(facts, cache)
        return fail(
            f"{cache.path} does not exist" + (f"; found {', '.join(strays)}" if strays else ""),
            Fix("start the aggregator", "python poly_maker_autorun.py"),
            strays=strays,
        )
    if missing:
        return fail(
            f"{cache.path} was absent in {missing} of {reads} reads, a replaced file never is",
            REPLACED,
        )
    return ok(str(cache.path), strays=strays)


def _require_expected(facts: Facts, cache: Cache) -> None:
    """Raise NotApplicable unless somebody should have written the file."""
    facts.supervisor.value.alive()
    if facts.supervisor.value.said.aggregator.state in ("off", "starting"):
        raise NotApplicable(f"nothing has written {cache.path} yet")


def is_json(facts: Facts) -> Verdict:
    """Is the file whole in every one of many reads?"""
    cache = facts.cache.value
    _require_file(cache)
    reads = len(cache.reads)
    bad = cache.count(Outcome.CORRUPT, Outcome.EMPTY)
    if bad:
        kinds = Counter(read.outcome.value for read in cache.reads)
        return fail(
            f"{bad} of {reads} reads failed: " + cache.first_detail(Outcome.CORRUPT, Outcome.EMPTY),
            REPLACED,
            reads=dict(kinds),
        )
    return ok(f"whole in {reads} of {reads} reads", reads=reads)


def _require_file(cache: Cache) -> None:
    if cache.count(Outcome.MISSING) == len(cache.reads):
        raise NotApplicable("there is no file")


def _newest(facts: Facts) -> Snapshot:
    """Return the newest snapshot that was read.

    Raises:
        NotApplicable: None could be read; cache.exists and cache.json say why.
    """
    good = facts.cache.value.good
    if not good:
        raise NotApplicable("no snapshot could be read")
    return good[-1]


def schema(facts: Facts) -> Verdict:
    """Does this version of polyshared understand the file?"""
    cache = facts.cache.value
    _require_file(cache)
    if cache.count(Outcome.TOO_NEW):
        return fail(
            cache.first_detail(Outcome.TOO_NEW),
            Fix("install the newer polyshared here", "python -m pip install -e ./polyshared"),
        )
    snapshot = _newest(facts)
    missing = [
        name for name, value in (("writer", snapshot.writer), ("feed", snapshot.feed)) if not value
    ]
    if missing:
        return warn(
            f"the file has no {' and no '.join(missing)}: an older program wrote it",
            Fix("start the current program; it replaces the file", "python poly_maker_autorun.py"),
        )
    return ok(f"schema {SCHEMA}, epoch {snapshot.epoch}", epoch=snapshot.epoch)


def writer(facts: Facts) -> Verdict:
    """Is the file's writer the one who holds the lock, and can it write?"""
    cache = facts.cache.value
    supervisor = facts.supervisor.value.alive()
    snapshot = _newest(facts)
    pid = snapshot.writer.get("pid")
    evidence = {"writer": dict(snapshot.writer), "locked": cache.locked}
    if pid != supervisor.pid:
        return fail(
            f"the file was written by pid {pid}, the supervisor is pid {supervisor.pid}",
            Fix("end the other writer"),
            **evidence,
        )
    if cache.locked is False:
        return fail(
            f"nobody holds {cache.path.name}.lock: a second writer could begin",
            Fix("start the program again; it takes the lock", "python poly_maker_autorun.py"),
            **evidence,
        )
    if len({epoch for epoch, _ in cache.versions}) > 1:
        return warn("the writer was started anew while doctor looked", **evidence)
    return ok(f"pid {pid} writes and holds the lock", **evidence)


def fresh(facts: Facts) -> Verdict:
    """Is the writer's last sign of life new?"""
    facts.supervisor.value.alive()
    snapshot = _newest(facts)
    said = f"last written {words.age(snapshot.age_s)} ago"
    if math.isinf(snapshot.age_s):
        said = "last written before this machine was started"
    if snapshot.age_s > MAX_AGE_S:
        return fail(
            f"{said}, limit is {MAX_AGE_S:.0f} s",
            Fix("see whether the writer lives and can write", "polyshared doctor agg host"),
            age_s=snapshot.age_s,
        )
    return ok(said, age_s=snapshot.age_s)


def advancing(facts: Facts) -> Verdict:
    """Is the file rewritten while one looks? Judged by its counter, not by a clock."""
    facts.supervisor.value.alive()
    cache = facts.cache.value
    _newest(facts)
    looked_s = cache.reads[-1].at.boot_s - cache.reads[0].at.boot_s
    versions = cache.versions
    if not cache.advanced:
        return fail(
            f"not rewritten in {looked_s:.1f} s, a heartbeat is due every second",
            Fix("see whether the writer lives and can write", "polyshared doctor agg host"),
            flush_seq=versions[-1][1],
        )
    if list(versions) != sorted(versions):
        return fail(
            f"it went back from version {max(versions)} to an older one: two programs write it",
            Fix("end the other writer"),
        )
    return ok(
        f"{len(set(versions))} versions in {looked_s:.1f} s",
        first=list(versions[0]),
        last=list(versions[-1]),
    )


def tokens(facts: Facts) -> Verdict:
    """Is every token that has a child, or waits for one, in the file?"""
    supervisor = facts.supervisor.value.alive()
    present = _newest(facts).tokens
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
    that is how the ancestor wrote "no bid".
    """
    facts.supervisor.value.alive()
    faults = {
        key: fault
        for key, entry in _newest(facts).tokens.items()
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
    snapshot = _newest(facts)
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
    Check("cache.exists", "the file is there", exists, ("agg.thread", "host.datadir"), _BOTH),
    # Without a parent: a spoilt file is a fault of its own, also when its writer is gone.
    Check("cache.json", "the file is whole, always", is_json, (), ("cache",)),
    Check("cache.schema", "the file is understood", schema, ("cache.json",), ("cache",)),
    Check(
        "cache.writer",
        "the supervisor writes it",
        writer,
        ("agg.running", "cache.json", "cache.schema"),
        _BOTH,
    ),
    Check(
        "cache.fresh",
        "it was written just now",
        fresh,
        ("agg.running", "cache.json", "cache.schema", "host.disk", "host.inodes"),
        _BOTH,
    ),
    Check(
        "cache.advancing",
        "it goes on being written",
        advancing,
        ("agg.running", "cache.json", "cache.fresh"),
        _BOTH,
    ),
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
