"""Put the supervisor together for one run: exchange or recording, children, reports, console."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from queue import SimpleQueue

import msgspec

from POLYMARKET_MAKER import VERSION, demo, log
from POLYMARKET_MAKER.account_desk import AccountDesk
from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.brakes import Brakes
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.console import Command, Console, LiveView, Verb, parse_command
from POLYMARKET_MAKER.desk import Desk
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.handover import MARKETS_FILE
from POLYMARKET_MAKER.lines import market_lines
from POLYMARKET_MAKER.operator_desk import OperatorDesk
from POLYMARKET_MAKER.orphans import Orphans
from POLYMARKET_MAKER.recording import Recorder
from POLYMARKET_MAKER.remembered import Remembered
from POLYMARKET_MAKER.replay import Replay
from POLYMARKET_MAKER.replay_markets import markets_of
from POLYMARKET_MAKER.settings import Settings
from POLYMARKET_MAKER.settings.groups import SupervisorLoss
from POLYMARKET_MAKER.source_process import SourceProcess
from POLYMARKET_MAKER.summary import print_summary
from POLYMARKET_MAKER.supervisor import Supervisor
from POLYMARKET_MAKER.supervisor_status import StatusFile
from POLYMARKET_MAKER.switchboard import TOKENS_PER_LINE
from POLYMARKET_MAKER.systemd import ServiceManager
from POLYMARKET_MAKER.upkeep import KnownTokens, Upkeep
from POLYMARKET_MAKER.webhook import Webhook
from polyshared import write_atomic

ALL_TOKENS = 10**9
"""Tokens on a replay's only line: a recording has what it has."""


class Assembly:
    """The parts of one run; what is opened is closed by the stack, last first."""

    def __init__(
        self,
        settings: Settings,
        stack: ExitStack,
        clock: Clock,
        *,
        make_desk: Callable[[Settings], Desk],
    ) -> None:
        """Start nothing yet.

        Args:
            settings: As they were read; a demo or a replay changes some of them.
            stack: Closes what is opened here.
            clock: The clock.
            make_desk: Makes the access to the account.
        """
        self._settings = settings
        self._stack = stack
        self._clock = clock
        self._make_desk = make_desk
        self._views = ExitStack()  # what shows on the terminal while it runs
        self._demo: demo.DemoExchange | None = None
        self._replay: Replay | None = None

    def trade(self) -> int:
        """Trade until asked to stop, and return the exit code."""
        self._prepare_mode()
        settings = self._settings
        desk = self._make_desk(settings)
        memory = Remembered(
            handled_path=settings.handled_topics_path,
            exits_path=settings.data_dir / "exit_tokens.json",
        )
        known = self._known_tokens()
        commands: SimpleQueue[Command] = SimpleQueue()
        operator = OperatorDesk(commands, Brakes(settings.data_dir), settings.data_dir, self._clock)
        chores: list[Callable[[Supervisor], None]] = [operator.act]
        reports: list[Callable[[Supervisor], None]] = []
        make_aggregator = self._aggregator_maker()
        supervisor = Supervisor(
            settings,
            clock=self._clock,
            aggregator=make_aggregator() if make_aggregator else None,
            fleet=Fleet(settings, desk, memory, self._clock, self._orphans()),
            desk=desk,
            tokens=lambda: known.read().token_ids,
            reports=reports,
            chores=chores,
            has_ended=self._replay.finished.is_set if self._replay else lambda: False,
            make_aggregator=None if self._replay else make_aggregator,
        )
        upkeep = self._upkeep(supervisor, known, memory)
        chores.append(upkeep.turn)
        reports += self._reports(operator, upkeep)
        log.info(
            "[INIT]",
            mode=settings.mode,
            version=VERSION,
            tokens=len(settings.tokens),
            data=str(settings.data_dir),
            max_notional_per_token=settings.risk.max_notional_per_token,
            max_notional_total=settings.risk.max_notional_total,
            max_daily_loss=settings.risk.max_daily_loss,
        )
        self._open_console(commands, supervisor)
        try:
            with self._views:
                code = supervisor.run()
        finally:  # an exchange that refuses us ends it with another code, and shows nothing
            for order_id in sorted(supervisor.survivors):
                sys.stderr.write(f"may still be open: {order_id}\n")
        if self._demo is not None and isinstance(desk, AccountDesk):
            print_summary(supervisor, desk, self._demo)
        return code

    @property
    def _is_made_up(self) -> bool:
        """Whether the tokens are those of a demo or a replay, not the operator's."""
        return bool(self._demo or self._replay)

    def _known_tokens(self) -> KnownTokens:
        """Return where the tokens come from: this run's own list, and the token files."""
        only_these = bool(self._settings.options.tokens) or self._is_made_up
        return KnownTokens(self._settings, self._clock, only_these=only_these)

    def _orphans(self) -> Orphans:
        scheduler = self._settings.scheduler
        return Orphans(
            self._settings.data_dir,
            self._clock,
            grace_s=scheduler.process_graceful_timeout_sec,
            adopts=scheduler.on_supervisor_loss is SupervisorLoss.CONTINUE,
        )

    def _upkeep(self, supervisor: Supervisor, known: KnownTokens, memory: Remembered) -> Upkeep:
        settings = self._settings
        url = settings.alerts.webhook_url
        webhook = Webhook(url, mode=settings.run_name, clock=self._clock)
        self._stack.callback(webhook.close)
        log.listen(webhook.take)
        self._stack.callback(log.listen, None)
        has_source = settings.copytrade.autostart and not (
            settings.options.tokens or self._is_made_up
        )
        upkeep = Upkeep(
            supervisor,
            known,
            memory,
            self._clock,
            webhook=webhook,
            source=SourceProcess(settings, os.environ, self._clock) if has_source else None,
            can_reload=not self._is_made_up,
        )
        self._stack.callback(upkeep.close)
        return upkeep

    def _reports(
        self, operator: OperatorDesk, upkeep: Upkeep
    ) -> Iterator[Callable[[Supervisor], None]]:
        """Return what is told each second: status file, systemd, and in a demo the live table."""
        status = StatusFile(self._settings.status_path, self._clock, more=upkeep.status)
        yield lambda supervisor: status.write(supervisor, supervisor.state)
        yield ServiceManager(os.environ).report
        if self._is_made_up:
            view = self._views.enter_context(LiveView())
            yield lambda supervisor: view.show(
                operator.rows(supervisor.fleet.tasks),
                now=self._clock.mono(),
                title=self._settings.run_name,
            )

    def _open_console(self, commands: SimpleQueue[Command], supervisor: Supervisor) -> None:
        """Take the commands of the command line, and open the console where there is none."""
        options = self._settings.options
        for text in options.commands:
            command = parse_command(text)
            if command is not None:
                commands.put(command)
        if options.has_console and not self._is_made_up:
            console = Console(
                commands,
                label=self._settings.mode,
                tokens=lambda: list(supervisor.fleet.tasks),
                question=_question,
            )
            if console.open():
                self._stack.callback(console.close)

    def _prepare_mode(self) -> None:
        """Start the offline exchange, or read the recording, that this run trades on."""
        options = self._settings.options
        if options.replay is not None:
            self._replay = Replay(options.replay, speed=options.replay_speed, clock=self._clock)
            demo.forget_last_run(self._settings.data_dir, self._settings.run_name)
            settings = demo.without_start_spacing(self._settings)
            self._settings = replace(settings, tokens=self._replay.tokens)
            markets = {market.token_id: market for market in markets_of(options.replay)}
            path = self._settings.data_dir / MARKETS_FILE
            write_atomic(path, msgspec.json.encode(markets))
        elif self._settings.mode.value == "demo":
            self._demo = demo.DemoExchange(clock_scale=self._settings.clock_scale)
            self._stack.callback(self._demo.close)
            demo.forget_last_run(self._settings.data_dir, self._settings.run_name)
            self._settings = demo.settings_for(self._settings, self._demo)
            log.add_secret(*self._settings.secrets)

    def _aggregator_maker(self) -> Callable[[], Aggregator] | None:
        settings = self._settings
        # Also without an aggregator: a child's own line needs the same package.
        lines = market_lines(settings.urls.ws_market, self._clock)
        if not settings.feed.ws_shared:
            return None
        recorder = None
        if settings.options.record is not None:
            recorder = Recorder(settings.options.record)
            self._stack.callback(recorder.close)
        replay = self._replay
        reads = None if replay else self._market_reads()
        return lambda: Aggregator(
            settings.data_dir / "ws_cache.json",
            replay.open_line if replay else lines,
            clock=self._clock,
            mono=replay.mono if replay else None,
            flush_interval_s=settings.feed.ws_cache_flush_min_interval_sec,
            recorder=recorder,
            reads=reads,
            version=VERSION,
            tokens_per_line=ALL_TOKENS if replay else TOKENS_PER_LINE,
        )

    def _market_reads(self) -> Public:
        """Return where a second opinion of a quiet token is read."""
        http = Http()
        self._stack.callback(http.close)
        urls = self._settings.urls
        return Public(http, clob_url=urls.clob, gamma_url=urls.gamma)


def _question(command: Command) -> str | None:
    """Return what must be asked before a command is carried out."""
    if command.verb is Verb.RESUME and command.token is None:
        return "trade again everywhere, also after a kill?"
    return None
