"""Are the strategy processes there, and do they work?"""

from __future__ import annotations

from polyshared.doctor import words
from polyshared.doctor.children import Child
from polyshared.doctor.facts import OLD_AFTER_S, Facts
from polyshared.doctor.graph import Check, Fix, NotApplicable, Verdict, fail, ok, warn
from polyshared.doctor.statusfiles import Unreadable

MANY_RESTARTS = 3


def known(facts: Facts) -> tuple[Child, ...]:
    """Return the children of the living supervisor.

    Raises:
        NotApplicable: None is alive, or it has none.
    """
    facts.supervisor.value.alive()
    children = facts.children.value.known
    if not children:
        raise NotApplicable("there is no child")
    return children


def count(facts: Facts) -> Verdict:
    """Is there a process for each child that should run?"""
    should = [child for child in known(facts) if child.should_run]
    gone = [child for child in should if not child.is_alive]
    waiting = sum(
        child.task is not None and child.task.status == "pending" for child in known(facts)
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
    alive = [child for child in known(facts) if child.is_alive]
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
            Fix(
                "end it; the supervisor starts it again",
                f"kill {pid_of(hung[0])}",
                action="restart",
                target=hung[0].token_id,
            ),
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
    named = [f"{words.short(child.token_id)} (pid {pid_of(child)})" for child in children[:3]]
    more = len(children) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def pid_of(child: Child) -> int | None:
    return None if child.process is None else child.process.pid


def _silent_reason(child: Child) -> str:
    if isinstance(child.status, Unreadable):
        return f"{child.status.path}: {child.status.reason}"
    return _who([child])


def crashes(facts: Facts) -> Verdict:
    """Do children end again and again?"""
    tasks = {child.token_id: child.task for child in known(facts) if child.task is not None}
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


def token_source(facts: Facts) -> Verdict:
    """Does the program that finds new tokens run, where the supervisor is to run it?"""
    found = facts.supervisor.value.alive().token_source
    if found.state == "off":
        raise NotApplicable("the supervisor does not run it (copytrade.autostart)")
    if found.state == "running":
        return ok("it runs")
    what = "is started again soon" if found.state == "waiting" else "is not started again"
    return warn(
        f"it ended with exit code {found.exit_code} and {what}: no new token is found",
        Fix("see why", "polyshared errors"),
        state=found.state,
    )


_ALL = ("supervisor", "children")
CHECKS: tuple[Check[Facts], ...] = (
    Check("child.count", "every child has its process", count, ("agg.running",), _ALL),
    Check(
        "child.responding",
        "no child is stopped or hangs",
        responding,
        # Without room no status is written, and all seem to hang.
        ("agg.running", "child.count", "host.datadir", "host.disk", "host.inodes"),
        _ALL,
    ),
    Check("child.crashes", "no child ends again and again", crashes, ("agg.running",), _ALL),
    Check("child.source", "new tokens are found", token_source, ("agg.running",), ("supervisor",)),
    Check("child.orphans", "no child runs unattended", orphans, (), _ALL),
)
