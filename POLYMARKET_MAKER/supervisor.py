"""Start, watch, restart and stop the strategy processes, around one aggregator.

One loop in one thread. Signals, console and time limits only leave a note; the loop
acts on it. The order of a turn is the order of the methods below.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Protocol

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.children import start_child
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import restart
from POLYMARKET_MAKER.errors import SupervisorExit
from POLYMARKET_MAKER.settings import Settings, build_run_params
from POLYMARKET_MAKER.tasks import Task
from polyshared import write_atomic

TURN_S = 0.2
REPORT_EVERY_S = 1.0
SERVE_WAIT_S = 15.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Desk(Protocol):
    """The supervisor's access to the account: credentials for children, and the last proof."""

    def is_ready(self) -> bool:
        """Whether children can be given what they trade with; begins to get it when not."""
        ...

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        """Return the environment of a child that trades."""
        ...

    def cancel_all(self, token_id: str | None = None) -> frozenset[str]:
        """Cancel what the ledger knows as open and return the ids that are not proven gone."""
        ...


class Supervisor:
    """Runs until asked to stop; see :meth:`run`.

    Attributes:
        tasks: Every token that was ever wanted, by its id.
        stop_reason: Why it stops; None while it does not.
        state: starting, running, stopping, ended.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        aggregator: Aggregator | None,
        desk: Desk,
        tokens: Callable[[], Iterable[str]],
        report: Callable[[Supervisor], None],
        has_ended: Callable[[], bool] = lambda: False,
    ) -> None:
        """Put the parts together; nothing is started before :meth:`run`.

        Args:
            settings: What the operator set.
            clock: The clock.
            aggregator: Not started yet; None when each child has its own line.
            desk: Access to the account.
            tokens: Returns the tokens to trade, in the order of their start.
            report: Called once a second: status file, table on the terminal.
            has_ended: Whether the source of quotes has ended by itself, as a recording does.
        """
        self.settings = settings
        self.aggregator = aggregator
        self.tasks: dict[str, Task] = {}
        self.stop_reason: str | None = None
        self.state = "starting"
        self.started_at = clock.now()
        self._clock = clock
        self._desk = desk
        self._tokens = tokens
        self._report = report
        self._has_ended = has_ended
        self._wake = threading.Event()
        self._started_mono = clock.mono()
        self._next_start_mono = 0.0
        self._reported_mono = float("-inf")
        self._survivors: frozenset[str] = frozenset()

    @property
    def cache_path(self) -> Path:
        """Where the aggregator writes."""
        return self.settings.data_dir / "ws_cache.json"

    @property
    def survivors(self) -> frozenset[str]:
        """Orders of ours that were not proven gone at the end."""
        return self._survivors

    def stop(self, reason: str) -> None:
        """Ask the loop to stop; from any thread or signal handler."""
        self.stop_reason = self.stop_reason or reason
        self._wake.set()

    def run(self) -> SupervisorExit:
        """Trade until asked to stop, then prove that nothing of ours is open.

        Raises:
            CannotStart: The aggregator cannot run on this machine.
        """
        previous = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        if self.aggregator is not None:
            self.aggregator.start(self._tokens())
        try:
            self.state = "running"
            while self.stop_reason is None:
                self._turn()
                self._wake.wait(TURN_S)
                self._wake.clear()
        finally:
            # Whatever happened, no child is left behind and no order unattended.
            self._shut_down()
            for number, handler in previous.items():
                signal.signal(number, handler)
        return SupervisorExit.ORDERS_OPEN if self._survivors else SupervisorExit.DONE

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.stop(signal.Signals(number).name.lower())

    def _turn(self) -> None:
        self._check_time()
        self._take_tokens()
        self._reap()
        self._start_next()
        self._report_if_due()

    def _check_time(self) -> None:
        limit_s = self.settings.options.seconds
        if limit_s is not None and self._clock.mono() - self._started_mono >= limit_s:
            self.stop("time_limit")
        elif self._has_ended():
            self.stop("source_ended")
        elif self.aggregator is not None and self.aggregator.failure:
            log.error("[WS]", event="aggregator_failed", reason=self.aggregator.failure)
            self.stop("aggregator_failed")

    def _take_tokens(self) -> None:
        for token_id in self._tokens():
            self.tasks.setdefault(token_id, Task(token_id))
        if self.aggregator is not None:
            # Pending tokens are subscribed early, so that a child starts on data.
            self.aggregator.set_tokens(
                token_id for token_id, task in self.tasks.items() if task.wants_quotes
            )

    def _reap(self) -> None:
        """Take note of children that ended, cancel what they left, and decide what follows."""
        for task in self.tasks.values():
            code = task.child.exit_code() if task.child is not None else None
            if task.child is None or code is None:
                continue
            log.info("[EXIT]", token=task.token_id, pid=task.child.pid, code=code)
            left = self._desk.cancel_all(task.token_id) if code != restart.Code.DONE else ()
            if left:
                log.error("[ORDER]", event="left_open", token=task.token_id, orders=sorted(left))
            self._judge(task, code)

    def _judge(self, task: Task, code: int) -> None:
        assert task.child is not None
        mono = self._clock.mono()
        task.history, verdict = restart.judge(
            code,
            mono - task.child.started_mono,
            task.history,
            mono,
            asked=task.child.stopping,
            jitter=random.random(),  # noqa: S311 - spreads restarts, guards nothing
        )
        task.ended(code, verdict, mono)
        log.info("[CHILD]", token=task.token_id, status=task.status, reason=verdict.reason)

    def _start_next(self) -> None:
        """Start at most one child: the first in the queue whose time has come."""
        mono = self._clock.mono()
        running = sum(task.child is not None for task in self.tasks.values())
        if (
            mono < self._next_start_mono
            or running >= self.settings.scheduler.max_concurrent_tasks
            or not self._desk.is_ready()
            or self._should_wait_for_quotes(mono)
        ):
            return
        for task in self.tasks.values():
            if task.may_start(mono):
                self._start(task, mono)
                spacing_s = self.settings.scheduler.topic_start_cooldown_sec
                self._next_start_mono = mono + self._clock.real_s(spacing_s)
                return

    def _should_wait_for_quotes(self, mono: float) -> bool:
        """Whether the first child should wait: a normal start opens one connection only."""
        if self.aggregator is None or self.aggregator.serves:
            return False
        return mono - self._started_mono < SERVE_WAIT_S

    def _start(self, task: Task, mono: float) -> None:
        settings = self.settings
        serves = self.aggregator is not None and self.aggregator.serves
        shared_cache = self.cache_path if serves else None
        config_path = settings.data_dir / f"run_params_{task.token_id}.json"
        log_path = settings.log_dir / f"autorun_{task.token_id}.log"
        try:
            write_atomic(
                config_path, msgspec.json.encode(build_run_params(settings, task.token_id))
            )
            child = start_child(
                task.token_id,
                config_path=config_path,
                log_path=log_path,
                env=self._desk.child_environment(shared_cache),
                shared_cache=shared_cache,
                now_mono=mono,
            )
        except OSError as error:
            task.not_before_mono = mono + settings.scheduler.topic_start_cooldown_sec
            log.error("[START]", event="start_failed", token=task.token_id, reason=str(error))
            return
        task.started(child)
        log.info(
            "[START]",
            topic=task.token_id,
            pid=child.pid,
            src=child.source_at_start,
            log=str(log_path),
        )

    def _report_if_due(self) -> None:
        mono = self._clock.mono()
        if mono - self._reported_mono >= REPORT_EVERY_S:
            self._reported_mono = mono
            self._report(self)

    def _shut_down(self) -> None:
        """End every child, then prove at the exchange that nothing of ours is open."""
        self.state = "stopping"
        log.info("[EXIT]", reason=self.stop_reason or "fault")
        children = [task.child for task in self.tasks.values() if task.child is not None]
        for child in children:
            child.terminate()
        deadline = self._clock.mono() + self.settings.scheduler.process_graceful_timeout_sec
        while any(child.exit_code() is None for child in children):
            if self._clock.mono() >= deadline:
                log.error(
                    "[EXIT]",
                    event="killed",
                    pids=[c.pid for c in children if c.exit_code() is None],
                )
                break
            self._report_if_due()
            self._wake.wait(TURN_S)
            self._wake.clear()
        for child in children:
            child.kill()
        for task in self.tasks.values():
            if task.child is not None:
                self._judge(task, task.child.process.wait())
        self._survivors = self._desk.cancel_all()
        if self.aggregator is not None:
            self.aggregator.stop()
        self.state = "ended"
        self._report(self)
