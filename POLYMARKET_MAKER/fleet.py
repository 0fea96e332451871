"""All strategy processes: which runs, which waits, what follows when one ends.

What is decided stands in ``core.schedule`` and ``core.restart``; here are the processes.
Call everything from one thread that lives as long as the supervisor.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.children import Child, start_child
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import restart
from POLYMARKET_MAKER.core.schedule import Lane, Limits, Outcome, Schedule, Start
from POLYMARKET_MAKER.desk import Desk
from POLYMARKET_MAKER.remembered import ExitRecord, Remembered
from POLYMARKET_MAKER.settings import Settings, build_run_params
from POLYMARKET_MAKER.tasks import Task
from polyshared import write_atomic

START_RETRY_S = 5.0
CLEAR_LOOK_S = 0.2


class Fleet:
    """The strategy processes of one supervisor.

    Attributes:
        tasks: Every token that was ever wanted, by its id.
        schedule: Where every token is.
    """

    def __init__(self, settings: Settings, desk: Desk, memory: Remembered, clock: Clock) -> None:
        """Start nothing yet."""
        self.tasks: dict[str, Task] = {}
        self._settings = settings
        self._desk = desk
        self._memory = memory
        self._clock = clock
        scheduler = settings.scheduler
        limits = Limits(
            max_trading=scheduler.max_concurrent_tasks,
            max_exiting=scheduler.max_exit_cleanup_tasks,
            spacing_s=clock.real_s(scheduler.topic_start_cooldown_sec),
            exit_spacing_s=clock.real_s(scheduler.exit_start_stagger_sec),
        )
        self.schedule = Schedule(limits, finished=memory.finished, handled=memory.handled)

    def offer(self, token_ids: Iterable[str]) -> None:
        """Queue the tokens that are not known yet."""
        self.schedule = self.schedule.offer(token_ids)
        for token_id in self.schedule.wants_quotes:
            self.tasks.setdefault(token_id, Task(token_id))

    def children(self) -> Iterator[Child]:
        """Return every process that has not been reaped."""
        return (task.child for task in self.tasks.values() if task.child is not None)

    def start_next(self, shared_cache: Path | None) -> None:
        """Start the child whose turn it is, if there is one.

        Args:
            shared_cache: The aggregator's file when it serves at this moment, else None.
        """
        mono = self._clock.mono()
        turn = self._next_turn(mono)
        if turn is None:
            return
        try:
            child = self._start(turn, shared_cache, mono)
        except OSError as error:
            log.error("[START]", event="start_failed", token=turn.token_id, reason=str(error))
            self.schedule = self.schedule.failed(turn.token_id, mono, after_s=START_RETRY_S)
            return
        jitter_s = random.uniform(0, self._settings.scheduler.process_stagger_max_sec)  # noqa: S311
        self.schedule = self.schedule.started(
            turn.token_id, mono, jitter_s=self._clock.real_s(jitter_s)
        )
        self.tasks[turn.token_id].started(child)
        with _told_if_not_written():
            self._memory.note_started(turn.token_id, self._clock.now())

    def _next_turn(self, mono: float) -> Start | None:
        """Return whose turn it is; a token whose last child's orders are not gone waits."""
        while (turn := self.schedule.next_start(mono)) is not None:
            if self._desk.is_clear(turn.token_id):
                return turn
            self.schedule = self.schedule.failed(turn.token_id, mono, after_s=CLEAR_LOOK_S)
        return None

    def reap(self) -> None:
        """Take note of children that have ended, have cancelled what they left, decide on."""
        for task in self.tasks.values():
            code = task.child.exit_code() if task.child is not None else None
            if code is not None:
                self._ended(task, code)

    def stop(self, token_id: str) -> bool:
        """End the child of a token for good; return whether the token is known."""
        task = self.tasks.get(token_id)
        if task is None:
            return False
        self.schedule = self.schedule.stop(token_id)
        if task.child is not None:
            task.child.terminate()
        else:
            task.stopped()
        return True

    def terminate_all(self) -> None:
        """Ask every child to cancel and end."""
        for child in self.children():
            child.terminate()

    def kill_all(self) -> None:
        """End what did not end when it was asked, and take note of all of them."""
        left = [child for child in self.children() if child.exit_code() is None]
        if left:
            log.error("[EXIT]", event="killed", pids=[child.pid for child in left])
        for child in left:
            child.kill()
        for child in self.children():
            child.process.wait()
        self.reap()

    def _start(self, turn: Start, shared_cache: Path | None, mono: float) -> Child:
        settings = self._settings
        is_exit = turn.lane is Lane.EXIT
        config_path = settings.data_dir / f"run_params_{turn.token_id}.json"
        run_params = build_run_params(settings, turn.token_id, exit_only=is_exit)
        write_atomic(config_path, msgspec.json.format(msgspec.json.encode(run_params), indent=2))
        name = f"autorun_exit_{turn.token_id}.log" if is_exit else f"autorun_{turn.token_id}.log"
        child = start_child(
            turn.token_id,
            config_path=config_path,
            log_path=settings.log_dir / name,
            env=self._desk.child_environment(shared_cache),
            shared_cache=shared_cache,
            now_mono=mono,
        )
        log.info(
            "[START]",
            topic=turn.token_id,
            pid=child.pid,
            src=child.source_at_start,
            log=child.log_path.name,
        )
        return child

    def _ended(self, task: Task, code: int) -> None:
        assert task.child is not None
        self._desk.clear(task.token_id)
        mono = self._clock.mono()
        task.history, verdict = restart.judge(
            code,
            mono - task.child.started_mono,
            task.history,
            mono,
            asked=task.child.stopping,
            jitter=random.random(),  # noqa: S311 - spreads restarts, guards nothing
        )
        log.info(
            "[CHILD]", token=task.token_id, pid=task.child.pid, code=code, reason=verdict.reason
        )
        task.ended(code, verdict)
        self._place(task.token_id, verdict, mono)

    def _place(self, token_id: str, verdict: restart.Verdict, mono: float) -> None:
        """Put the token where the verdict on its child wants it."""
        match verdict:
            case restart.Restart(wait_s) | restart.Quarantine(wait_s):
                self.schedule = self.schedule.ended(
                    token_id, Outcome.AGAIN, mono, after_s=self._clock.real_s(wait_s)
                )
            case restart.Stop("asked" | "done"):
                self.schedule = self.schedule.ended(token_id, Outcome.DONE, mono)
            case restart.Stop(reason):
                self.schedule = self.schedule.ended(token_id, Outcome.FINAL, mono, reason=reason)
                is_closed = reason == "market_closed"
                record = ExitRecord(token_id, self._clock.now(), reason.upper(), not is_closed)
                with _told_if_not_written():
                    self._memory.note_exit(record)


@contextmanager
def _told_if_not_written() -> Iterator[None]:
    """Let a full disk be a line in the log: the memory keeps it, the next note writes it."""
    try:
        yield
    except OSError as error:
        log.error("[RUN]", event="not_remembered", reason=str(error))
