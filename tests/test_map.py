"""``POLYMARKET_MAKER/__init__.py`` is the map: every module is on it once, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import POLYMARKET_MAKER

PACKAGE = Path(POLYMARKET_MAKER.__file__).parent
LINE = re.compile(r"    (\w+/?) {2,}(\S.*)")
NOT_CODE = {"config"}


def on_the_map() -> list[str]:
    """Return the names of the map; every indented line must be one, with its meaning."""
    assert POLYMARKET_MAKER.__doc__ is not None
    lines = [line for line in POLYMARKET_MAKER.__doc__.splitlines() if line.startswith(" ")]
    found = [LINE.fullmatch(line) for line in lines]
    unread = [line for line, match in zip(lines, found, strict=True) if match is None]
    assert unread == []
    return [match[1] for match in found if match is not None]


def in_the_package() -> set[str]:
    """Return the modules of the package, folders with a slash."""
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    return modules | folders - NOT_CODE


def test_every_module_is_on_the_map() -> None:
    missing = in_the_package() - set(on_the_map())

    assert missing == set(), "say in POLYMARKET_MAKER/__init__.py what it is for"


def test_the_map_names_nothing_that_is_not_there() -> None:
    assert set(on_the_map()) - in_the_package() == set()


def test_nothing_is_on_the_map_twice() -> None:
    assert [name for name, count in Counter(on_the_map()).items() if count > 1] == []
