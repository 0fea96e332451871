"""Options of ``make full``."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="tests/e2e at the size of the promises")


@pytest.fixture
def is_full(request: pytest.FixtureRequest) -> bool:
    """Whether to run at the size that is promised; else smaller, for every change's sake."""
    return bool(request.config.getoption("--full", default=False))
