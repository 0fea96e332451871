"""Are the strategy processes there, do they work, and do they have quotes?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from polyshared.doctor import words
from polyshared.doctor.children import Child
from polyshared.doctor.facts import OLD_AFTER_S, Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Verdict, fail, ok, warn
from polyshared.doctor.statusfiles import ChildStatus, Stage, Unreadable

MANY_RESTARTS = 3
QUOTE_GRACE_S = 30.0  # architecture: a token absent or unusable this long is given up on
LASTING_S = 10.0


def _known(facts: Facts) -> tuple[Child, ...]:
    """Return the children of the living supervisor.

    Raises:
        NotApplicable: None is alive, or it has none.
    """
    facts.supervisor.value.alive()
    known = facts.children.value.known
    if not known:
        raise NotApplicable("there is no child")
    return known


def _working(facts: Facts) -> list[tuple[Child, ChildStatus]]:
    """Return the running children and what they say; those that hang are judged elsewhere."""
    found = [
        (child, child.said)
        for child in _known(facts)
        if child.said is not None and child.is_alive and not child.is_stopped
        and child.age_s <= OLD_AFTER_S
    ]  # fmt: skip
    if not found:
        raise NotApplicable("no child works")
    return found


def count(facts: Facts) -> Verdict:
    """Is there a process for each child that should run?"""
    should = [child for child in _known(facts) if child.should_run]
    gone = [child for child in should if not child.is_alive]
    waiting = sum(
        child.task is not None and child.task.status == "pending" for child in _known(facts)
    )
    evidence = {
        "should_run": len(should),
        "pids": {c.token_id: c.process and c.process.pid for c in should},
    }
    if gone:
        return fail(
            f"{len(gone)} of {words.count(len(should), 'child', 'children')} gone: "
            + words.some(child.token_id for child in gone),
            Fix("see the end of its log", f"tail -50 {_log(gone[0])}"),
            **evidence,
        )
    said = f"{len(should)} of {len(should)} run"
    return ok(said + (f", {waiting} wait for a slot" if waiting else ""), **evidence)


def _log(child: Child) -> str:
    named = child.task.log_path if child.task is not None else None
    return named or f"logs/autorun_{child.token_id}.log"


def responding(facts: Facts) -> Verdict:
    """Does every running child still do its round? Stopped and hung ones do not."""
    alive = [child for child in _known(facts) if child.is_alive]
    stopped = [child for child in alive if child.is_stopped]
    hung = [
        child
        for child in alive
        if child.said and not child.is_stopped and child.age_s > OLD_AFTER_S
    ]
    silent = [
        child
        for child in alive
        if not child.said and not child.is_starting and not child.is_stopped
    ]
    if stopped:
        pids = " ".join(str(child.process.pid) for child in stopped if child.process)
        return fail(
            f"{_of(stopped, alive)} stopped by a signal (state T): {_who(stopped)}",
            Fix("continue it", f"kill -CONT {pids}"),
            stopped=[child.token_id for child in stopped],
        )
    if hung:
        oldest = max(child.age_s for child in hung)
        return fail(
            f"{_of(hung, alive)} silent for {words.age(oldest)}, limit is {OLD_AFTER_S:.0f} s: "
            + _who(hung),
            Fix("end it; the supervisor starts it again", f"kill {_pid(hung[0])}"),
            hung=[child.token_id for child in hung],
        )
    if silent:
        return fail(
            f"{_of(silent, alive)} never wrote a status: {_silent_reason(silent[0])}",
            Fix("see the end of its log", f"tail -50 {_log(silent[0])}"),
            silent=[child.token_id for child in silent],
        )
    return ok(f"{len(alive)} of {len(alive)} wrote their status in the last {OLD_AFTER_S:.0f} s")


def _of(some: list[Child], alive: list[Child]) -> str:
    verb = "is" if len(some) == 1 else "are"
    return f"{len(some)} of {words.count(len(alive), 'child', 'children')} {verb}"


def _who(children: list[Child]) -> str:
    named = [f"{words.short(child.token_id)} (pid {_pid(child)})" for child in children[:3]]
    more = len(children) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _pid(child: Child) -> int | None:
    return None if child.process is None else child.process.pid


def _silent_reason(child: Child) -> str:
    if isinstance(child.status, Unreadable):
        return f"{child.status.path}: {child.status.reason}"
    return _who([child])


def crashes(facts: Facts) -> Verdict:
    """Do children end again and again?"""
    tasks = {child.token_id: child.task for child in _known(facts) if child.task is not None}
    quarantined = [name for name, task in tasks.items() if task.status == "quarantined"]
    broken = [name for name, task in tasks.items() if task.status == "error"]
    often = [name for name, task in tasks.items() if task.restarts >= MANY_RESTARTS]
    evidence = {
        name: {"restarts": t.restarts, "exit_code": t.exit_code} for name, t in tasks.items()
    }
    for names, what in (
        (quarantined, "in quarantine after crashes"),
        (broken, "ended with an error"),
    ):
        if names:
            codes = ", ".join(str(tasks[name].exit_code) for name in names[:3])
            return fail(
                f"{what}: {words.some(names)} (exit code {codes})",
                Fix("see the end of its log", f"tail -50 {tasks[names[0]].log_path}"),
                **evidence,
            )
    if often:
        most = max(tasks[name].restarts for name in often)
        return warn(
            f"restarted up to {most} times: {words.some(often)}",
            Fix("see the end of its log", f"tail -50 {tasks[often[0]].log_path}"),
            **evidence,
        )
    return ok("none was restarted often", **evidence)


def orphans(facts: Facts) -> Verdict:
    """Does a child run that no supervisor answers for? It may have orders open."""
    found = facts.children.value.orphans
    if not found:
        return ok("none")
    pids = " ".join(str(script.pid) for script in found)
    said = f"{words.count(len(found), 'process', 'processes')} without a supervisor: pid {pids}"
    return fail(said, Fix("end them; they cancel their orders", f"kill {pids}"), pids=pids)


def env(facts: Facts) -> Verdict:
    """Was each child told of the very file that the aggregator writes?"""
    path = facts.cache.value.path
    wrong, direct = [], 0
    for child in _known(facts):
        if not child.is_alive or not child.cache_known:
            continue
        if child.cache_variable is None:
            direct += 1
        elif not _same(Path(child.cache_variable), path):
            wrong.append(child)
    if wrong:
        return fail(
            f"{words.some(c.token_id for c in wrong)} reads {wrong[0].cache_variable}, "
            f"the aggregator writes {path}",
            Fix("restart the child", f"kill {_pid(wrong[0])}"),
        )
    told = sum(child.cache_variable is not None for child in _known(facts))
    return ok(f"{told} told of {path.name}, {direct} began on their own line")


def _same(one: Path, other: Path) -> bool:
    return one.absolute() == other.absolute() or one.resolve() == other.resolve()


def mode(facts: Facts) -> Verdict:
    """Do children trade in the supervisor's mode, on the shared file?"""
    supervisor = facts.supervisor.value.alive()
    working = _working(facts)
    other = [status.token_id for _, status in working if status.mode != supervisor.mode]
    if other:
        return fail(
            f"{words.some(other)} trades in another mode than the supervisor's {supervisor.mode}",
            Fix("end it at once", f"kill {working[0][1].pid}"),
        )
    sources = [status.source for _, status in working]
    evidence = {"shared": sources.count("shared"), "direct": sources.count("direct")}
    serving = supervisor.aggregator.state == "serving"
    direct = [status.token_id for _, status in working if status.source == "direct"]
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
    working = _working(facts)
    shared = [status for _, status in working if status.source == "shared"]
    totals: dict[str, int] = {}
    for status in shared:
        for name, number in status.reads.items():
            totals[name] = totals.get(name, 0) + number
    evidence = {"reads": totals, "seq": {s.token_id: s.seq for s in shared}}
    deaf = [s.token_id for s in shared if not s.reads.get("ok")]
    if deaf:
        return fail(
            f"{words.some(deaf)} never read a quote: {_kinds(totals)}",
            Fix("see why", f"polyshared why {deaf[0]}"),
            **evidence,
        )
    bad = sum(totals.get(kind, 0) for kind in ("corrupt", "too_new"))
    if bad:
        return warn(f"reads that found no snapshot: {_kinds(totals)}", **evidence)
    return ok(_kinds(totals) if shared else "no child reads the file", **evidence)


def _kinds(totals: dict[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in totals.items() if number) or "no read"


def last_px(facts: Facts) -> Verdict:
    """Does every child have a price to trade on?"""
    working = _working(facts)
    without = [s.token_id for _, s in working if s.quote is None or s.quote.at is None]
    if without:
        young = max(child.running_s for child, s in working if s.token_id in without)
        say = warn if young <= QUOTE_GRACE_S else fail
        return say(
            f"{words.some(without)} has no quote yet",
            Fix("see where it waits", f"polyshared why {without[0]}"),
            without=without,
        )
    ages = [s.quote.age_s for _, s in working if s.quote and s.quote.age_s is not None]
    oldest = f", the oldest {words.age(max(ages))} old" if ages else ""
    return ok(f"{len(working)} of {len(working)} have a quote{oldest}")


def wait(facts: Facts) -> Verdict:
    """Is a child held back on its way to a quote?"""
    stuck = _stages(facts, ("source", "quote"), lambda state: state in ("blocked", "fail", "wait"))
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


def _stages(facts: Facts, names: tuple[str, ...], is_bad: Callable[[str], bool]) -> dict[str, str]:
    """Return the first bad stage among *names* of each working child."""
    found = {}
    for _, status in _working(facts):
        for name in names:
            stage = status.stages.get(name)
            if stage is not None and is_bad(stage.state) and lasts(stage, facts.now.wall_s):
                found[status.token_id] = f"{name} {stage.state}, {stage.reason}"
                break
    return found


def conflated(facts: Facts) -> Verdict:
    """How many changes were skipped for a newer one, and how late are those that were read?"""
    statuses = [status for _, status in _working(facts)]
    lags = [s.lag_ms.p99 for s in statuses if s.lag_ms.p99 is not None]
    skipped = sum(status.conflated for status in statuses)
    said = f"{words.count(skipped, 'change')} overtaken by a newer one"
    if lags:
        said += f"; p99 of the way from the feed at most {max(lags):.1f} ms"
    return ok(said, conflated={s.token_id: s.conflated for s in statuses})


_ALL = ("supervisor", "children")
CHECKS: tuple[Check[Facts], ...] = (
    Check("child.count", "every child has its process", count, ("agg.running",), _ALL),
    Check("child.responding", "no child is stopped or hangs", responding, ("child.count",), _ALL),
    Check("child.crashes", "no child ends again and again", crashes, ("agg.running",), _ALL),
    Check("child.orphans", "no child runs unattended", orphans, (), _ALL),
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
    Check("child.reading", "children's reads succeed", reading, ("child.mode", "cache.json"), _ALL),
    Check("child.last_px", "every child has a quote", last_px, ("child.reading",), _ALL),
    Check("child.wait", "no child waits for quotes", wait, ("child.last_px", "cache.health"), _ALL),
    Check(
        "child.conflated", "children keep up with the market", conflated, ("child.last_px",), _ALL
    ),
)
