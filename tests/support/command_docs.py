"""docs/commands.md: what every command answers to ``--help``, word for word.

    python tests/support/command_docs.py       writes the file anew

tests/test_commands.py holds the file against the programs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import typer

from polyshared import cli

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "commands.md"
COLUMNS = "80"
# Without the script that pip makes, polyshared would call itself "python -m polyshared".
AS_POLYSHARED = "import sys; sys.argv[0] = 'polyshared'; from polyshared.cli import main; main()"

HEAD = """\
# Commands

What each program answers to `--help`, in 80 columns. `tests/test_commands.py` holds this file
against the programs; `python tests/support/command_docs.py` writes it anew. What to type when:
[runbook.md](runbook.md). Exit codes: [README](../README.md#when-it-does-not-trade).
"""

PROGRAMS: dict[str, tuple[str, ...]] = {
    "python poly_maker_autorun.py": ("poly_maker_autorun.py",),
    "python POLYMARKET_MAKER/Volatility_arbitrage_run.py": (
        "POLYMARKET_MAKER/Volatility_arbitrage_run.py",
    ),
    "python POLYMARKET_MAKER/copytrade_run.py": ("POLYMARKET_MAKER/copytrade_run.py",),
    "python -m POLYMARKET_MAKER.sim": ("-m", "POLYMARKET_MAKER.sim"),
    "python -m POLYMARKET_MAKER.probe": ("-m", "POLYMARKET_MAKER.probe"),
}


def commands() -> dict[str, tuple[str, ...]]:
    """Return what a user types, and what Python is given for it."""
    cli.add_doctor()
    click = typer.main.get_command(cli.app)
    found: dict[str, tuple[str, ...]] = {"polyshared": ("-c", AS_POLYSHARED)}
    for name in click.commands:  # type: ignore[attr-defined]  # it is a group
        found[f"polyshared {name}"] = ("-c", AS_POLYSHARED, name)
    return PROGRAMS | found


def help_of(arguments: tuple[str, ...]) -> str:
    """Return what a program answers to ``--help`` on a terminal of 80 columns, without colour."""
    done = subprocess.run(
        [sys.executable, *arguments, "--help"],
        env={**os.environ, "COLUMNS": COLUMNS, "NO_COLOR": "1", "TERM": "dumb"},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(lines).strip("\n")


def section(command: str, text: str) -> str:
    """Return a command's part of the file."""
    return f"\n## {command}\n\n```text\n{text}\n```\n"


def main() -> None:
    typed = commands()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(help_of, typed.values())
    FILE.write_text(HEAD + "".join(map(section, typed, answers)), encoding="utf-8")


if __name__ == "__main__":
    main()
