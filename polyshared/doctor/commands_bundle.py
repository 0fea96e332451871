"""``polyshared bundle``: what to send to whoever is to help."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from polyshared.doctor import bundle as archive
from polyshared.doctor import control
from polyshared.doctor.checks import select
from polyshared.doctor.command import examine, nothing_runs
from polyshared.doctor.facts import Facts
from polyshared.doctor.options import NOT_WELL, DataDir, find, stop
from polyshared.doctor.redact import Redactor, secret_values
from polyshared.doctor.report import as_json

TIMEOUT_S = 30.0
ANSWER_S = 5.0


def bundle(
    *,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option(help="The archive; else polyshared-bundle-<time>.tar.gz here.")
    ] = None,
) -> None:
    """Pack what helps others to help: doctor's report, status, cache, last frames, logs.

    Secrets are taken out: keys, credentials, owners of orders, webhooks, passwords in
    URLs. The ledger is never packed. Look into it before you send it.
    """
    located = find(data_dir)
    examined = examine(located, select([]), timeout_s=TIMEOUT_S)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = out or Path(f"polyshared-bundle-{stamp}.tar.gz")
    redactor = Redactor(secret_values(os.environ.items()), salt=secrets.token_bytes(16))
    parts = archive.collect(
        examined.facts,
        doctor=as_json(examined.report),
        frames=_last_frames(examined.facts),
        environ=dict(os.environ),
    )
    try:
        names = archive.write(path, parts, redactor)
    except OSError as error:
        stop(NOT_WELL, f"{path}: {error.strerror}")
    for name in names:
        typer.echo(f"  {name}")
    typer.echo(f"{path}: {len(names)} files, secrets taken out; look into it before you send it")


def _last_frames(facts: Facts) -> str:
    """Return the newest raw frames as the supervisor keeps them; else one line that says why not.

    Only it has them: nothing per frame is written to the disk.
    """
    if nothing_runs(facts):
        return _no_frames("nothing runs")
    try:
        answer = control.ask(
            facts.located.data_dir, "frames", token=None, by="bundle", timeout_s=ANSWER_S
        )
    except control.NoAnswer as error:
        return _no_frames(str(error))
    except OSError as error:
        return _no_frames(f"{facts.located.data_dir / control.FOLDER}: {error.strerror}")
    return answer.message if answer.ok else _no_frames(answer.message)


def _no_frames(reason: str) -> str:
    return json.dumps({"available": False, "reason": reason}) + "\n"
