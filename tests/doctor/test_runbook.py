"""The runbook's commands are run, in both languages, and it leaves no check out."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from polyshared.doctor.checks import CHECKS
from tests.doctor.house import ROOT, House
from tests.support.program import Supervised, eventually, supervised

ENGLISH = ROOT / "docs" / "runbook.md"
CHINESE = ROOT / "docs" / "runbook.zh-CN.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TYPIST = ROOT / "tests" / "support" / "typist.py"
CELL = re.compile(r"^ ?`(polyshared [^`]+)` ?$")

PATIENCE_S = 90.0

# Everything else must find the demo well. These two tell of what the market does to it.
MAY_BE_ONE = ("polyshared why TOKEN", "polyshared errors")


def in_blocks(text: str) -> list[str]:
    """Return the commands of the console blocks, without prompt and remark."""
    return [
        line.removeprefix("$ ").partition("  #")[0].strip()
        for block in BLOCK.findall(text)
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def in_cells(text: str) -> list[str]:
    """Return the commands that fill a cell of a table."""
    rows = (line for line in text.splitlines() if line.startswith("|"))
    # A bar that is escaped does not end a cell.
    cells = (cell for row in rows for cell in re.split(r"(?<!\\)\|", row))
    return [match[1] for cell in cells if (match := CELL.match(cell))]


def commands(path: Path) -> list[str]:
    """Return every command of a page once, in its order."""
    text = path.read_text(encoding="utf-8")
    return list(dict.fromkeys([*in_blocks(text), *in_cells(text)]))


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with ``polyshared``, as pip would make it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "polyshared"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m polyshared "$@"\n', "utf-8")
    script.chmod(0o755)
    return folder


def typed(line: str, data: Path) -> str:
    """Return a command as it is typed."""
    token = min((data / "children").glob("*.json")).stem
    typed = line.replace("TOKEN", token)
    if typed.startswith("polyshared doctor"):
        typed += f" --timeout {PATIENCE_S:.0f}"  # the machine may be busy with other tests
    return typed


def around(data: Path, programs: Path) -> dict[str, str]:
    """Return the environment that commands are typed in."""
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]]),
        # Never another supervisor of this machine: one of the commands is kill.
        "POLY_DATA_DIR": str(data),
    }


def fault(line: str, code: int, said: str) -> str | None:
    """Return what is wrong with what a command did, if anything is."""
    allowed = {0, 1} if line in MAY_BE_ONE else {0}
    return None if code in allowed and said.strip() else f"{line}: exit code {code}\n{said}"


def faults_one_by_one(lines: Iterable[str], data: Path, programs: Path) -> list[str]:
    """Type commands into a shell, in their order."""
    found = []
    for line in lines:
        done = subprocess.run(
            ["/bin/sh", "-c", typed(line, data)],
            env=around(data, programs),
            cwd=programs,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S + 20,
            check=False,
        )
        found.append(fault(line, done.returncode, done.stdout + done.stderr))
    return [each for each in found if each is not None]


def faults_at_once(lines: Iterable[str], data: Path, programs: Path) -> list[str]:
    """Run commands that only look, several at a time."""
    every = list(lines)
    done = subprocess.run(
        [sys.executable, str(TYPIST), json.dumps([shlex.split(typed(e, data)) for e in every])],
        env=around(data, programs),
        cwd=programs,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 3,
        check=True,
    )
    ended = zip(every, json.loads(done.stdout), strict=True)
    found = (fault(line, code, said) for line, (code, said) in ended)
    return [each for each in found if each is not None]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_blocks_of_the_runbook_run_on_a_demo(tmp_path: Path, programs: Path) -> None:
    """In their order: kill and resume are among them. With what the tables ask the exchange."""
    text = ENGLISH.read_text(encoding="utf-8")
    live = [line for line in in_cells(text) if "--live" in line]
    with supervised("--demo", "--no-repl", directory=tmp_path) as demo:
        eventually(lambda: all_quote(demo), within_s=60, what="four children with quotes")
        found = faults_one_by_one([*in_blocks(text), *live], demo.data, programs)

    assert found == []
    assert not (demo.data / "KILL").exists()


def all_quote(demo: Supervised) -> bool:
    quotes = [child["quote"] for child in demo.children().values()]
    return len(quotes) == 4 and None not in quotes


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_tables_of_the_runbook_run_on_a_house(tmp_path: Path, programs: Path) -> None:
    lines = dict.fromkeys(in_cells(ENGLISH.read_text(encoding="utf-8")))
    (tmp_path / "logs").mkdir()
    with House(tmp_path) as house:
        here = [line for line in lines if "--live" not in line]
        found = faults_at_once(here, house.data_dir, programs)

    assert len(lines) > 40
    assert found == []


def test_both_languages_have_the_same_commands() -> None:
    assert commands(CHINESE) == commands(ENGLISH)


def test_both_readmes_have_the_same_commands() -> None:
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]

    assert in_blocks(pages[0]) == in_blocks(pages[1])
    assert len(in_blocks(pages[0])) > 5


def test_every_check_stands_in_the_runbook() -> None:
    text = ENGLISH.read_text(encoding="utf-8")

    assert [check.id for check in CHECKS if check.id not in text] == []
