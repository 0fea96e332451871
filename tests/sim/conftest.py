"""Simulations that end with their test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.sim.venue import Options
from tests.sim.running import Running, Serve


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts simulations, which end with the test."""
    running: list[Running] = []

    def start(**options: Any) -> Running:
        running.append(Running(Options(**{"tokens": 2, "flow": False, **options})))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def exchange(serve: Serve) -> Running:
    """Return a simulation of two markets in which nobody acts but the test."""
    return serve()


@pytest.fixture
def frames_path(frames: Path) -> Path:
    """Return the recordings' folder under a name that is not a module's."""
    return frames
