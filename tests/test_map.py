"""The map in ``POLYMARKET_MAKER/__init__.py`` has every module once, and nothing else.

Those of ``core/`` are one line on it; they stand in docs/architecture.md, step by step.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import POLYMARKET_MAKER

PACKAGE = Path(POLYMARKET_MAKER.__file__).parent
ARCHITECTURE = PACKAGE.parent / "docs" / "architecture.md"
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


def test_every_module_of_core_stands_in_the_architecture() -> None:
    named = set(re.findall(r"`(?:core/)?(\w+)(?:\.py)?`", ARCHITECTURE.read_text("utf-8")))
    core = {path.stem for path in (PACKAGE / "core").glob("*.py")} - {"__init__"}

    assert core - named == set(), "say in docs/architecture.md which step it belongs to"


def test_the_architecture_names_nothing_that_is_not_there() -> None:
    """A name without a dot is a module of the package, of core or a folder."""
    table = re.findall(r"^\| .*\|$", ARCHITECTURE.read_text("utf-8"), re.MULTILINE)
    named = set(re.findall(r"`([a-z_]+/?)`", "\n".join(table)))
    known = in_the_package() | {path.stem for path in (PACKAGE / "core").glob("*.py")} | {"core/"}

    assert named - known == {"written_at"}, "of the table of ages"
