"""Gather what the checks judge: each fact in a thread of its own, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from polyshared import _clock
from polyshared.doctor import (
    cachefile,
    children,
    host,
    logs,
    netlook,
    probe,
    processes,
    running,
)
from polyshared.doctor.asking import Questions
from polyshared.doctor.graph import Known, NotApplicable, NotLearnt, Unlearnt
from polyshared.doctor.locate import Located, log_folder
from polyshared.doctor.statusfiles import Absent, Supervisor, Unreadable, read_supervisor

T = TypeVar("T")
Learnt = Known[T] | Unlearnt

OLD_AFTER_S = 10.0  # both kinds of status files are written once a second
NOT_ASKED = Unlearnt("it was not asked for")


@dataclass(frozen=True, slots=True)
class SupervisorFacts:
    """The supervisor of the data directory.

    Attributes:
        status: What it says.
        process: What the machine says; None when the status names no process.
        age_s: Age of the status.
    """

    status: Supervisor | Absent | Unreadable
    process: processes.Process | None
    age_s: float

    @property
    def said(self) -> Supervisor:
        """What it says of itself.

        Raises:
            NotApplicable: It says nothing.
        """
        if isinstance(self.status, Supervisor):
            return self.status
        raise NotApplicable("no supervisor has left a status here")

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.life.is_alive

    @property
    def ended_by_itself(self) -> bool:
        """Whether its last words were that it ends, and it did."""
        return (
            isinstance(self.status, Supervisor)
            and not self.is_alive
            and self.status.state not in ("running", "starting")
        )

    def alive(self) -> Supervisor:
        """What a living supervisor says.

        Raises:
            NotApplicable: None is alive.
        """
        if self.is_alive:
            return self.said
        if isinstance(self.status, Supervisor):
            raise NotApplicable(f"the supervisor has ended (state {self.status.state})")
        raise NotApplicable("no supervisor runs here")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the checks may ask for. A fact that could not be gathered says why."""

    located: Located
    token: str | None
    now: _clock.Moment
    supervisor: Learnt[SupervisorFacts] = NOT_ASKED
    children: Learnt[children.Children] = NOT_ASKED
    cache: Learnt[cachefile.Cache] = NOT_ASKED
    host: Learnt[host.Host] = NOT_ASKED
    logs: Learnt[logs.Logs] = NOT_ASKED
    imports: Learnt[probe.Answer] = NOT_ASKED
    settings: Learnt[probe.Answer] = NOT_ASKED
    ledger: Learnt[probe.Answer] = NOT_ASKED
    net: Learnt[netlook.Net] = NOT_ASKED
    frame: Learnt[probe.Answer] = NOT_ASKED
    account: Learnt[probe.Answer] = NOT_ASKED

    @property
    def out_of_time(self) -> bool:
        learnt = (getattr(self, field.name) for field in fields(self))
        return any(isinstance(each, Unlearnt) and each.timed_out for each in learnt)


DEADLINES_S = {
    "cache": 8.0,
    "imports": 15.0,
    "settings": 15.0,
    "ledger": 15.0,
    "net": 15.0,
    "frame": 15.0,
    "account": 15.0,
}
DEADLINE_S = 5.0
USUAL_S = 20.0  # the time for everything that these are meant for; with more, all grow
ENDING_S = 1.0  # of each deadline, kept to end a process that does not answer


def gather(
    located: Located, needs: Collection[str], *, timeout_s: float, token: str | None = None
) -> Facts:
    """Gather the facts named in *needs*.

    Never raises for what it cannot learn, and never takes longer than *timeout_s*:
    what is not known by then is :class:`Unlearnt` with ``timed_out``.

    Args:
        located: The data directory.
        needs: Names of fields of :class:`Facts`.
        timeout_s: For everything together.
        token: Look at this child alone.
    """
    time_left = _TimeLeft(timeout_s)
    running.begin()
    try:
        first = _together({"supervisor": lambda _: look_at_supervisor(located.data_dir)}, time_left)
        supervisor = first["supervisor"]
        said = supervisor.value if isinstance(supervisor, Known) else None
        learnt = _together(_sources(located.data_dir, said, needs, token), time_left)
    finally:
        running.end_all()
    return Facts(located=located, token=token, now=_clock.now(), supervisor=supervisor, **learnt)


def look_at_supervisor(data_dir: Path) -> SupervisorFacts:
    status = read_supervisor(data_dir)
    if not isinstance(status, Supervisor):
        return SupervisorFacts(status, None, 0.0)
    process = processes.look_up(status.pid, status.pid_started_s)
    return SupervisorFacts(status, process, max(0.0, _clock.boot_s() - status.boottime_s))


class _TimeLeft:
    """The time for everything, and what each fact may take of it."""

    def __init__(self, timeout_s: float) -> None:
        self._ends = time.monotonic() + timeout_s
        self._scale = max(1.0, timeout_s / USUAL_S)

    def for_fact(self, name: str) -> float:
        limit_s = DEADLINES_S.get(name, DEADLINE_S) * self._scale
        return min(limit_s, max(0.0, self._ends - time.monotonic()))


Source = Callable[[float], Any]  # given its deadline in seconds


def _sources(
    data_dir: Path, said: SupervisorFacts | None, needs: Collection[str], token: str | None
) -> dict[str, Source]:
    """Return how to learn each fact of *needs*, the supervisor apart."""
    status = said.status if said is not None and isinstance(said.status, Supervisor) else None
    alive = said is not None and said.is_alive
    cache = _path(data_dir, status.aggregator.cache if status else None) or (
        data_dir / cachefile.CACHE_NAME
    )
    log_dir = log_folder(data_dir, status)
    every: dict[str, Source] = {
        # First, so that it reads the file as it was when the command was typed.
        "cache": lambda _: cachefile.look(cache, expect_writer=alive),
        "children": lambda _: children.look(data_dir, status if alive else None, token=token),
        "host": lambda _: host.look(data_dir),
        "logs": lambda _: logs.look(log_dir),
        **Questions(data_dir, status, token, alive).by_fact(),
    }
    return {name: source for name, source in every.items() if name in needs}


def _path(data_dir: Path, named: str | None) -> Path | None:
    """Return a path of a status file; a relative one that is not found here is not used."""
    if named is None:
        return None
    path = Path(named)
    return path if path.is_absolute() or path.parent.is_dir() else data_dir / path.name


def _together(sources: dict[str, Source], time_left: _TimeLeft) -> dict[str, Known[Any] | Unlearnt]:
    """Run *sources* at the same time; return what each learnt until its deadline."""
    results: SimpleQueue[tuple[str, Known[Any] | Unlearnt]] = SimpleQueue()
    limits = {}
    for name, source in sources.items():
        limits[name] = time_left.for_fact(name)
        given_s = max(limits[name] / 2, limits[name] - ENDING_S)
        # Daemons: one that hangs on a dead file system must not keep the command from ending.
        threading.Thread(
            target=_learn, args=(name, source, given_s, results), name=name, daemon=True
        ).start()
    started = time.monotonic()
    learnt: dict[str, Known[Any] | Unlearnt] = {}
    while len(learnt) < len(sources):
        open_limits = [limits[name] for name in sources if name not in learnt]
        wait_s = started + max(open_limits) - time.monotonic()
        try:
            name, result = results.get(timeout=max(0.0, wait_s))
        except Empty:
            break
        learnt[name] = result
    for name in sources:
        learnt.setdefault(name, _late(name, limits[name]))
    return learnt


def _late(name: str, limit_s: float) -> Unlearnt:
    return Unlearnt(f"{name} took longer than {limit_s:.1f} s", limit_s * 1000, timed_out=True)


def _learn(
    name: str,
    source: Source,
    limit_s: float,
    results: SimpleQueue[tuple[str, Known[Any] | Unlearnt]],
) -> None:
    started = time.perf_counter()

    def took_ms() -> float:
        return (time.perf_counter() - started) * 1000

    try:
        results.put((name, Known(source(limit_s), took_ms())))
    except NotLearnt as error:
        results.put((name, Unlearnt(error.reason, took_ms(), timed_out=error.timed_out)))
    except Exception as error:  # noqa: BLE001  the last line of this thread
        results.put((name, Unlearnt(f"{type(error).__name__}: {error}", took_ms())))
