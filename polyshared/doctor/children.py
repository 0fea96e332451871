"""The strategy processes of one data directory: what they say, and what the machine says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from polyshared import _clock
from polyshared.doctor import processes
from polyshared.doctor.processes import Life, Process
from polyshared.doctor.statusfiles import (
    ChildStatus,
    Supervisor,
    Task,
    Unreadable,
    read_children,
    read_supervisor,
)

STARTING_S = 15.0  # a child that has not written yet has this long
SECOND_LOOK_S = 1.5  # the supervisor writes once a second: it may not know yet


@dataclass(frozen=True, slots=True)
class Child:
    """One token's process.

    Attributes:
        token_id: The token.
        task: What the supervisor says of it; None when it does not know it.
        status: What it says itself; None when it has not said anything.
        process: What the machine says; None when nobody names a process.
        age_s: Age of its status; infinite without one.
        cache_variable: POLY_WS_SHARED_CACHE in its environment.
        cache_known: Whether its environment could be read.
    """

    token_id: str
    task: Task | None
    status: ChildStatus | Unreadable | None
    process: Process | None
    age_s: float
    running_s: float
    cache_variable: str | None = None
    cache_known: bool = False

    @property
    def said(self) -> ChildStatus | None:
        """What the process that runs now says; None when it is not its own word."""
        if not isinstance(self.status, ChildStatus) or self.process is None:
            return None
        return self.status if self.status.pid == self.process.pid else None

    @property
    def should_run(self) -> bool:
        return self.task is not None and self.task.status == "running"

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.life.is_alive

    @property
    def is_stopped(self) -> bool:
        return self.process is not None and self.process.life is Life.STOPPED

    @property
    def is_starting(self) -> bool:
        return self.is_alive and self.said is None and self.running_s <= STARTING_S


@dataclass(frozen=True, slots=True)
class Children:
    """All of them.

    Attributes:
        known: Those of the supervisor's tasks, in its order.
        orphans: Running processes of this data directory that no living supervisor started.
    """

    known: tuple[Child, ...]
    orphans: tuple[processes.Script, ...]


def look(data_dir: Path, supervisor: Supervisor | None, *, token: str | None) -> Children:
    """Look at all children; once more, a moment later, when one that should run is gone.

    Args:
        data_dir: Theirs.
        supervisor: The living supervisor's status; None when none lives.
        token: Only this one.
    """
    found = _look(data_dir, supervisor, token)
    if supervisor is not None and any(c.should_run and not c.is_alive for c in found.known):
        time.sleep(SECOND_LOOK_S)
        newer = read_supervisor(data_dir)
        found = _look(data_dir, newer if isinstance(newer, Supervisor) else supervisor, token)
    return found


def _look(data_dir: Path, supervisor: Supervisor | None, token: str | None) -> Children:
    tasks = {} if supervisor is None else supervisor.tasks
    statuses = read_children(data_dir)
    names = [name for name in tasks if token is None or name == token]
    if supervisor is None:
        names = [name for name in statuses if token is None or name == token]
    known = tuple(_child(name, tasks.get(name), statuses.get(name)) for name in names)
    return Children(known, tuple(_orphans(data_dir, supervisor, known)))


def _child(token_id: str, task: Task | None, status: ChildStatus | Unreadable | None) -> Child:
    said = status if isinstance(status, ChildStatus) else None
    pid = _pid(task, said)
    if pid is None:
        return Child(token_id, task, status, None, float("inf"), 0.0)
    start = said.pid_started_s if said is not None and said.pid == pid else None
    process = processes.look_up(pid, start)
    now = _clock.boot_s()
    variable, known = _cache_variable(process)
    return Child(
        token_id=token_id,
        task=task,
        status=status,
        process=process,
        age_s=float("inf") if said is None else max(0.0, now - said.boottime_s),
        running_s=0.0 if process.started_s is None else now - process.started_s,
        cache_variable=variable,
        cache_known=known,
    )


def _pid(task: Task | None, said: ChildStatus | None) -> int | None:
    """Return the process to look at: the supervisor's word counts before the child's own."""
    if task is not None and task.pid is not None:
        return task.pid
    return None if said is None else said.pid


def _cache_variable(process: Process) -> tuple[str | None, bool]:
    if not process.life.is_alive:
        return None, False
    try:
        return processes.shared_cache_of(process.pid), True
    except psutil.Error:
        return None, False


def _orphans(
    data_dir: Path, supervisor: Supervisor | None, known: tuple[Child, ...]
) -> list[processes.Script]:
    """Return running children whose run_params lie here and that no supervisor answers for."""
    theirs = {child.process.pid for child in known if child.process is not None}
    here = data_dir.resolve()
    return [
        script
        for script in processes.running_scripts(processes.CHILD_SCRIPT)
        if script.arguments
        and Path(script.arguments[0]).parent.resolve() == here
        and (supervisor is None or (script.pid not in theirs and script.parent != supervisor.pid))
    ]
