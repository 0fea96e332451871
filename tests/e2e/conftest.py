"""Options of ``make day``."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--day", action="store_true", help="the full day of tests/e2e/test_day.py")
