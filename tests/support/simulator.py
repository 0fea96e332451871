"""Start the offline exchange as a process of its own and end exactly that one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator.

    Attributes:
        urls: What it printed when it accepted connections: ``clob``,
            ``ws_market``, ``ws_user``, ``data``, ``gamma``, ``geoblock``, …
        process: The child, for tests that stop or kill it.
    """

    urls: dict[str, Any]
    process: subprocess.Popen[str]
    client: httpx.Client

    @property
    def tokens(self) -> list[str]:
        return [str(token) for token in self.urls["tokens"]]

    def stats(self) -> dict[str, Any]:
        """Return every counter and how things stand; see ``GET /sim/stats``."""
        answer: dict[str, Any] = self.client.get(self.urls["stats"]).raise_for_status().json()
        return answer

    def control(self, **request: Any) -> dict[str, Any]:
        """Make something happen: ``control(do="freeze", tokens=[…])``.

        Raises:
            ValueError: The simulator did not do it, and says why.
        """
        answer = self.client.post(self.urls["control"], json=request)
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"{request}: {answer.text}")
        found: dict[str, Any] = answer.json()
        return found


def addresses(sim: Simulator) -> dict[str, str]:
    """Return the environment that leads every program to *sim*."""
    return {
        "POLY_HOST": sim.urls["clob"],
        "POLY_WS_URL": sim.urls["ws_market"],
        "POLY_WS_USER_URL": sim.urls["ws_user"],
        "POLY_GAMMA_ROOT": sim.urls["gamma"],
        "POLY_DATA_API_ROOT": sim.urls["data"],
    }


@contextmanager
def running_simulator(**options: Any) -> Iterator[Simulator]:
    """Run a simulator for the length of a ``with`` block.

    Options are those of the command line, with underscores: ``tokens=4``,
    ``clock_scale=60``, ``scenario="silent-freeze"``, ``no_flow=True``.
    """
    command = [sys.executable, "-m", "POLYMARKET_MAKER.sim", *_arguments(options)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        urls = _first_line(process)
        with httpx.Client(trust_env=False, timeout=10.0) as client:
            yield Simulator(urls, process, client)
    finally:
        _stop(process)


def _arguments(options: dict[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if value is True:
            yield f"--{name.replace('_', '-')}"
        elif value not in (None, False):
            yield f"--{name.replace('_', '-')}={value}"


def _first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    watchdog = threading.Timer(START_TIMEOUT_S, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
    finally:
        watchdog.cancel()
    if not line:
        raise RuntimeError(f"the simulator ended with code {process.wait()} before it served")
    urls: dict[str, Any] = json.loads(line)
    return urls


def _stop(process: subprocess.Popen[str]) -> None:
    """End the child, whatever state a test left it in, and reap it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
