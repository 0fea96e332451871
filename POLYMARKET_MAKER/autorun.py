"""Run the program: options → settings → an errand, or trading → exit code."""

from __future__ import annotations

import functools
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from POLYMARKET_MAKER import errands, flatten, log
from POLYMARKET_MAKER.account_desk import AccountDesk
from POLYMARKET_MAKER.assembly import Assembly
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.desk import Desk, PaperDesk
from POLYMARKET_MAKER.errors import (
    CannotStart,
    LedgerError,
    LedgerMismatch,
    MakerError,
    SettingsError,
    SupervisorExit,
    UsageError,
    VenueRefused,
    VenueUnreachable,
)
from POLYMARKET_MAKER.handover import SUPERVISOR_LOCK
from POLYMARKET_MAKER.orphans import find_strangers
from POLYMARKET_MAKER.publisher import NOT_STARTED
from POLYMARKET_MAKER.settings import Settings, load_settings, parse_options
from POLYMARKET_MAKER.settings.groups import SupervisorLoss

_EXIT_OF: tuple[tuple[type[MakerError], SupervisorExit], ...] = (
    (UsageError, SupervisorExit.USAGE),
    (SettingsError, SupervisorExit.SETTINGS),
    (VenueRefused, SupervisorExit.SETTINGS),
    (LedgerMismatch, SupervisorExit.SETTINGS),
    (LedgerError, SupervisorExit.CANNOT_START),
    (CannotStart, SupervisorExit.CANNOT_START),
    (VenueUnreachable, SupervisorExit.ORDERS_OPEN),
)


def run(arguments: list[str]) -> int:
    """Run the program and return its exit code; see ``poly_maker_autorun.py``."""
    log.configure(stream="stdout")
    log.catch_uncaught()
    try:
        settings = load_settings(env=os.environ, options=parse_options(arguments))
        with ExitStack() as stack:
            return _Run(settings, stack).run()
    except MakerError as error:
        known = (code for kind, code in _EXIT_OF if isinstance(error, kind))
        code = next(known, SupervisorExit.FAULT)
        print(error, file=sys.stderr)
        return code


class _Run:
    """One run of the program; what it opens is closed by the stack, last first."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._clock = Clock(settings.clock_scale)

    def run(self) -> int:
        options = self._settings.options
        if options.show_config:
            return errands.show_config(self._settings)
        if options.pnl:
            return errands.show_pnl(self._settings, options.csv)
        self._refuse_contradictions()
        self._claim_directories()
        if options.cancel_open:
            desk = self._desk(self._settings)
            who_trades = functools.partial(find_strangers, self._settings.data_dir)
            return errands.cancel_open(desk.connect, desk.cancel_all, who_trades)
        self._open_log()
        if options.flatten:
            desk = self._account_desk(self._settings)
            return flatten.flatten(self._settings, desk, self._clock)
        return Assembly(self._settings, self._stack, self._clock, make_desk=self._desk).trade()

    def _refuse_contradictions(self) -> None:
        """Refuse what cannot both be: the switch would cancel the orders of who trades on, say.

        Raises:
            UsageError: They contradict each other.
        """
        settings = self._settings
        trades_on = settings.scheduler.on_supervisor_loss is SupervisorLoss.CONTINUE
        if trades_on and settings.risk.dead_man:
            raise UsageError(
                "on_supervisor_loss: continue and dead_man contradict each other: without the"
                " supervisor's heartbeat the exchange cancels every order; turn one of them off"
            )
        if settings.options.flatten:
            flatten.refuse_contradictions(settings)

    def _desk(self, settings: Settings) -> Desk:
        """Return access to the account; *settings* are those of a demo's exchange, in a demo."""
        if settings.credentials is None:
            paper = PaperDesk(settings, os.environ)
            self._stack.callback(paper.close)
            return paper
        return self._account_desk(settings)

    def _account_desk(self, settings: Settings) -> AccountDesk:
        desk = AccountDesk(settings, os.environ, self._clock)
        self._stack.callback(desk.close)
        return desk

    def _claim_directories(self) -> None:
        """Make the directories and be the only supervisor that uses them."""
        data = self._settings.data_dir
        try:
            for directory in (data, data / "children", self._settings.log_dir):
                os.makedirs(directory, exist_ok=True)
            lock = FileLock(data / SUPERVISOR_LOCK, timeout=0)
            self._stack.enter_context(lock)
        except Timeout:
            raise _cannot_start(
                f"{data}: another supervisor runs here; stop it first, or set POLY_DATA_DIR"
            ) from None
        except OSError as error:
            raise _cannot_start(
                f"{error.filename}: cannot be used: {error.strerror}; set POLY_DATA_DIR"
            ) from error

    def _open_log(self) -> None:
        settings = self._settings
        log.add_secret(*settings.secrets)
        stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
        log.configure(
            path=settings.log_dir / f"autorun_main_{stamp}.log",
            level=settings.debug.log_level,
            stream="stdout",
            errors_path=settings.log_dir / "errors.jsonl",
        )
        for warning in settings.warnings:
            log.warning("[INIT]", warning)


def _cannot_start(reason: str) -> CannotStart:
    """Say it in the words that checklists grep for, too."""
    log.error("[WS]", NOT_STARTED, event="cannot_start", reason=reason)
    return CannotStart(reason)
