"""Options of ``make torture``."""

from __future__ import annotations

import time

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="the long run of tests/torture")
    parser.addoption("--torture-seed", type=int, help="repeat the run of that seed")


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--torture", default=False))


@pytest.fixture
def seed(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> int:
    """Return the seed of this run, and say it where it will be seen."""
    given = request.config.getoption("--torture-seed", default=None)
    seed = int(given if given is not None else time.time())
    with capsys.disabled():
        print(f"\n{request.node.name}: seed {seed}", flush=True)
    return seed
