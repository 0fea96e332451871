"""Does the supervisor run, and does its aggregator receive and use the market's messages?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from polyshared.doctor import words
from polyshared.doctor.facts import OLD_AFTER_S, Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Verdict, fail, ok, warn
from polyshared.doctor.processes import Life
from polyshared.doctor.statusfiles import Absent, Aggregator, Connection, Unreadable

START = "python poly_maker_autorun.py"
TOKENS_PER_CONNECTION = 200
QUIET_LINE_S = 25.0  # a PONG comes every 10 s: longer silence is a dead line
MANY_CONNECTS = 5
LATELY_S = 600.0
START_GRACE_S = 20.0


def running(facts: Facts) -> Verdict:
    """Is the supervisor of this directory alive, and does it still work?"""
    found = facts.supervisor.value
    if isinstance(found.status, Absent):
        raise NotApplicable("no supervisor has run here")
    if isinstance(found.status, Unreadable):
        return fail(
            f"{found.status.path}: {found.status.reason}",
            Fix("start the program anew; it replaces the file", START),
        )
    status, process = found.status, found.process
    assert process is not None
    if process.life is Life.STOPPED:
        return fail(
            f"pid {status.pid} is stopped by a signal (state T): it does nothing until it is "
            "continued",
            Fix("continue it", f"kill -CONT {status.pid}"),
            pid=status.pid,
            status_age_s=found.age_s,
        )
    if not process.life.is_alive:
        return _ended(facts)
    if found.age_s > OLD_AFTER_S:
        return fail(
            f"pid {status.pid} lives, but its status is {words.age(found.age_s)} old, "
            f"limit is {OLD_AFTER_S:.0f} s: it hangs, or cannot write to the disk",
            Fix("end it and start it again", f"kill {status.pid}"),
            pid=status.pid,
            status_age_s=found.age_s,
        )
    return ok(
        f"pid {status.pid}, mode {status.mode}, state {status.state}",
        pid=status.pid,
        status_age_s=found.age_s,
    )


def _ended(facts: Facts) -> Verdict:
    found = facts.supervisor.value
    status = found.said
    if found.ended_by_itself:
        raise NotApplicable(f"the supervisor has ended (state {status.state})")
    return fail(
        f"pid {status.pid} is gone, its last state was {status.state}: it was killed or it crashed",
        Fix("see the end of its log, then start it again", START),
        pid=status.pid,
        written_at=status.written_at,
    )


def _aggregator(facts: Facts) -> Aggregator:
    """Return what the living supervisor says of its aggregator.

    Raises:
        NotApplicable: No supervisor is alive, or it was told not to have one.
    """
    aggregator = facts.supervisor.value.alive().aggregator
    if aggregator.state == "off":
        raise NotApplicable("the aggregator is off (--no-shared-ws)")
    return aggregator


def _age_of_start(facts: Facts) -> float:
    started_at = facts.supervisor.value.said.started_at
    return math.inf if started_at is None else facts.now.wall_s - started_at


def thread(facts: Facts) -> Verdict:
    """Does the aggregator serve: a line open and a first snapshot written?"""
    aggregator = _aggregator(facts)
    if aggregator.state == "serving":
        return ok("it serves")
    if aggregator.state == "failed":
        return fail(
            f"it does not run: {aggregator.error or 'no reason was given'}",
            Fix("remove the cause; it is tried again every minute"),
            state=aggregator.state,
        )
    since = _age_of_start(facts)
    said = f"it is {aggregator.state}: no line open yet, or no snapshot written"
    if since <= START_GRACE_S:
        return warn(f"{said}; the start was {words.age(since)} ago", state=aggregator.state)
    return fail(
        f"{said}, {words.age(since)} after the start",
        Fix("see whether the exchange can be reached", "polyshared doctor --live net"),
        state=aggregator.state,
        error=aggregator.error,
    )


def connections(facts: Facts) -> Verdict:
    """One connection for each 200 tokens, not one for each token."""
    aggregator = _aggregator(facts)
    there = len(aggregator.connections)
    wanted = math.ceil(aggregator.wanted / TOKENS_PER_CONNECTION)
    said = (
        f"{words.count(there, 'connection')} for {words.count(aggregator.wanted, 'token')}, "
        f"{wanted} expected"
    )
    evidence = {"connections": there, "tokens": aggregator.wanted, "expected": wanted}
    if there > max(1, wanted):  # one idle line without tokens is how it starts
        return warn(said, Fix("ask the supervisor for a new aggregator"), **evidence)
    if there < wanted:
        return fail(said, Fix("see why a connection is missing", "polyshared errors"), **evidence)
    return ok(said, **evidence)


def socket(facts: Facts) -> Verdict:
    """Is each line open and proven alive by a frame or a PONG?"""
    return _judge_lines(facts, _aggregator(facts).connections)


def line_of(facts: Facts, number: object) -> Verdict:
    """The same of one line alone; of all when it is not known which."""
    lines = _aggregator(facts).connections
    return _judge_lines(facts, [line for line in lines if line.id == number] or lines)


def _judge_lines(facts: Facts, lines: Sequence[Connection]) -> Verdict:
    now = _their_now(facts)
    bad, often = [], []
    for line in lines:
        if line.state not in ("open", "idle"):
            bad.append(f"line {line.id} is {line.state} ({line.last_close or 'no reason given'})")
        elif line.state == "open" and (silent_s := _silent_s(line, now)) > QUIET_LINE_S:
            seen = f"silent for {words.age(silent_s)}, limit is {QUIET_LINE_S:.0f} s"
            bad.append(f"line {line.id}: {seen}")
        elif line.connects > MANY_CONNECTS and _opened_lately(line.opened_at, now):
            often.append(f"line {line.id} was opened {line.connects} times ({line.last_close})")
    if bad:
        return fail(
            "; ".join(bad),
            Fix("see whether the exchange can be reached", "polyshared doctor --live net"),
        )
    if often:
        return warn("; ".join(often), Fix("look at the network between here and the exchange"))
    return ok(f"{words.count(len(lines), 'line')} open and proven alive")


def _their_now(facts: Facts) -> float:
    """Return what the supervisor's wall clock said when it wrote, plus the time since.

    So a clock that was set meanwhile does not make a line look dead.
    """
    found = facts.supervisor.value
    written_at = found.said.written_at
    return facts.now.wall_s if written_at is None else written_at + found.age_s


def _silent_s(line: Connection, now: float) -> float:
    """Return how long a line has shown no sign of life; opening is one."""
    signs = [at for at in (line.opened_at, line.last_frame_at) if at is not None]
    return now - max(signs) if signs else math.inf


def _opened_lately(opened_at: float | None, now: float) -> bool:
    return opened_at is not None and now - opened_at < LATELY_S


def subscribed(facts: Facts) -> Verdict:
    """Is every wanted token confirmed by a first book?"""
    aggregator = _aggregator(facts)
    said = f"{aggregator.confirmed} of {words.count(aggregator.wanted, 'token')} confirmed"
    evidence = {"wanted": aggregator.wanted, "confirmed": aggregator.confirmed}
    if aggregator.confirmed >= aggregator.wanted:
        return ok(said, **evidence)
    missing = _unconfirmed(facts)
    if missing:
        said += f"; missing: {words.some(missing)}"
    if _age_of_start(facts) <= START_GRACE_S:
        return warn(f"{said}; the start was {words.age(_age_of_start(facts))} ago", **evidence)
    return fail(
        said,
        Fix("see whether these tokens still trade; their market may be closed"),
        missing=missing,
        **evidence,
    )


def _unconfirmed(facts: Facts) -> list[str]:
    """Return the tokens that are traded, and pending in the snapshot or not in it at all."""
    good = facts.cache.value.good
    if not good:
        return []
    health = {key: entry.fields.get("health") for key, entry in good[-1].tokens.items()}
    tasks = facts.supervisor.value.said.tasks
    traded = {name for name, task in tasks.items() if task.status == "running"}
    return sorted(key for key in traded | health.keys() if health.get(key) in (None, "pending"))


def frames(facts: Facts) -> Verdict:
    """Do frames come, are they understood and are they used?"""
    aggregator = _aggregator(facts)
    received, used = aggregator.frames.received, aggregator.frames.used
    unused = sorted(kind for kind, number in received.items() if number and not used.get(kind))
    total = sum(received.values())
    evidence = {
        "received": received,
        "used": used,
        "unknown_types": aggregator.unknown_types,
        "unreadable": aggregator.unreadable,
        "first_unreadable": aggregator.first_unreadable,
        "dropped_siblings": aggregator.dropped_siblings,
    }
    report = Fix("report it; the exchange has changed its messages", "polyshared bundle")
    if not total and aggregator.wanted:
        return fail("no frame was received", Fix("see the line's state", "polyshared doctor agg"))
    if aggregator.unreadable:
        said = f"{words.count(aggregator.unreadable, 'frame')} could not be read: "
        return fail(said + str(aggregator.first_unreadable), report, **evidence)
    if aggregator.unknown_types:
        names = ", ".join(aggregator.unknown_types)
        return warn(f"frames of unknown types: {names}", report, **evidence)
    if unused:
        return warn(f"received but not used: {', '.join(unused)}", report, **evidence)
    return ok(f"{total} received", **evidence)


_SAYS = ("supervisor",)
_WAY = ("net.dns", "net.tls", "net.version")
CHECKS: tuple[Check[Facts], ...] = (
    Check(
        "agg.running",
        "the supervisor runs",
        running,
        ("agg.import", "config.load", "host.datadir", "host.disk", "host.inodes"),
        _SAYS,
    ),
    Check("agg.socket", "the lines are open and alive", socket, ("agg.running", *_WAY), _SAYS),
    Check(
        "agg.thread",
        "the aggregator serves",
        thread,
        # Without an open line it cannot serve: that the line is down is the cause.
        ("agg.running", "host.datadir", "agg.socket", *_WAY),
        _SAYS,
    ),
    Check(
        "agg.connections",
        "one connection for 200 tokens",
        connections,
        ("agg.running", "agg.thread"),
        _SAYS,
    ),
    Check(
        "agg.frames", "frames are received and used", frames, ("agg.running", "agg.socket"), _SAYS
    ),
    Check(
        "agg.subscribed",
        "every token is confirmed",
        subscribed,
        ("agg.running", "agg.socket"),
        ("supervisor", "cache"),
    ),
)
