"""What the supervisor does in every turn besides its children: signals, rotation, settings, order.

Each part is asked in every turn and decides itself whether it is due.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.housekeeping import Housekeeping
from POLYMARKET_MAKER.outcome_watch import OutcomeWatch
from POLYMARKET_MAKER.remembered import Remembered
from POLYMARKET_MAKER.rotation import Rotation
from POLYMARKET_MAKER.selling import Selling
from POLYMARKET_MAKER.settings import Settings, reload_settings
from POLYMARKET_MAKER.settings_watch import SettingsWatch
from POLYMARKET_MAKER.source_process import SourceProcess
from POLYMARKET_MAKER.supervisor import Supervisor
from POLYMARKET_MAKER.tokens import Tokens, TokenSource
from POLYMARKET_MAKER.unattended import Unattended
from POLYMARKET_MAKER.webhook import Webhook

SOURCE_STOP_S = 5.0


class KnownTokens:
    """What to trade, by the settings in force and the token source's files.

    Args:
        settings: Where the files are, and the operator's own list.
        clock: The clock.
        only_these: The list alone counts, as for ``--tokens``, a demo or a replay.
    """

    def __init__(self, settings: Settings, clock: Clock, *, only_these: bool) -> None:
        self._clock = clock
        self._source = TokenSource(
            plain=settings.tokens,
            tokens_path=None if only_these else settings.copytrade_tokens_path,
            signals_path=None if only_these else settings.sell_signals_path,
        )

    def take_settings(self, settings: Settings) -> None:
        """Go on with another list; the files' places never change while it runs."""
        self._source.take_plain(settings.tokens)

    def read(self) -> Tokens:
        """Return what to trade now; a file that is not as it should be is told once a minute."""
        known = self._source.read(self._clock.mono())
        for problem in known.problems:
            if log.every(60, ("token_file", problem)):
                log.warning("[WARN]", problem, event="token_file")
        return known


class Reload:
    """Reads the settings again when somebody asks or a file changed: all of them or none.

    Args:
        paths: The files to watch.
        known: What to trade; told of the settings to go on with.
        takers: Told of them too.
    """

    def __init__(
        self, paths: list[Path], known: KnownTokens, *takers: Callable[[Settings], None]
    ) -> None:
        self._watch = SettingsWatch(paths)
        self._known = known
        self._takers = takers

    def turn(self, supervisor: Supervisor, clock: Clock) -> bool:
        """Return whether it was read again, in order or not."""
        has_changed = self._watch.has_changed(clock.mono())
        if not (has_changed or supervisor.should_reload):
            return False
        supervisor.should_reload = False
        try:
            found = reload_settings(supervisor.settings)
        except SettingsError as error:
            log.error("[ERROR]", event="reload_failed", reason=str(error))
            return True
        before, supervisor.settings = supervisor.settings, found.settings
        log.add_secret(*found.settings.secrets)
        for taker in (supervisor.fleet.take_settings, self._known.take_settings, *self._takers):
            taker(found.settings)
        for change in found.changes:
            log.info("[INIT]", str(change), event="setting")
        for warning in found.settings.warnings:
            log.warning("[INIT]", warning)
        for token_id in set(before.tokens) - self._known.read().wanted:
            supervisor.fleet.leave(token_id)
        if found.settings.risk != before.risk:
            _tighten(supervisor)
        log.info("[INIT]", event="reloaded", changes=len(found.changes))
        return True

    def close(self) -> None:
        """End the watcher's thread."""
        self._watch.close()


def _tighten(supervisor: Supervisor) -> None:
    """Start every child anew under a lower limit: what it has open is cancelled at once."""
    children = [child.token_id for child in supervisor.fleet.children()]
    log.warning("[RISK]", event="limits_lowered", restarting=len(children))
    for token_id in children:
        supervisor.fleet.start_anew(token_id)


class Upkeep:
    """All of it together; call it once a turn, and :meth:`close` at the end.

    Attributes:
        source: The token source's process; None when it is not ours to run.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        known: KnownTokens,
        memory: Remembered,
        clock: Clock,
        *,
        webhook: Webhook,
        source: SourceProcess | None,
        can_reload: bool,
    ) -> None:
        """Put the parts together.

        Args:
            supervisor: Not started yet.
            known: What to trade.
            memory: What outlives the supervisor.
            clock: The clock.
            webhook: Gets its address from the settings.
            source: The token source's process, not started yet.
            can_reload: False where the settings are made up, as in a demo.
        """
        settings, fleet = supervisor.settings, supervisor.fleet
        data_dir = settings.data_dir
        self.source = source
        self._known = known
        self._clock = clock
        self._webhook = webhook
        self._selling = Selling(data_dir, fleet, supervisor.desk, memory, clock)
        self._rotation = Rotation(data_dir, fleet, clock)
        self._outcome = OutcomeWatch(data_dir, clock)
        is_paper = settings.credentials is None  # whose orders end with the process
        self._unattended = None if is_paper else Unattended(fleet, supervisor.desk, clock)
        self._housekeeping = Housekeeping(
            data_dir,
            settings.log_dir,
            in_use=lambda: fleet.schedule.wants_quotes,
            clock=clock,
        )
        paths = [
            *(settings.options.global_config, settings.options.strategy_config),
            *(settings.options.run_config_template, settings.copytrade_config_path),
        ]
        self._reload = Reload(paths, known, self._take_settings) if can_reload else None

    def turn(self, supervisor: Supervisor) -> None:
        """Do what is due."""
        was_read = self._reload is not None and self._reload.turn(supervisor, self._clock)
        if self.source is not None:
            if was_read:
                self.source.reload()
            self.source.turn()
        known = self._known.read()
        if known.are_signals_known:  # else none can be called cleared, either
            self._selling.turn(known.signals)
        self._rotation.turn()
        if self._unattended is not None:
            self._unattended.turn()
        fleet = supervisor.fleet
        statuses = {token: fleet.tasks[token].status for token in fleet.schedule.wants_quotes}
        self._outcome.look(statuses, warn_h=supervisor.settings.alerts.no_order_warn_h)
        self._housekeeping.work()

    def status(self) -> dict[str, object]:
        """Return what goes into the supervisor's status file."""
        off = {"state": "off", "pid": None, "exit_code": None}
        return {"token_source": off if self.source is None else self.source.as_dict()}

    def close(self) -> None:
        """End what it runs."""
        if self.source is not None:
            self.source.close(SOURCE_STOP_S)
        if self._reload is not None:
            self._reload.close()

    def _take_settings(self, settings: Settings) -> None:
        self._webhook.url = settings.alerts.webhook_url
