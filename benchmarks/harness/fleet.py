"""All processes of one design, from their start to their end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.harness import cpu
from benchmarks.harness.errors import DidNotStartError
from benchmarks.harness.latency import NS, Latencies, match
from benchmarks.harness.messages import Follow, Hello, Publish, Published, Report, Role, Seen
from benchmarks.harness.peer import Peer, Place
from benchmarks.harness.program import ROOT
from benchmarks.harness.role import CONTROL
from benchmarks.harness.schedule import Event, last_numbers

_START_S = 90.0
_END_S = 3.0
_LEAD_S = 0.1
_LEAD_A_CHILD_S = 0.001


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time in per cent of one core.

    Attributes:
        writer: Of the publisher, and of the server where there is one.
        children: Of all followers together.
    """

    writer: float
    children: float


class Fleet:
    """The processes of one design.

    Attributes:
        peer: The design.
        place: Where it lives.
    """

    def __init__(self, peer: Peer, *, tokens: int, children: int, parent: Path) -> None:
        directory = Path(tempfile.mkdtemp(prefix=f"{peer.name}-", dir=parent))
        self.peer = peer
        self.place = Place(directory, tokens, children)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._publisher: Connection[Any, Any] | None = None
        self._followers: dict[int, Connection[Any, Any]] = {}
        self._publisher_pids: set[int] = set()
        self._follower_pids: set[int] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(os.fspath(directory / CONTROL))
            self._listener.listen(children + 1)
            self._listener.settimeout(1.0)
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        if self.peer.start_server is not None:
            server = self.peer.start_server(self.place)
            self._processes.append(server)
            self._publisher_pids.add(server.pid)
        self._spawn(Role.PUBLISHER, 0)
        if not self.peer.spawns_followers:
            self._greet()  # what followers connect to is there from now on
            for number in range(self.place.children):
                self._spawn(Role.FOLLOWER, number)
        while self._publisher is None or len(self._followers) < self.place.children:
            self._greet()

    def _spawn(self, role: Role, number: int) -> None:
        place = self.place
        words = [role, self.peer.name, number, place.directory, place.tokens, place.children]
        with (place.directory / "errors.txt").open("ab") as errors:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.harness.role", *map(str, words)],
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                    cwd=ROOT,
                    start_new_session=True,
                )
            )

    def _greet(self) -> None:
        """Take the next process that says it is ready."""
        control = self._accept()
        hello = control.recv()
        assert isinstance(hello, Hello)
        if hello.role is Role.PUBLISHER:
            self._publisher = control
            self._publisher_pids.add(hello.pid)
        else:
            self._followers[hello.number] = control
            self._follower_pids.add(hello.pid)

    def _accept(self) -> Connection[Any, Any]:
        give_up = time.monotonic() + _START_S
        while time.monotonic() < give_up:
            with suppress(TimeoutError):
                accepted, _ = self._listener.accept()
                accepted.settimeout(None)
                return Connection(accepted.detach())
            self._require_alive()
        raise DidNotStartError(f"{self.peer.name}: no process was ready within {_START_S:.0f} s")

    def _require_alive(self) -> None:
        for process in self._processes:
            if process.poll() is not None:
                raise DidNotStartError(
                    f"{self.peer.name}: a process ended with {process.returncode}: {self._errors()}"
                )

    def _errors(self) -> str:
        text = (self.place.directory / "errors.txt").read_text(errors="replace")
        return text.strip()[-600:] or "nothing was said"

    @property
    def pids(self) -> frozenset[int]:
        """All processes, the server's too."""
        return frozenset(self._publisher_pids | self._follower_pids)

    @property
    def follower_pids(self) -> frozenset[int]:
        return frozenset(self._follower_pids)

    def let_wait(self, seconds: float) -> None:
        """Let all followers wait for events that do not come."""
        give_up_ns = time.monotonic_ns() + round(seconds * NS)
        for control in self._followers.values():
            control.send(Follow(sys.maxsize, give_up_ns))

    def pin(self, writer: set[int], children: set[int]) -> None:
        """Let the writing side, server included, and the children run on these cores only."""
        for pid in self._publisher_pids:
            cpu.pin(pid, writer)
        for pid in self._follower_pids:
            cpu.pin(pid, children)

    def run(self, events: list[Event], on_start: Callable[[], object]) -> tuple[Latencies, Cpu]:
        """Run one round of *events*.

        Returns:
            The latencies, and the processors' time.

        Raises:
            NotDeliveredError: A child did not see its last event.
            DidNotStartError: A process has ended meanwhile.
        """
        self._require_alive()
        last = last_numbers(events)
        lead_s = _LEAD_S + _LEAD_A_CHILD_S * self.place.children
        start_ns = time.monotonic_ns() + round(lead_s * NS)
        end_ns = start_ns + round((events[-1].due_s + self.peer.settle_s + 3.0) * NS)
        for child, number in last.items():
            self._followers[child].send(Follow(number, end_ns))
        assert self._publisher is not None
        self._publisher.send(Publish(events, start_ns))
        _sleep_until(start_ns - NS // 100)
        on_start()
        before, before_ns = self._used_ns(), time.monotonic_ns()
        published = self._ask(self._publisher, end_ns)
        after, took_ns = self._used_ns(), time.monotonic_ns() - before_ns
        assert isinstance(published, Published)
        sights = {}
        for child in last:
            self._followers[child].send(Report())
        for child in last:
            seen = self._ask(self._followers[child], end_ns)
            assert isinstance(seen, Seen)
            sights[child] = seen.sights
        latencies = match(events, start_ns=start_ns, published_ns=published.at_ns, sights=sights)
        shares = (100 * (new - old) / took_ns for old, new in zip(before, after, strict=True))
        return latencies, Cpu(*shares)

    def _used_ns(self) -> tuple[int, int]:
        return cpu.run_ns(self._publisher_pids), cpu.run_ns(self._follower_pids)

    def _ask(self, control: Connection[Any, Any], end_ns: int) -> object:
        rest_s = max(0.0, (end_ns - time.monotonic_ns()) / NS) + 5.0
        try:
            if control.poll(rest_s):
                return control.recv()
        except (EOFError, ConnectionError) as error:
            raise DidNotStartError(
                f"{self.peer.name}: a process ended during a round: {self._errors()}"
            ) from error
        raise DidNotStartError(f"{self.peer.name}: no answer within {rest_s:.0f} s")

    def close(self) -> None:
        """End all processes, gently first, and remove the directory."""
        for control in (self._publisher, *self._followers.values()):
            if control is not None:
                control.close()
        self._listener.close()
        give_up = time.monotonic() + _END_S
        for process in self._processes:
            if self._is_server(process):
                process.terminate()
        for process in self._processes:
            while not _has_ended(process) and time.monotonic() < give_up:
                time.sleep(0.01)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it spawned goes with it
            process.wait()
        shutil.rmtree(self.place.directory, ignore_errors=True)

    def _is_server(self, process: subprocess.Popen[bytes]) -> bool:
        return self.peer.start_server is not None and process is self._processes[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _sleep_until(at_ns: int) -> None:
    while (rest_ns := at_ns - time.monotonic_ns()) > 0:
        time.sleep(rest_ns / NS)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say so without collecting it: its id, which is its group's, stays its own."""
    if process.returncode is not None:
        return True
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, options) is not None
