"""Every test runs with an almost empty environment and cannot leave this machine."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from POLYMARKET_MAKER.exchange.libraries import signing_library
from tests.support.guard import sitecustomize as guard

ROOT = Path(__file__).resolve().parent.parent
KEPT = {"PATH", "HOME", "TMPDIR", "LANG", "POLY_FRAMES"}

for _name in set(os.environ) - KEPT - {n for n in os.environ if n.startswith("PYTEST_")}:
    del os.environ[_name]
os.environ["POLY_ENV_FILE"] = os.devnull  # a developer's .env is nobody's test data

# Importing it guards this process. Programs that tests start inherit the guard.
os.environ["PYTHONPATH"] = str(Path(guard.__file__).parent)

# Started in the background of a script, pytest would hand "ignore Ctrl-C" on to its programs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What a signing library does to the process that loads it must not reach other tests.
with signing_library():
    import eth_account  # noqa: F401

settings.register_profile("project", deadline=None)  # the machine may be busy with other tests
settings.load_profile("project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that may take longest, so that no worker is left alone with one.

    How long a slow test may take is its own time limit.
    """
    longest: Counter[Path] = Counter()
    for item in items:
        limit = item.get_closest_marker("timeout")
        if limit is not None and item.get_closest_marker("slow") is not None:
            longest[item.path] += limit.args[0]
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def frames() -> Path:
    """Return the folder of recorded market frames, or skip: they are not part of the project."""
    folder = os.environ.get("POLY_FRAMES")
    if not folder:
        pytest.skip("POLY_FRAMES does not name a folder with recorded market frames")
    return Path(folder)
