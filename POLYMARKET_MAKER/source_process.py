"""The token source as a child of the supervisor: ``copytrade.autostart``."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import restart
from POLYMARKET_MAKER.handover import (
    SIGNALS_FILE_VARIABLE,
    SUPERVISOR_VARIABLE,
    TOKENS_FILE_VARIABLE,
)
from POLYMARKET_MAKER.settings import ROOT, Settings, child_environment

SCRIPT = ROOT / "POLYMARKET_MAKER" / "copytrade_run.py"
LOCK_HELD = 3
"""Another one runs, perhaps by hand: no fault, and worth another look later."""


class SourceProcess:
    """Keeps one ``copytrade_run.py`` running; it never holds a secret.

    Call everything from the thread that lives as long as the supervisor.
    """

    def __init__(self, settings: Settings, env: Mapping[str, str], clock: Clock) -> None:
        """Start nothing yet."""
        self._command = [
            *(sys.executable, str(SCRIPT)),
            *("--config", str(settings.copytrade_config_path)),
        ]
        self._log_path = settings.log_dir / "copytrade.log"
        self._env = child_environment(
            env,
            mode=settings.mode,
            urls=settings.urls,
            credentials=None,
            data_dir=settings.data_dir,
            log_dir=settings.log_dir,
        ) | {
            SUPERVISOR_VARIABLE: str(os.getpid()),
            TOKENS_FILE_VARIABLE: str(settings.copytrade_tokens_path),
            SIGNALS_FILE_VARIABLE: str(settings.sell_signals_path),
        }
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._history = restart.History()
        self._started_mono = 0.0
        self._not_before = float("-inf")
        self._last_code: int | None = None
        self._given_up: str | None = None

    def turn(self) -> None:
        """Start it when it does not run and its time has come."""
        mono = self._clock.mono()
        code = self._process.poll() if self._process is not None else None
        if code is not None:
            self._ended(code, mono)
        if self._process is None and self._given_up is None and mono >= self._not_before:
            self._start(mono)

    def reload(self) -> None:
        """Have it read its accounts again; one that had given up tries again."""
        self._given_up = None
        self._signal(signal.SIGHUP)

    def terminate(self) -> None:
        """Ask it to end."""
        self._given_up = "asked"
        self._signal(signal.SIGTERM)

    def close(self, within_s: float) -> None:
        """End it, within *within_s* in order, else at once."""
        self.terminate()
        if self._process is None:
            return
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def as_dict(self) -> dict[str, object]:
        """Return its entry in the status file."""
        if self._process is not None:
            state = "running"
        else:
            state = "waiting" if self._given_up is None else "ended"
        pid = None if self._process is None else self._process.pid
        return {"state": state, "pid": pid, "exit_code": self._last_code}

    def _start(self, mono: float) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            os.makedirs(self._log_path.parent, exist_ok=True)  # somebody may have tidied up
            # It writes its own log; what it says before it has one goes there too.
            descriptor = os.open(self._log_path, flags, 0o644)
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=descriptor,
                    env=self._env,
                    start_new_session=True,
                )
            finally:
                os.close(descriptor)
        except OSError as error:
            log.error("[START]", event="source_not_started", reason=str(error))
            self._not_before = mono + restart.Policy().longest_s
            return
        self._started_mono = mono
        log.info("[START]", source="copytrade", pid=self._process.pid, log=self._log_path.name)

    def _ended(self, code: int, mono: float) -> None:
        self._process, self._last_code = None, code
        said = restart.Code.TEMPORARY if code == LOCK_HELD else code
        if code == restart.Code.DONE and self._given_up is None:
            said = restart.Code.TEMPORARY  # somebody ended it who is not us
        self._history, verdict = restart.judge(
            said,
            mono - self._started_mono,
            self._history,
            mono,
            asked=self._given_up is not None,
            jitter=random.random(),  # noqa: S311 - spreads restarts, guards nothing
        )
        match verdict:
            case restart.Restart(wait_s) | restart.Quarantine(wait_s):
                self._not_before = mono + wait_s
                write = log.warning
            case restart.Stop(reason):
                self._given_up = self._given_up or reason
                write = log.info if reason == "asked" else log.error
        write("[CHILD]", event="source_ended", code=code, reason=verdict.reason)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
