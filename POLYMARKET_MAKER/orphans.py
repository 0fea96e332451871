"""Children of an earlier supervisor that are still there: end them before anything is started.

A child normally ends with its supervisor. One that hangs, or was suspended, does not; its
token must not be traded twice. A child that somebody started by hand is not ours to end.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.handover import SUPERVISOR_VARIABLE
from POLYMARKET_MAKER.processes import started_s
from POLYMARKET_MAKER.settings.groups import SupervisorLoss

Said = TypeVar("Said")

KILLED_S = 5.0
LOOK_S = 0.05


class _ChildFile(msgspec.Struct):
    token_id: str
    pid: int
    pid_started_s: float


class _RunParams(msgspec.Struct, frozen=True):
    on_supervisor_loss: str = ""
    exit_only: bool = False


@dataclass(frozen=True, slots=True)
class Stranger:
    """A live process that trades a token and is not a child of ours.

    Attributes:
        started_s: Its start in seconds since boot: with the pid it names one process.
        supervisor: Pid of the supervisor that started it; None when it runs by hand.
        trades_on: It was started as one that outlives its supervisor.
        is_exit_only: It only sells what is held.
    """

    token_id: str
    pid: int
    started_s: float
    supervisor: int | None
    trades_on: bool = False
    is_exit_only: bool = False

    def is_alive(self) -> bool:
        return started_s(self.pid) == self.started_s and not _is_zombie(self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still the same process."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Orphans:
    """All strangers of a data directory, and their way out.

    Args:
        data_dir: Where children tell of themselves.
        clock: The clock.
        grace_s: How long one may take to cancel and end before it is killed.
        adopts: Those that were told to trade on are not ended.

    Attributes:
        to_adopt: Those that trade on, for the caller to take over.
    """

    def __init__(
        self, data_dir: Path, clock: Clock, *, grace_s: float, adopts: bool = False
    ) -> None:
        """Look who is there, and ask every orphan to end that is not to be adopted."""
        self._clock = clock
        self._kill_mono = clock.mono() + grace_s
        found = find_strangers(data_dir)
        ours = [each for each in found if each.supervisor is not None]
        self.to_adopt = tuple(each for each in ours if adopts and each.trades_on)
        self._orphans = {each.token_id: each for each in ours if each not in self.to_adopt}
        self._by_hand = {each.token_id: each for each in found if each.supervisor is None}
        for each in self._orphans.values():
            log.warning("[CHILD]", event="orphan", token=each.token_id, pid=each.pid)
            each.signal(signal.SIGTERM)
            each.signal(signal.SIGCONT)  # a suspended one cannot hear the other

    @property
    def tokens(self) -> frozenset[str]:
        """Tokens whose orphan has not been told gone: it may still place and cancel."""
        return frozenset(self._orphans)

    def end(self) -> None:
        """Kill those that are left and wait for their end; :meth:`take_gone` tells of it."""
        for each in self._orphans.values():
            log.error("[EXIT]", event="killed", token=each.token_id, pid=each.pid)
            each.signal(signal.SIGKILL)
        until_mono = self._clock.mono() + KILLED_S
        while any(each.is_alive() for each in self._orphans.values()):
            if self._clock.mono() >= until_mono:  # only the kernel can hold it so long
                return
            time.sleep(LOOK_S)

    def take_gone(self) -> list[str]:
        """Kill what did not end in time; return tokens whose orphan is gone, each once."""
        if self._clock.mono() >= self._kill_mono:
            for each in self._orphans.values():
                each.signal(signal.SIGKILL)
        gone = [token for token, each in self._orphans.items() if not each.is_alive()]
        for token_id in gone:
            del self._orphans[token_id]
        return gone

    def is_taken(self, token_id: str) -> bool:
        """Whether somebody else trades a token now, so that no child may be started for it."""
        if token_id in self._orphans:
            return True
        by_hand = self._by_hand.get(token_id)
        if by_hand is None:
            return False
        if by_hand.is_alive():
            if log.every(60, ("by_hand", token_id)):
                log.warning("[CHILD]", event="runs_by_hand", token=token_id, pid=by_hand.pid)
            return True
        del self._by_hand[token_id]
        return False


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has asked for its exit code, as in a container."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")


def find_strangers(data_dir: Path) -> list[Stranger]:
    """Return every process whose status file names it and that is alive."""
    strangers = []
    for path in sorted((data_dir / "children").glob("*.json")):
        said = _read(path, _ChildFile)
        if said is None or started_s(said.pid) != said.pid_started_s:
            continue
        params = _read(data_dir / f"run_params_{said.token_id}.json", _RunParams) or _RunParams()
        strangers.append(
            Stranger(
                said.token_id,
                said.pid,
                said.pid_started_s,
                _supervisor_of(said.pid),
                trades_on=params.on_supervisor_loss == SupervisorLoss.CONTINUE,
                is_exit_only=params.exit_only,
            )
        )
    return strangers


def _read(path: Path, kind: type[Said]) -> Said | None:
    """Read a file of a child; None when it never came so far as to have one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None


def _supervisor_of(pid: int) -> int | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None  # not ours to read, so not ours to end
    name = SUPERVISOR_VARIABLE.encode() + b"="
    for entry in environment.split(b"\0"):
        if entry.startswith(name) and entry[len(name) :].isdigit():
            return int(entry[len(name) :])
    return None
