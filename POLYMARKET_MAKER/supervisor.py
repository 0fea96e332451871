"""Start, watch, restart and stop the strategy processes, around one aggregator.

One loop in one thread. Signals, console and time limits only leave a note; the loop
acts on it. The order of a turn is the order of the methods below.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.desk import Desk
from POLYMARKET_MAKER.errors import CannotStart, SupervisorExit
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.settings import Settings

TURN_S = 0.2
NO_TOKENS_EVERY_S = 60.0
AGGREGATOR_FAILED = "aggregator_failed"
"""Why a replay ends without its aggregator: nobody else can give its quotes."""
REPORT_EVERY_S = 1.0
SERVE_WAIT_S = 15.0
AGGREGATOR_RETRY_S = 60.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
RELOAD_SIGNAL = signal.SIGHUP


class Supervisor:
    """Runs until asked to stop; see :meth:`run`.

    Attributes:
        stop_reason: Why it stops; None while it does not.
        state: starting, running, stopping, ended.
        should_reload: Somebody asked to read the settings again; who does it takes it back.
        survivors: Orders of ours that were not proven gone at the end.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        aggregator: Aggregator | None,
        fleet: Fleet,
        desk: Desk,
        tokens: Callable[[], Iterable[str]],
        reports: Sequence[Callable[[Supervisor], None]] = (),
        chores: Sequence[Callable[[Supervisor], None]] = (),
        has_ended: Callable[[], bool] = lambda: False,
        make_aggregator: Callable[[], Aggregator] | None = None,
    ) -> None:
        """Put the parts together; nothing is started before :meth:`run`.

        Args:
            settings: What the operator set.
            clock: The clock.
            aggregator: Not started yet; None when each child has its own line.
            fleet: The strategy processes.
            desk: Access to the account.
            tokens: Returns the tokens to trade, in the order of their start.
            reports: Called once a second: status file, table on the terminal.
            chores: Called every turn, in this order: what the operator asks for, and upkeep.
            has_ended: Whether the source of quotes has ended by itself, as a recording does.
            make_aggregator: Makes another aggregator, for :meth:`restart_aggregator`.
        """
        self.settings = settings
        self.aggregator = aggregator
        self.fleet = fleet
        self.desk = desk
        self.stop_reason: str | None = None
        self.state = "starting"
        self.started_at = clock.now()
        self.survivors: frozenset[str] = frozenset()
        self.should_reload = False
        self._clock = clock
        self._tokens = tokens
        self._reports = reports
        self._chores = chores
        self._make_aggregator = make_aggregator
        self._has_ended = has_ended
        self._started_mono = clock.mono()
        self._reported_mono = float("-inf")
        self._subscribed: tuple[str, ...] | None = None
        self._aggregator_again_mono = float("-inf")

    @property
    def cache_path(self) -> Path:
        """Where the aggregator writes."""
        return self.settings.data_dir / "ws_cache.json"

    def stop(self, reason: str) -> None:
        """Ask the loop to stop, within a turn; from any thread or signal handler.

        A signal handler must not take a lock that the loop may hold: it only leaves a note.
        """
        self.stop_reason = self.stop_reason or reason

    def restart_aggregator(self) -> bool:
        """Replace the aggregator by a new one; return whether there is one to replace.

        Children notice a silent writer only after seconds, and follow the new one at once.

        Raises:
            CannotStart: It cannot run now, as on a full disk. It is tried again every
                minute; meanwhile children have lines of their own.
        """
        if self.aggregator is None or self._make_aggregator is None:
            return False
        self.aggregator.stop()
        self._subscribed = None
        self._aggregator_again_mono = self._clock.mono() + AGGREGATOR_RETRY_S
        self.aggregator = self._make_aggregator()
        self.aggregator.start(self.fleet.schedule.wants_quotes)
        return True

    def run(self) -> SupervisorExit:
        """Trade until asked to stop, then prove that nothing of ours is open.

        Raises:
            CannotStart: The aggregator cannot run on this machine.
        """
        numbers = (*STOP_SIGNALS, RELOAD_SIGNAL)
        previous = {number: signal.signal(number, self._on_signal) for number in numbers}
        if self.aggregator is not None:
            self.aggregator.start(self._tokens())
        try:
            self.state = "running"
            while self.stop_reason is None:
                self._turn()
                time.sleep(TURN_S)
        finally:
            # Whatever happened, no child is left behind and no order unattended.
            self._shut_down()
            for number, handler in previous.items():
                signal.signal(number, handler)
        if self.survivors:
            return SupervisorExit.ORDERS_OPEN
        is_fault = self.stop_reason == AGGREGATOR_FAILED
        return SupervisorExit.FAULT if is_fault else SupervisorExit.DONE

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == RELOAD_SIGNAL:
            self.should_reload = True
        else:
            self.stop(signal.Signals(number).name.lower())

    def _turn(self) -> None:
        for chore in self._chores:
            chore(self)
        self._check_time()
        self._heal_aggregator()
        self._take_tokens()
        self.fleet.reap()
        self.fleet.end_hung()
        if self.desk.is_ready() and not self._should_wait_for_quotes():
            # Decided anew for every child: the file is named only while it serves.
            serves = self.aggregator is not None and self.aggregator.serves
            self.fleet.start_next(self.cache_path if serves else None)
        self._report_if_due()

    def _check_time(self) -> None:
        limit_s = self.settings.options.seconds
        if limit_s is not None and self._clock.mono() - self._started_mono >= limit_s:
            self.stop("time_limit")
        elif self._has_ended():
            self.stop("source_ended")

    def _heal_aggregator(self) -> None:
        """Replace an aggregator that ended by itself, or could not be started anew.

        At once, then every minute. No child ends over it: they have lines of their own
        meanwhile, and come back.
        """
        if self.aggregator is None or not self.aggregator.failure:
            return
        if self._make_aggregator is None:
            self.stop(AGGREGATOR_FAILED)
        elif self._clock.mono() >= self._aggregator_again_mono:
            with suppress(CannotStart):  # it has said why
                self.restart_aggregator()

    def _take_tokens(self) -> None:
        self.fleet.offer(self._tokens())
        if not self.fleet.tasks and log.every(NO_TOKENS_EVERY_S, "no_tokens"):
            log.warning(
                "[WAIT]",
                "no token to trade: say --tokens, set `tokens` in global_config.json, "
                "or run copytrade_run.py",
                looked_at=str(self.settings.copytrade_tokens_path),
            )
        if self.aggregator is None or self.aggregator.failure:
            return
        # Those that wait are subscribed too, so that a child starts on data.
        wanted = self.fleet.schedule.wants_quotes
        if wanted != self._subscribed:
            self._subscribed = wanted
            self.aggregator.set_tokens(wanted)

    def _should_wait_for_quotes(self) -> bool:
        """Whether the first child should wait: a normal start opens one connection only."""
        if self.aggregator is None or self.aggregator.serves:
            return False
        return self._clock.mono() - self._started_mono < SERVE_WAIT_S

    def _report_if_due(self) -> None:
        mono = self._clock.mono()
        if mono - self._reported_mono >= REPORT_EVERY_S:
            self._reported_mono = mono
            self._report()

    def _report(self) -> None:
        for report in self._reports:
            report(self)

    def _shut_down(self) -> None:
        """End every child, then prove at the exchange that nothing of ours is open."""
        self.state = "stopping"
        log.info("[EXIT]", reason=self.stop_reason or "fault")
        self._report()
        self.fleet.terminate_all()
        deadline = self._clock.mono() + self.settings.scheduler.process_graceful_timeout_sec
        while not self.fleet.is_over() and self._clock.mono() < deadline:
            self._report_if_due()
            time.sleep(TURN_S)
            self.fleet.reap()
        self.fleet.kill_all()
        self.survivors = self.desk.cancel_all()
        if self.aggregator is not None:
            self.aggregator.stop()
        self.state = "ended"
        self._report()
        log.info("[DONE]", reason=self.stop_reason or "fault", open_orders=len(self.survivors))
