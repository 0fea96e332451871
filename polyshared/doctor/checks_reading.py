"""Do children read the market, from where, how well, and how late?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from polyshared.doctor import words
from polyshared.doctor.checks_child import known, pid_of
from polyshared.doctor.children import Child
from polyshared.doctor.facts import OLD_AFTER_S, Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Verdict, fail, ok, warn
from polyshared.doctor.statusfiles import ChildStatus, Stage

QUOTE_GRACE_S = 30.0  # a token without a usable quote for this long is given up on
LASTING_S = 10.0
ONE_SIDED = ("no_bid", "no_ask")  # said of a quote by a child


def working(facts: Facts) -> list[tuple[Child, ChildStatus]]:
    """Return the running children and what they say; those that hang are judged elsewhere."""
    found = [
        (child, child.said)
        for child in known(facts)
        if child.said is not None and child.is_alive and not child.is_stopped
        and child.age_s <= OLD_AFTER_S
    ]  # fmt: skip
    if not found:
        raise NotApplicable("no child works")
    return found


def env(facts: Facts) -> Verdict:
    """Was each child told of the very file that the aggregator writes?"""
    path = facts.cache.value.path
    told = {c.token_id: file for c in known(facts) if (file := _file_of(c)) is not None}
    wrong = {name: file for name, file in told.items() if not _same(Path(file), path)}
    if wrong:
        child = next(c for c in known(facts) if c.token_id in wrong)
        return fail(
            f"{words.some(wrong)} reads {wrong[child.token_id]}, the aggregator writes {path}",
            Fix(
                "restart the child: the supervisor tells it of the right file",
                f"kill {pid_of(child)}",
            ),
            told=told,
        )
    begun = [c.cache_variable for c in known(facts) if c.is_alive and c.cache_known]
    shared = sum(variable is not None for variable in begun)
    return ok(f"{shared} told of {path.name}, {len(begun) - shared} began on their own line")


def _file_of(child: Child) -> str | None:
    """Return the file that a living child reads: by its own word, else by its environment."""
    if not child.is_alive:
        return None
    said = child.said and child.said.shared_ws_cache_path
    return said or child.cache_variable


def _same(one: Path, other: Path) -> bool:
    return one.absolute() == other.absolute() or one.resolve() == other.resolve()


def mode(facts: Facts) -> Verdict:
    """Do children trade in the supervisor's mode, on the shared file?"""
    supervisor = facts.supervisor.value.alive()
    found = working(facts)
    other = [status for _, status in found if status.mode != supervisor.mode]
    if other:
        names = words.some(status.token_id for status in other)
        return fail(
            f"{names} trades in another mode than the supervisor's {supervisor.mode}",
            Fix("end it at once", f"kill {other[0].pid}"),
        )
    sources = [status.source for _, status in found]
    evidence = {"shared": sources.count("shared"), "direct": sources.count("direct")}
    serving = supervisor.aggregator.state == "serving"
    direct = [status.token_id for _, status in found if status.source == "direct"]
    if direct and serving:
        return warn(
            f"{words.some(direct)} on its own line although the aggregator serves",
            Fix(
                "it comes back after 30 s of health; see why it left", f"polyshared why {direct[0]}"
            ),
            **evidence,
        )
    return ok(
        f"{supervisor.mode}; {evidence['shared']} shared, {evidence['direct']} direct", **evidence
    )


def reading(facts: Facts) -> Verdict:
    """Do children read the file, and of what kind are the reads that fail?"""
    found = working(facts)
    shared = [status for _, status in found if status.source == "shared"]
    totals: dict[str, int] = {}
    for status in shared:
        for name, number in status.reads.items():
            totals[name] = totals.get(name, 0) + number
    evidence = {"reads": totals, "seq": {s.token_id: s.seq for s in shared}}
    deaf = [status for status in shared if not status.reads.get("ok")]
    if deaf:
        names = words.some(status.token_id for status in deaf)
        return fail(
            f"{names} never read a quote: {_kinds(deaf[0].reads)}",
            Fix("see why", f"polyshared why {deaf[0].token_id}"),
            **evidence,
        )
    bad = sum(totals.get(kind, 0) for kind in ("corrupt", "too_new"))
    if bad:
        return warn(f"reads that found no snapshot: {_kinds(totals)}", **evidence)
    return ok(_kinds(totals) if shared else "no child reads the file", **evidence)


def _kinds(totals: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in totals.items() if number) or "no read"


def last_px(facts: Facts) -> Verdict:
    """Does every child have a price to trade on?"""
    found = working(facts)
    without = [s.token_id for _, s in found if s.quote is None or s.quote.at is None]
    if without:
        young = max(child.running_s for child, s in found if s.token_id in without)
        say = warn if young <= QUOTE_GRACE_S else fail
        return say(
            f"{words.some(without)} has no quote yet",
            Fix("see where it waits", f"polyshared why {without[0]}"),
            without=without,
        )
    ages = [s.quote.age_s for _, s in found if s.quote and s.quote.age_s is not None]
    oldest = f", the oldest {words.age(max(ages))} old" if ages else ""
    return ok(f"{len(found)} of {len(found)} have a quote{oldest}")


def wait(facts: Facts) -> Verdict:
    """Is a child held back on its way to a quote?"""
    stuck = _stuck(facts)
    if not stuck:
        return ok("none waits for quotes")
    said = "; ".join(f"{words.short(name)}: {text}" for name, text in list(stuck.items())[:3])
    return warn(said, Fix("see where it waits", f"polyshared why {next(iter(stuck))}"), **stuck)


def lasts(stage: Stage, now: float) -> bool:
    """Whether a stage has been in its state for long enough to speak of.

    A quote is crossed in the middle of a batch of frames, and a line is re-opened within
    seconds: neither is news.
    """
    return stage.since is None or now - stage.since >= LASTING_S


def _stuck(facts: Facts) -> dict[str, str]:
    """Return what holds back each working child that has no quote to decide on."""
    found = {}
    for _, status in working(facts):
        for name in ("source", "quote"):
            stage = status.stages.get(name)
            if stage is not None and _holds_back(stage) and lasts(stage, facts.now.wall_s):
                found[status.token_id] = f"{name} {stage.state}, {stage.reason}"
                break
    return found


def _holds_back(stage: Stage) -> bool:
    """Whether a stage stands still by a fault; a market may have one side only for hours."""
    return stage.state in ("blocked", "fail", "wait") and stage.reason not in ONE_SIDED


def conflated(facts: Facts) -> Verdict:
    """How many changes were skipped for a newer one, and how late are those that were read?"""
    statuses = [status for _, status in working(facts)]
    lags = [s.lag_ms.p99 for s in statuses if s.lag_ms.p99 is not None]
    skipped = sum(status.conflated for status in statuses)
    said = f"{words.count(skipped, 'change')} overtaken by a newer one"
    if lags:
        said += f"; p99 of the way from the feed at most {max(lags):.1f} ms"
    return ok(said, conflated={s.token_id: s.conflated for s in statuses})


_ALL = ("supervisor", "children")
CHECKS: tuple[Check[Facts], ...] = (
    Check(
        "child.env", "children read the aggregator's file", env, ("agg.thread",), (*_ALL, "cache")
    ),
    Check(
        "child.mode",
        "children trade in the right mode, shared",
        mode,
        ("cache.health", "cache.advancing", "cache.json", "child.env"),
        (*_ALL, "cache"),
    ),
    Check(
        "child.reading",
        "children's reads succeed",
        reading,
        ("agg.subscribed", "cache.tokens", "child.mode", "cache.json"),
        _ALL,
    ),
    Check(
        "child.last_px",
        "every child has a quote",
        last_px,
        ("agg.subscribed", "cache.tokens", "child.reading"),
        _ALL,
    ),
    Check(
        "child.wait",
        "no child waits for quotes",
        wait,
        ("agg.subscribed", "child.last_px", "cache.health"),
        _ALL,
    ),
    Check(
        "child.conflated", "children keep up with the market", conflated, ("child.last_px",), _ALL
    ),
)
