"""Is the snapshot file whole, new, and written by whom it should be?"""

from __future__ import annotations

import math
from collections import Counter

from polyshared import Snapshot
from polyshared.doctor import words
from polyshared.doctor.cachefile import Cache, Outcome
from polyshared.doctor.checks_agg import START
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Verdict, fail, ok, warn
from polyshared.doctor.lanefile import LaneLook

SCHEMA = 1
LATELY_S = 60.0
RESTART_FEED = Fix("start the program again; the writer makes a new lane", START)


def _replaced(cache: Cache) -> Fix:
    return Fix(
        "something else writes to this file: find it; a living writer replaces what it finds",
        f"polyshared validate {cache.path}",
    )


def exists(facts: Facts) -> Verdict:
    """Is the file where its writer and its readers look for it?"""
    cache = facts.cache.value
    reads = len(cache.reads)
    strays = [str(path) for path in cache.strays]
    if cache.count(Outcome.MISSING) == reads:
        _require_expected(facts, cache)
        return fail(
            f"{cache.path} does not exist" + (f"; found {', '.join(strays)}" if strays else ""),
            Fix("start the aggregator", START),
            strays=strays,
        )
    if cache.vanished:
        return fail(
            f"{cache.path} was absent in {cache.vanished} of {reads} reads: it vanishes",
            _replaced(cache),
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
            _replaced(cache),
            reads=dict(kinds),
        )
    return ok(f"whole in {reads} of {reads} reads", reads=reads)


def _require_file(cache: Cache) -> None:
    if cache.count(Outcome.MISSING) == len(cache.reads):
        raise NotApplicable("there is no file")


def newest(facts: Facts) -> Snapshot:
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
    snapshot = newest(facts)
    missing = [
        name for name, value in (("writer", snapshot.writer), ("feed", snapshot.feed)) if not value
    ]
    if missing:
        return warn(
            f"the file has no {' and no '.join(missing)}: an older program wrote it",
            Fix("start the current program; it replaces the file", START),
        )
    return ok(f"schema {SCHEMA}, epoch {snapshot.epoch}", epoch=snapshot.epoch)


def disturbed(facts: Facts) -> Verdict:
    """Did another program write to the file? A living writer heals that within a second.

    So one does not see it, one is told: the writer counts what it finds that is not its own.
    """
    facts.supervisor.value.alive()
    writer = newest(facts).writer
    number, at = writer.get("disturbed"), writer.get("disturbed_at")
    if not isinstance(number, int) or not isinstance(at, int | float):
        return ok("never")
    since = facts.now.wall_s - at
    said = f"another program wrote to the file, {words.age(since)} ago (in all {number} times)"
    evidence = {"disturbed": number, "disturbed_at": at}
    if since > LATELY_S:
        return ok(said, **evidence)
    return fail(said, _replaced(facts.cache.value), **evidence)


def writer(facts: Facts) -> Verdict:
    """Is the file's writer the one who holds the lock, and can it write?"""
    cache = facts.cache.value
    supervisor = facts.supervisor.value.alive()
    lane = cache.lane_after
    if lane is not None and lane.failing_since is not None:
        failing_s = facts.now.wall_s - lane.failing_since
        return fail(
            f"the writer lives, but cannot write the file for {words.age(failing_s)}",
            Fix("make room on the disk, or mend the directory's mode", "polyshared doctor host"),
            failing_since=lane.failing_since,
        )
    snapshot = newest(facts)
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
            Fix("start the program again; it takes the lock", START),
            **evidence,
        )
    if len({epoch for epoch, _ in cache.versions}) > 1:
        return warn("the writer was started anew while doctor looked", **evidence)
    return ok(f"pid {pid} writes and holds the lock", **evidence)


def fresh(facts: Facts) -> Verdict:
    """Is the writer's last sign of life new?"""
    # After this children call the writer silent.
    limit_s = facts.supervisor.value.alive().settings.quote_max_age_s
    snapshot = newest(facts)
    said = f"last written {words.age(snapshot.age_s)} ago"
    if math.isinf(snapshot.age_s):
        said = "last written before this machine was started"
    if snapshot.age_s > limit_s:
        return fail(
            f"{said}, limit is {limit_s:g} s",
            Fix("see whether the writer lives and can write", "polyshared doctor agg host"),
            age_s=snapshot.age_s,
        )
    return ok(said, age_s=snapshot.age_s)


def advancing(facts: Facts) -> Verdict:
    """Is the file rewritten while one looks? Judged by its counter, not by a clock."""
    facts.supervisor.value.alive()
    cache = facts.cache.value
    newest(facts)
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


def lane_agrees(facts: Facts) -> Verdict:
    """Do the lane and the file say the same? Children read the one, people the other.

    Both are written one after the other, so they are never equal at one instant. But what
    the lane held before must be in the file a second later, and what is in the file must
    be on the lane after.
    """
    facts.supervisor.value.alive()
    cache = facts.cache.value
    before, after = cache.lane_before, cache.lane_after
    if before is None or after is None:
        raise NotApplicable("there is no lane; readers use the file")
    broken = before.error or after.error
    if broken is not None:
        return fail(f"the lane cannot be read: {broken}", RESTART_FEED)
    snapshot = newest(facts)
    if after.epoch != snapshot.epoch:
        return fail(
            f"the lane is of epoch {after.epoch}, the file of {snapshot.epoch}: two writers",
            RESTART_FEED,
        )
    late = sorted(k for k, entry in snapshot.tokens.items() if entry.rev < _rev(before, k))
    lost = sorted(k for k, entry in snapshot.tokens.items() if entry.rev > _rev(after, k))
    if late and before.epoch == after.epoch:
        return fail(f"the file is behind the lane for {words.some(late)}", RESTART_FEED)
    if lost:
        return fail(f"the lane is behind the file for {words.some(lost)}", RESTART_FEED)
    return ok(f"{words.count(len(snapshot.tokens), 'token')} agree")


def _rev(lane: LaneLook, key: str) -> int:
    return (lane.revs or {}).get(key, -1)


_BOTH = ("cache", "supervisor")
_ROOM = ("host.datadir", "host.disk", "host.inodes")
CHECKS: tuple[Check[Facts], ...] = (
    Check("cache.exists", "the file is there", exists, ("agg.thread", "host.datadir"), _BOTH),
    # Without a parent: a spoilt file is a fault of its own, also when its writer is gone.
    Check("cache.json", "the file is whole, always", is_json, (), ("cache",)),
    Check("cache.schema", "the file is understood", schema, ("cache.json",), ("cache",)),
    Check(
        "cache.writer",
        "the supervisor writes it",
        writer,
        ("agg.running", "cache.json", "cache.schema", *_ROOM),
        _BOTH,
    ),
    Check("cache.undisturbed", "nobody else writes it", disturbed, ("cache.json",), _BOTH),
    Check(
        "cache.fresh",
        "it was written just now",
        fresh,
        ("agg.running", "cache.json", "cache.schema", "cache.writer", *_ROOM),
        _BOTH,
    ),
    Check(
        "cache.advancing",
        "it goes on being written",
        advancing,
        ("agg.running", "cache.json", "cache.fresh", *_ROOM),
        _BOTH,
    ),
    Check(
        "lane.agrees",
        "lane and file say the same",
        lane_agrees,
        ("cache.fresh", "cache.advancing", "cache.json"),
        _BOTH,
    ),
)
