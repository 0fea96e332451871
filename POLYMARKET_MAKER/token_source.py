"""Put the token source together: options → settings → AccountWatch → exit code.

It runs beside the supervisor, by hand or as its child, and shares nothing with it
but the files. It reads no key and does not open ``.env``: of the environment
only addresses and directories count.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

from filelock import FileLock, Timeout

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_watch import AccountWatch, WatchFiles
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import CannotStart, SettingsError, SupervisorExit
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.handover import (
    SIGNALS_FILE_VARIABLE,
    SUPERVISOR_VARIABLE,
    TOKENS_FILE_VARIABLE,
)
from POLYMARKET_MAKER.processes import end_with_parent
from POLYMARKET_MAKER.settings import (
    ROOT,
    CopytradeConfig,
    Mode,
    Urls,
    load_copytrade_config,
)
from POLYMARKET_MAKER.settings.mode import named_mode
from POLYMARKET_MAKER.settings.model import under
from POLYMARKET_MAKER.settings.urls import read_urls

DEADLINE_S = 15.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_CODES = """\
exit codes: 0 asked to stop, or --once and all was read | 1 --once and not all was read, or an
unexpected fault | 2 usage | 3 cannot start here (package, another one runs, a damaged file) |
4 settings"""


def run(arguments: list[str]) -> int:
    """Run the token source and return its exit code; see ``copytrade_run.py``."""
    log.catch_uncaught()
    options = parse_options(arguments)
    try:
        config = read_config(options.config)
        return _run(options, config, read_place(os.environ, config))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return SupervisorExit.SETTINGS
    except CannotStart as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return SupervisorExit.CANNOT_START


def parse_options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; a wrong one ends the process with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="copytrade_run.py",
        description="Follow the trades of watched accounts; writes the token and signal files.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = ROOT / "POLYMARKET_MAKER" / "config" / "copytrade_config.json"
    parser.add_argument("--config", type=Path, default=default, metavar="PATH")
    parser.add_argument("--once", action="store_true", help="look once at every account and end")
    return parser.parse_args(arguments)


def read_config(path: Path) -> CopytradeConfig:
    """Read the watched accounts.

    Raises:
        SettingsError: The file is wrong, or no account is enabled.
    """
    config = load_copytrade_config(path)
    if not any(each.enabled for each in config.targets):
        raise SettingsError(f"{path.name}: targets has no enabled account, nothing to watch")
    return config


@dataclass(frozen=True, slots=True)
class Place:
    """Where the exchange is, and where the files go."""

    urls: Urls
    files: WatchFiles
    log_dir: Path


def read_place(env: Mapping[str, str], config: CopytradeConfig) -> Place:
    """Choose addresses and paths as the supervisor does in the same environment.

    A supervisor that runs the token source says where it reads; that wins.

    Raises:
        SettingsError: An address or ``POLY_RUN_MODE`` is wrong.
    """
    mode = named_mode(env, "environment") or Mode.LIVE
    problems: list[str] = []
    urls = read_urls(env, mode, problems)
    if problems:
        raise SettingsError(*problems)
    data_dir = _directory(env, "POLY_DATA_DIR", "data", mode)
    source = config.source

    def place(chosen: Path | None, name: str) -> Path:
        if chosen is None:
            return data_dir / name
        return under(ROOT, chosen) if mode is Mode.LIVE else data_dir / chosen.name

    tokens = env.get(TOKENS_FILE_VARIABLE) or place(
        source.tokens_file, "tokens_from_copytrade.json"
    )
    signals = env.get(SIGNALS_FILE_VARIABLE) or place(
        source.sell_signals_file, "copytrade_sell_signals.json"
    )
    state = place(source.state_file, "copytrade_state.json")
    files = WatchFiles(Path(tokens), Path(signals), state)
    return Place(urls, files, _directory(env, "POLY_LOG_DIR", "logs", mode))


def _directory(env: Mapping[str, str], variable: str, name: str, mode: Mode) -> Path:
    said = env.get(variable, "").strip()
    if said:
        return Path(said).expanduser().absolute()
    return ROOT / name if mode is Mode.LIVE else ROOT / name / mode


def _run(options: argparse.Namespace, config: CopytradeConfig, place: Place) -> int:
    state = place.files.state
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        place.log_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{state}.lock", timeout=0):
            log.configure(
                path=place.log_dir / "copytrade.log", errors_path=place.log_dir / "errors.jsonl"
            )
            return _Loop(options, config, _watch(place)).run()
    except Timeout:
        raise CannotStart(f"{state}.lock is held: another copytrade_run.py runs") from None
    except OSError as error:
        raise CannotStart(str(error)) from None


def _watch(place: Place) -> AccountWatch:
    http, urls = Http(deadline_s=DEADLINE_S), place.urls
    return AccountWatch(
        place.files,
        activity=DataApi(http, data_url=urls.data),
        markets=Public(http, clob_url=urls.clob, gamma_url=urls.gamma),
        clock=Clock(),
    )


class _Loop:
    """Look at the accounts until asked to stop; signals only leave a note."""

    def __init__(
        self, options: argparse.Namespace, config: CopytradeConfig, watch: AccountWatch
    ) -> None:
        self._options = options
        self._config = config
        self._watch = watch
        # Its put() may be called by a signal handler at any instant; Event.set() may not.
        self._wake: SimpleQueue[int] = SimpleQueue()
        self._is_stopping = False
        self._should_reload = False

    def run(self) -> SupervisorExit:
        for number in (*STOP_SIGNALS, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        if not _end_with_supervisor():
            return SupervisorExit.DONE
        self._greet("started")
        is_complete = self._round()
        while not (self._options.once or self._is_stopping):
            with suppress(Empty):
                self._wake.get(timeout=self._config.source.poll_interval_sec)
            self._reload_if_asked()
            self._round()
        log.info("[EXIT]", reason="asked" if self._is_stopping else "once")
        is_left = self._options.once and not is_complete
        return SupervisorExit.FAULT if is_left else SupervisorExit.DONE

    def _round(self) -> bool:
        return self._watch.round(
            self._config.targets,
            lookback_s=self._config.source.initial_lookback_sec,
            should_stop=lambda: self._is_stopping,
        )

    def _reload_if_asked(self) -> None:
        """Take the new settings whole or keep the old ones; paths need a restart."""
        if not self._should_reload:
            return
        self._should_reload = False
        try:
            self._config = read_config(self._options.config)
        except SettingsError as error:
            log.error("[ERROR]", event="reload_failed", reason=str(error))
        else:
            self._greet("reloaded")

    def _greet(self, event: str) -> None:
        enabled = sum(each.enabled for each in self._config.targets)
        log.info("[INIT]", event=event, config=self._options.config, accounts=enabled)
        for warning in self._config.warnings:
            log.warning("[WARN]", warning)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._should_reload = True
        else:
            self._is_stopping = True
        self._wake.put(number)


def _end_with_supervisor() -> bool:
    """End with the supervisor that started us; False when it is gone already."""
    supervisor = os.environ.get(SUPERVISOR_VARIABLE)
    if supervisor is None:
        return True
    try:
        end_with_parent(int(supervisor))
    except ProcessLookupError as error:
        log.error("[INIT]", event="supervisor_gone", reason=str(error))
        return False
    return True
