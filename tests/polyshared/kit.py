"""What the tests of this folder share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polyshared._clock import Moment

TOKEN = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
QUOTE: dict[str, Any] = {
    "price": 0.5,
    "best_bid": 0.49,
    "best_ask": 0.51,
    "bids": [[0.49, 120.0], [0.48, 300.0]],
    "asks": [[0.51, 80.0]],
    "updated_at": 1795187463.4,
    "health": "live",
    "conn": 0,
}


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, boot_s: float = 1000.0, wall_s: float = 1_795_187_463.0) -> None:
        self.boot_s = boot_s
        self.wall_s = wall_s
        self.boot_id = "0f0f0f0f-0000-4000-8000-000000000001"

    def __call__(self) -> Moment:
        return Moment(self.boot_id, self.boot_s, self.wall_s)

    def pass_s(self, seconds: float) -> None:
        self.boot_s += seconds
        self.wall_s += seconds


class Injector:
    """Lets the n-th call of the file system by this thread fail, once or from then on.

    The calls are those of the `os` module, which is where the library makes
    them. What fails does nothing before it fails, as a system call would.
    """

    NAMES = (
        "open", "write", "writev", "pwrite", "pread", "close", "fsync", "replace", "unlink",
        "mkdir", "stat", "lstat", "fstat", "posix_fallocate", "scandir",
    )  # fmt: skip

    def __init__(self, at: int, act: Callable[[], None], *, persistent: bool) -> None:
        self.calls = 0
        self.fired = 0
        self.name = ""
        self._at = at
        self._act = act
        self._persistent = persistent
        self._thread = threading.get_ident()

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if threading.get_ident() == self._thread and self._fires(name):
                if name == "close":
                    real(*args, **options)  # the descriptor is gone whatever close() answers
                self._act()
            return real(*args, **options)

        return call

    def _fires(self, name: str) -> bool:
        self.calls += 1
        is_due = self.calls == self._at or (self._persistent and self.calls > self._at)
        if is_due:
            self.fired += 1
            self.name = self.name or name
        return is_due


@contextmanager
def faults(at: int, act: Callable[[], None], *, persistent: bool = False) -> Iterator[Injector]:
    """Inject a fault at the *at*-th call made inside the block."""
    injector = Injector(at, act, persistent=persistent)
    with pytest.MonkeyPatch.context() as patch:
        for name in Injector.NAMES:
            patch.setattr(os, name, injector.wrap(name, getattr(os, name)))
        yield injector


def fail_with(number: int) -> Callable[[], None]:
    def act() -> None:
        raise OSError(number, os.strerror(number))

    return act


def names(directory: Path) -> set[str]:
    """Return the files of a directory, the temporary ones included."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def program(code: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run Python *code* in a process of its own, in the repository's root; it ends with the block.

    Code and test talk by lines: the test waits for a line before it goes on.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that a program printed."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


WRITER = """
import sys
from polyshared import SnapshotWriter
writer = SnapshotWriter(sys.argv[1])
writer.put("a", {"n": 1})
writer.flush()
print(writer.epoch, flush=True)
sys.stdin.readline()
"""
