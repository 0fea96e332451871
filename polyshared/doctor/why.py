"""One token's way from the feed to an order, link by link. Pure.

The links before the child come from the supervisor and the snapshot, those from ``source``
on from the child's own stages. The first link that is not well is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from polyshared import Snapshot
from polyshared.doctor import checks_agg, checks_cache, words
from polyshared.doctor.children import Child
from polyshared.doctor.facts import OLD_AFTER_S, Facts
from polyshared.doctor.graph import Known, NotApplicable, NotLearnt, Status, Verdict
from polyshared.doctor.reasons import explain
from polyshared.doctor.statusfiles import ChildStatus, Supervisor, Task
from polyshared.doctor.told import NOTHING, Told, in_words

STAGES = ("source", "quote", "warmup", "signal", "risk", "budget", "venue", "order")


class LinkState(StrEnum):
    """``ok``, ``wait`` (nothing is wrong, nothing to do yet), ``blocked`` by a rule, ``fail``."""

    OK = "ok"
    WAIT = "wait"
    BLOCKED = "blocked"
    FAIL = "fail"
    UNUSED = "unused"  # this token does without it

    @property
    def is_red(self) -> bool:
        return self in (LinkState.BLOCKED, LinkState.FAIL)

    @property
    def is_passed(self) -> bool:
        return self in (LinkState.OK, LinkState.UNUSED)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain.

    Attributes:
        name: Such as ``snapshot`` or ``risk``.
        state: What became of the data here.
        reason: Code or sentence.
        since: Since when, in epoch seconds; None when not known.
        cure: What to do; None when there is nothing to do but wait.
    """

    name: str
    state: LinkState
    reason: str
    since: float | None = None
    cure: str | None = None


def tokens_of(facts: Facts) -> list[str]:
    """Return every token that is known here: to the supervisor, by its status, in the snapshot."""
    found: dict[str, None] = {}
    if (boss := _supervisor(facts)) is not None:
        found |= dict.fromkeys(boss.tasks)
    if isinstance(facts.children, Known):
        found |= dict.fromkeys(child.token_id for child in facts.children.value.known)
    if (snapshot := _snapshot(facts)) is not None:
        found |= dict.fromkeys(snapshot.tokens)
    return list(found)


def resolve(given: str, tokens: Iterable[str]) -> list[str]:
    """Return the tokens that *given* may mean: the whole id, its shortened form, its end."""
    known = list(tokens)
    if given in known:
        return [given]
    first, dots, last = given.partition("…")
    if not dots:
        return [token for token in known if token.endswith(given)]
    return [token for token in known if token.startswith(first) and token.endswith(last)]


def _supervisor(facts: Facts) -> Supervisor | None:
    """Return what the living supervisor says; None if there is none."""
    if isinstance(facts.supervisor, Known) and facts.supervisor.value.is_alive:
        return facts.supervisor.value.said
    return None


def _snapshot(facts: Facts) -> Snapshot | None:
    if isinstance(facts.cache, Known) and facts.cache.value.good:
        return facts.cache.value.good[-1]
    return None


def chain(token: str, facts: Facts, told: Told = NOTHING) -> list[Link]:
    """Return the links of one token, from the exchange to the order.

    Args:
        token: The token.
        facts: What was gathered.
        told: The settings of its child, for the values of what holds it back.
    """
    child = next((c for c in facts.children.value.known if c.token_id == token), None)
    said = child.said if child is not None else None
    direct = _has_own_line(said, facts)
    links = [_judged("supervisor", checks_agg.running, facts)]
    for name, judge in (
        ("line", partial(checks_agg.line_of, number=_line_of(token, facts))),
        ("aggregator", checks_agg.thread),
        ("file", checks_cache.is_json),
        ("writer", checks_cache.fresh),
    ):
        links.append(_unused(name) if direct else _judged(name, judge, facts))
    links.append(_unused("entry") if direct else _entry(token, facts))
    links.append(_process(child, is_clearing=_is_clearing(token, facts)))
    if said is not None:
        links.extend(_stages(said, told))
    return links


def first_not_passed(links: Iterable[Link]) -> Link | None:
    """Return the first link that is not well; None when an order rests or everything passed."""
    return next((link for link in links if not link.state.is_passed), None)


def _has_own_line(said: ChildStatus | None, facts: Facts) -> bool:
    """Whether the child takes its quotes itself: it says so, or there is no shared file."""
    if said is not None and said.source == "direct":
        return True
    boss = _supervisor(facts)
    return boss is not None and boss.aggregator.state == "off"


def _unused(name: str) -> Link:
    return Link(name, LinkState.UNUSED, "the child is on its own line")


def _judged(name: str, judge: Callable[[Facts], Verdict], facts: Facts) -> Link:
    try:
        verdict = judge(facts)
    except NotApplicable as reason:
        if name == "supervisor":
            return Link(name, LinkState.FAIL, str(reason), cure=checks_agg.START)
        return Link(name, LinkState.UNUSED, str(reason))
    except NotLearnt as error:
        return Link(name, LinkState.FAIL, f"could not look: {error.reason}")
    state = LinkState.FAIL if verdict.status is Status.FAIL else LinkState.OK
    fix = verdict.fix
    cure = None if fix is None else fix.command or fix.text
    return Link(name, state, verdict.detail, cure=cure if state.is_red else None)


def _entry(token: str, facts: Facts) -> Link:
    """Judge what the snapshot says of this token."""
    snapshot = _snapshot(facts)
    if snapshot is None:
        return Link("entry", LinkState.FAIL, "no snapshot could be read")
    entry = snapshot.tokens.get(token)
    if entry is None:
        meaning = explain("token_absent")
        return Link("entry", LinkState.FAIL, meaning.text, cure=meaning.cure)
    health = str(entry.fields.get("health"))
    at = entry.fields.get("updated_at")
    since = float(at) if isinstance(at, int | float) else None
    if health in ("live", "quiet"):
        return Link("entry", LinkState.OK, _quote_words(entry.fields, health), since)
    state = LinkState.WAIT if health == "pending" else LinkState.BLOCKED
    meaning = explain(health)
    return Link("entry", state, f"{health}: {meaning.text}", since, meaning.cure)


def _quote_words(fields: Mapping[str, object], health: str) -> str:
    return f"{health}, bid {fields.get('best_bid')} ask {fields.get('best_ask')}"


_TASK_WORDS = {
    "pending": (LinkState.WAIT, "waits for a slot (max_concurrent_tasks)"),
    "restarting": (LinkState.WAIT, "ended; will be started again"),
    "quarantined": (LinkState.FAIL, "in quarantine: it crashed too often"),
    "stopped": (LinkState.BLOCKED, "stopped by hand"),
    "exited": (LinkState.WAIT, "has ended by itself"),
    "error": (LinkState.FAIL, "ended with an error"),
    "ended": (LinkState.BLOCKED, "its market is closed"),
}


def _line_of(token: str, facts: Facts) -> object:
    """Return the number of the connection that this token's quotes come on, as the file has it."""
    snapshot = _snapshot(facts)
    entry = None if snapshot is None else snapshot.tokens.get(token)
    return None if entry is None else entry.fields.get("conn")


def _is_clearing(token: str, facts: Facts) -> bool:
    """Whether no child is started because orders of the last one may still be open."""
    boss = _supervisor(facts)
    return boss is not None and token in boss.clearing


def _process(child: Child | None, *, is_clearing: bool) -> Link:
    """Judge the token's process."""
    if is_clearing:
        reason = "its last child is gone, and that its orders are gone is not proven yet"
        return Link("child", LinkState.BLOCKED, reason, cure="polyshared doctor --live net")
    if child is None:
        return Link("child", LinkState.FAIL, "no child trades this token")
    if child.task is not None and child.task.status in _TASK_WORDS:
        return _not_running(child.task)
    return _running(child)


def _running(child: Child) -> Link:
    pid = None if child.process is None else child.process.pid
    if not child.is_alive:
        return Link("child", LinkState.FAIL, f"pid {pid} is gone", cure=_see_log(child.task))
    if child.is_stopped:
        reason = f"pid {pid} is stopped by a signal (state T)"
        return Link("child", LinkState.FAIL, reason, cure=f"kill -CONT {pid}")
    if child.said is None:
        state = LinkState.WAIT if child.is_starting else LinkState.FAIL
        return Link("child", state, f"pid {pid} has not said anything", cure=_see_log(child.task))
    if child.age_s > OLD_AFTER_S:
        reason = f"pid {pid} is silent for {words.age(child.age_s)}: it hangs"
        return Link("child", LinkState.FAIL, reason, cure=f"kill {pid}")
    return Link("child", LinkState.OK, f"pid {pid}, {child.said.mode}", child.said.started_at)


def _not_running(task: Task) -> Link:
    state, text = _TASK_WORDS[task.status]
    if task.exit_code is not None:
        text += f" (exit code {task.exit_code})"
    return Link("child", state, text, cure=_see_log(task) if state is LinkState.FAIL else None)


def _see_log(task: Task | None) -> str | None:
    return None if task is None or task.log_path is None else f"tail -50 {task.log_path}"


def _stages(said: ChildStatus, told: Told) -> Iterator[Link]:
    """Yield the child's own stages. That a book is one-sided is seen in the quote alone."""
    for name in STAGES:
        stage = said.stages.get(name)
        if stage is None:
            continue
        link = _stage(name, stage.state, stage.reason, stage.since, told)
        one_sided = _one_sided(said) if name == "quote" else None
        if one_sided is not None and link.state.is_passed:
            link = _stage(name, "wait", one_sided, stage.since, told)
        yield link


def _stage(name: str, state: str, reason: str, since: float | None, told: Told) -> Link:
    known = LinkState(state) if state in LinkState.__members__.values() else LinkState.FAIL
    if known is LinkState.OK:
        return Link(name, known, reason, since)
    meaning = explain(reason)
    text = meaning.text if reason in meaning.text else f"{reason}: {meaning.text}"
    if meaning.settings:
        text += f" ({in_words(told, meaning.settings)})"
    return Link(name, known, text, since, meaning.cure)


def _one_sided(said: ChildStatus) -> str | None:
    if said.quote is None or said.quote.at is None:
        return None
    if said.quote.best_bid is None:
        return "no_bid"
    return "no_ask" if said.quote.best_ask is None else None
