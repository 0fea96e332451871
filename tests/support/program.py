"""Run the project's own programs as a user does: real processes, real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
AUTORUN = ROOT / "poly_maker_autorun.py"


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended."""

    code: int
    out: str
    err: str


def run_program(
    *command: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT, timeout_s: float = 60
) -> Ended:
    """Run one of the project's Python programs to its end."""
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class Supervised:
    """A supervisor that runs in a directory of its own.

    Attributes:
        data: Its data directory.
        logs: Its log directory.
        process: The supervisor's process.
    """

    def __init__(self, process: subprocess.Popen[str], data: Path, logs: Path) -> None:
        self.process = process
        self.data = data
        self.logs = logs

    def status(self) -> dict[str, Any]:
        """Return what the supervisor tells of itself.

        Raises:
            OSError: It told nothing yet; what an earlier one left in the directory is not its own.
        """
        said = read_json(self.data / "autorun_status.json")
        if said["pid"] != self.process.pid:
            raise OSError("the status file is of an earlier run")
        return said

    def children(self) -> dict[str, dict[str, Any]]:
        """Return what the children tell of themselves, by token."""
        paths = (self.data / "children").glob("*.json")
        return {path.stem: read_json(path) for path in paths}

    def pids(self) -> list[int]:
        """Return the pids of the running children."""
        tasks = self.status()["tasks"].values()
        return [task["pid"] for task in tasks if task["pid"] is not None]

    def shown_pids(self, number: int) -> list[int]:
        """Return the pids of *number* running children, once the status file shows them all.

        A child may have quotes and orders up to a second before that.
        """
        eventually(lambda: len(self.pids()) == number, within_s=30, what=f"{number} pids")
        return self.pids()

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 40) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout_s)


@contextmanager
def supervised(
    *arguments: str, directory: Path, env: Mapping[str, str] | None = None
) -> Iterator[Supervised]:
    """Run a supervisor for the time of a block; it is gone afterwards, whatever happened."""
    data, logs = directory / "data", directory / "logs"
    variables = {"POLY_DATA_DIR": str(data), "POLY_LOG_DIR": str(logs), **(env or {})}
    with open(directory / "out.txt", "w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, str(AUTORUN), *arguments],
            env={**os.environ, **variables},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield Supervised(process, data, logs)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(40)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def eventually(is_so: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Wait for another process to bring something about; fail when it does not.

    Files that are not there yet, or not in this form yet, count as "not so".
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            if is_so():
                return
        except (OSError, ValueError, KeyError, TypeError):
            if time.monotonic() >= deadline:
                raise
        if time.monotonic() >= deadline:
            raise AssertionError(f"within {within_s} s this did not come about: {what}")
        time.sleep(0.05)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    content = json.loads(path.read_bytes())
    assert isinstance(content, dict)
    return content
