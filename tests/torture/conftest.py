"""Options of ``make torture``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="the long run of tests/torture")
    parser.addoption("--torture-seed", type=int, help="repeat the run of that seed")


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--torture", default=False))


@pytest.fixture
def pause_s(*, is_long: bool) -> float:
    """Return how long readers rest between reads: in the suite they share two processors."""
    return 0.0 if is_long else 0.002


@pytest.fixture
def seed(request: pytest.FixtureRequest, say: Callable[[str], None]) -> int:
    """Return the seed of this run, and say it where it will be seen."""
    given = request.config.getoption("--torture-seed", default=None)
    seed = int(given if given is not None else time.time())
    say(f"{request.node.name}: seed {seed}")
    return seed


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], *, is_long: bool) -> Callable[[str], None]:
    """Return what prints a line: at once in the long run, else only if the test fails."""

    def write(line: str) -> None:
        with capsys.disabled() if is_long else nullcontext():
            sys.stdout.write(f"\n  {line}")
            sys.stdout.flush()

    return write
