"""Strategy processes: start one, watch it, stop it.

A child is started by script path, so that ``ps`` shows which token it trades, with
no standard input, and with its output appended to its own log file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.adopted import AdoptedProcess, StatusPulse
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.orphans import Stranger
from POLYMARKET_MAKER.pulse import DUMP_SIGNAL, VARIABLE, Pulse

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "POLYMARKET_MAKER" / "Volatility_arbitrage_run.py"
DUMP_S = 1.0
"""How long a hung child has to say where it hangs, before it is asked to end."""


@dataclass(slots=True)
class Child:
    """One running strategy process.

    Attributes:
        source_at_start: ``shared`` when it was told of the aggregator's file.
        started_mono: When it was started, on the supervisor's monotonic clock.
        pulse: Its heartbeat.
        stopping: It was asked to end.
        restarting: It was asked to end in order to be started again.
        hung_mono: When it was found hung; None while it is well.
    """

    token_id: str
    process: subprocess.Popen[bytes] | AdoptedProcess
    log_path: Path
    config_path: Path
    source_at_start: str
    started_mono: float
    pulse: Pulse | StatusPulse
    stopping: bool = field(default=False)
    restarting: bool = field(default=False)
    hung_mono: float | None = field(default=None)

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """Return its exit code, None while it runs; minus the signal that ended it."""
        return self.process.poll()

    def terminate(self) -> None:
        """Ask it to cancel its orders and end; asking twice is harmless."""
        self.stopping = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once; its orders stay on the book until somebody cancels them."""
        self._signal(signal.SIGKILL)

    def end_if_hung(self, now_mono: float, *, grace_s: float) -> None:
        """Find out whether it hangs; then have it say where, ask it to end, and kill it.

        A child that awakes meanwhile is ended all the same: what it did not see, it missed.
        """
        if self.hung_mono is None:
            if self.pulse.is_hung(now_mono):
                self.hung_mono = now_mono
                silent_s = self.pulse.silent_s(now_mono)
                log.error(
                    "[CHILD]", event="hung", token=self.token_id, pid=self.pid, silent_s=silent_s
                )
                self._signal(DUMP_SIGNAL)
        elif now_mono - self.hung_mono >= DUMP_S + grace_s:
            self.kill()
        elif now_mono - self.hung_mono >= DUMP_S:
            self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)


def start_child(
    token_id: str,
    *,
    config_path: Path,
    log_path: Path,
    env: Mapping[str, str],
    shared_cache: Path | None,
    now_mono: float,
) -> Child:
    """Start the process of one token.

    Call it from one thread that lives as long as the supervisor: the kernel tells a
    child that its parent is gone when the *thread* that started it ends.

    Args:
        token_id: The token it trades.
        config_path: Its run_params, already written.
        log_path: File that its output is appended to.
        env: Its whole environment.
        shared_cache: The aggregator's file when it serves at this moment, else None.
        now_mono: Monotonic seconds.

    Raises:
        OSError: The process, its pipe or its log could not be made.
    """
    command = [sys.executable, str(SCRIPT), str(config_path)]
    if shared_cache is not None:
        command.append(f"--shared-ws-cache={shared_cache}")
    descriptor = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        pulse = Pulse(now_mono)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                env={**env, VARIABLE: str(pulse.child_end)},
                pass_fds=(pulse.child_end,),
                start_new_session=True,
            )
        except OSError:
            pulse.close()
            raise
        finally:
            pulse.handed_over()
    finally:
        os.close(descriptor)
    return Child(
        token_id=token_id,
        process=process,
        log_path=log_path,
        config_path=config_path,
        source_at_start="direct" if shared_cache is None else "shared",
        started_mono=now_mono,
        pulse=pulse,
    )


def adopt_child(stranger: Stranger, *, data_dir: Path, log_dir: Path, clock: Clock) -> Child:
    """Take over a child of an earlier supervisor as it is, with what it trades and has open."""
    token_id = stranger.token_id
    status_path = data_dir / "children" / f"{token_id}.json"
    return Child(
        token_id=token_id,
        process=AdoptedProcess(stranger, status_path),
        log_path=child_log_path(log_dir, token_id, is_exit_only=stranger.is_exit_only),
        config_path=data_dir / f"run_params_{token_id}.json",
        source_at_start="adopted",
        started_mono=clock.mono(),
        pulse=StatusPulse(status_path, clock),
    )


def child_log_path(log_dir: Path, token_id: str, *, is_exit_only: bool) -> Path:
    """Return the log of a token's child; one that only sells has its own."""
    return log_dir / f"autorun_{'exit_' if is_exit_only else ''}{token_id}.log"
