"""What the commands have in common: options, exit codes, finding the data directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from polyshared.doctor.locate import Located, SeveralSupervisors, locate

NOT_WELL, USAGE, NOTHING_RUNS, NOT_PROVEN = 1, 2, 3, 5

DataDir = Annotated[
    Path | None, typer.Option(help="Data directory; else POLY_DATA_DIR, the running one, ./data.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def stop(code: int, message: object) -> NoReturn:
    """End with one sentence on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def find(data_dir: Path | None) -> Located:
    """Return the data directory that is meant, or end with exit code 2."""
    try:
        return locate(data_dir, os.environ)
    except SeveralSupervisors as error:
        stop(USAGE, error)
