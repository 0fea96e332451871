"""Children that an earlier supervisor started and that trade on: ``on_supervisor_loss: continue``.

They are not ours by birth, so there is no exit code and no pipe: both are read from what
the child writes into its status file.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.orphans import Stranger
from POLYMARKET_MAKER.pulse import HUNG_S

UNKNOWN_END = 1
"""It ended without saying how: a crash."""
LOOK_S = 0.05


class _End(msgspec.Struct):
    pid: int
    boottime_s: float
    exit_code: int | None = None


class AdoptedProcess:
    """What the supervisor needs of a process, for one that it did not start."""

    def __init__(self, stranger: Stranger, status_path: Path) -> None:
        """Watch the process of *stranger*, which tells of itself in *status_path*."""
        self.pid = stranger.pid
        self._stranger = stranger
        self._status_path = status_path
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        if self._code is None and not self._stranger.is_alive():
            said = read_end(self._status_path)
            is_told = said is not None and said.pid == self.pid and said.exit_code is not None
            self._code = said.exit_code if said is not None and is_told else UNKNOWN_END
        return self._code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still the same process."""
        self._stranger.signal(number)

    def wait(self) -> int:
        """Wait for its end."""
        while (code := self.poll()) is None:
            time.sleep(LOOK_S)
        return code


class StatusPulse:
    """The pulse of an adopted child: how old its status file is."""

    def __init__(self, status_path: Path, clock: Clock) -> None:
        """Judge by *status_path*."""
        self._path = status_path
        self._clock = clock

    def silent_s(self, _now_mono: float) -> float:
        """Return how long it told nothing; 0 when what it told cannot be read."""
        said = read_end(self._path)
        return 0.0 if said is None else max(0.0, self._clock.boot() - said.boottime_s)

    def is_hung(self, now_mono: float) -> bool:
        """Whether it is silent for too long, and not because the disk refuses to be written."""
        return self.silent_s(now_mono) > HUNG_S and self._can_be_written()

    def close(self) -> None:
        """Nothing is held open."""

    def _can_be_written(self) -> bool:
        probe = self._path.with_name(f".probe-{os.getpid()}")
        try:
            probe.write_bytes(b"x" * 4096)
        except OSError:
            return False
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
        return True


def read_end(path: Path) -> _End | None:
    """Read the part of a child's status file that says how it is or how it ended."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_End)
    except (OSError, msgspec.MsgspecError):
        return None
