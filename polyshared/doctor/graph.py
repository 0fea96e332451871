"""Checks, what they depend on, and the one that is to blame. Pure.

Every check is judged. A bad verdict under a bad parent is a consequence: it is shown
as ``skip`` with ``blocked_by``, so that what is left as ``fail`` are causes. A good
verdict stays good whatever the parents say: a file that is whole is whole, also when
its writer is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")
F = TypeVar("F")

Evidence = Mapping[str, object]


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class DoctorExit(IntEnum):
    """Exit codes of ``polyshared doctor``; :func:`exit_code` says which comes first."""

    HEALTHY = 0
    FAILED = 1
    USAGE = 2
    NOTHING_RUNS = 3
    SETTINGS = 4
    TIMED_OUT = 5


class NotLearnt(Exception):
    """A judge asked for a fact that could not be gathered.

    Attributes:
        reason: Why, as one clause.
        timed_out: Time was up, so nothing is known of the thing itself.
    """

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


class NotApplicable(Exception):
    """There is nothing to judge here; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """A fact that was gathered."""

    value: T
    took_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Unlearnt:
    """A fact that could not be gathered. Asking for its value raises :class:`NotLearnt`."""

    reason: str
    took_ms: float = 0.0
    timed_out: bool = False

    @property
    def value(self) -> NoReturn:
        raise NotLearnt(self.reason, timed_out=self.timed_out)


@dataclass(frozen=True, slots=True)
class Fix:
    """A cure.

    Attributes:
        text: What to do, one clause.
        command: What to type, if a command does it.
        action: Name of what ``--fix`` can do by itself; None when a person must.
        target: What the action is done to, where it does not say so itself.
    """

    text: str
    command: str | None = None
    action: str | None = None
    target: str = ""

    @property
    def auto(self) -> bool:
        return self.action is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, the value seen beside the value allowed."""

    status: Status
    detail: str
    evidence: Evidence = field(default_factory=dict)
    fix: Fix | None = None


def ok(detail: str, /, **evidence: object) -> Verdict:
    return Verdict(Status.OK, detail, evidence)


def warn(detail: str, fix: Fix | None = None, /, **evidence: object) -> Verdict:
    return Verdict(Status.WARN, detail, evidence, fix)


def fail(detail: str, fix: Fix | None = None, /, **evidence: object) -> Verdict:
    return Verdict(Status.FAIL, detail, evidence, fix)


@dataclass(frozen=True, slots=True)
class Check(Generic[F]):
    """One question.

    Attributes:
        id: ``group.name``.
        title: What holds when all is well.
        judge: Facts in, verdict out. May raise NotApplicable, and NotLearnt by
            asking for a fact that is missing.
        parents: Checks whose failure explains a failure of this one.
        needs: Names of the facts it asks for; only these are gathered.
    """

    id: str
    title: str
    judge: Callable[[F], Verdict]
    parents: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Row:
    """The answer to one check."""

    id: str
    group: str
    title: str
    status: Status
    detail: str
    evidence: Evidence
    fix: Fix | None
    blocked_by: str | None
    duration_ms: float
    timed_out: bool = False


def judge_all(
    checks: Sequence[Check[F]], facts: F, *, timer: Callable[[], float] = time.perf_counter
) -> list[Row]:
    """Judge *checks* in their order; parents stand before their children.

    Args:
        checks: Each id once.
        facts: What was gathered.
        timer: Seconds, for ``duration_ms``.
    """
    rows: dict[str, Row] = {}
    for check in checks:
        started = timer()
        row = _judge(check, facts)
        row = replace(row, duration_ms=(timer() - started) * 1000)
        rows[check.id] = _consequence(row, _cause(check, rows))
    return list(rows.values())


def _judge(check: Check[F], facts: F) -> Row:
    timed_out = False
    try:
        verdict = check.judge(facts)
    except NotApplicable as reason:
        verdict = Verdict(Status.SKIP, str(reason))
    except NotLearnt as error:
        verdict = fail(f"could not look: {error.reason}")
        timed_out = error.timed_out
    except Exception as error:  # noqa: BLE001  a check that crashes must not hide the others
        verdict = fail(
            f"this check crashed: {type(error).__name__}: {error}",
            Fix("report it with the output of `polyshared bundle`", "polyshared bundle"),
        )
    return Row(
        id=check.id,
        group=check.group,
        title=check.title,
        status=verdict.status,
        detail=verdict.detail,
        evidence=verdict.evidence,
        fix=verdict.fix,
        blocked_by=None,
        duration_ms=0.0,
        timed_out=timed_out,
    )


def _cause(check: Check[F], rows: Mapping[str, Row]) -> str | None:
    """Return the failed check that explains a failure of *check*, if there is one."""
    for name in check.parents:
        parent = rows.get(name)
        if parent is None:
            continue
        if parent.status is Status.FAIL:
            return parent.id
        if parent.blocked_by is not None:
            return parent.blocked_by
    return None


def _consequence(row: Row, cause: str | None) -> Row:
    if cause is None or row.status not in (Status.FAIL, Status.WARN):
        return row
    return replace(row, status=Status.SKIP, blocked_by=cause, fix=None)


def with_ancestors(checks: Sequence[Check[F]], wanted: Collection[str]) -> list[Check[F]]:
    """Return the *wanted* checks and all that they depend on, in the order of *checks*."""
    by_id = {check.id: check for check in checks}
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found and name in by_id:
            found.add(name)
            waiting.extend(by_id[name].parents)
    return [check for check in checks if check.id in found]


def root_cause(rows: Iterable[Row]) -> Row | None:
    """Return the first failed check, in the order from package to order; None if none failed."""
    return next((row for row in rows if row.status is Status.FAIL), None)


def exit_code(
    rows: Sequence[Row],
    *,
    strict: bool,
    out_of_time: bool,
    settings_unreadable: bool,
    nothing_runs: bool,
) -> DoctorExit:
    """Return the exit code: of those that hold, the first in the order below."""
    if out_of_time:
        return DoctorExit.TIMED_OUT
    if settings_unreadable:
        return DoctorExit.SETTINGS
    bad = {Status.FAIL, Status.WARN} if strict else {Status.FAIL}
    if any(row.status in bad for row in rows):
        return DoctorExit.FAILED
    return DoctorExit.NOTHING_RUNS if nothing_runs else DoctorExit.HEALTHY
