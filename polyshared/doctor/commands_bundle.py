"""``polyshared bundle``: what to send to whoever is to help."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from polyshared.doctor import bundle as archive
from polyshared.doctor.checks import select
from polyshared.doctor.command import examine
from polyshared.doctor.options import NOT_WELL, DataDir, find, stop
from polyshared.doctor.redact import Redactor, secret_values
from polyshared.doctor.report import as_json

TIMEOUT_S = 30.0


def bundle(
    *,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option(help="The archive; else polyshared-bundle-<time>.tar.gz here.")
    ] = None,
) -> None:
    """Pack what helps others to help: doctor's report, status, cache, ends of the logs.

    Secrets are taken out: keys, credentials, owners of orders, webhooks, passwords in
    URLs. The ledger is never packed. Look into it before you send it.
    """
    located = find(data_dir)
    examined = examine(located, select([]), timeout_s=TIMEOUT_S)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = out or Path(f"polyshared-bundle-{stamp}.tar.gz")
    redactor = Redactor(secret_values(os.environ.items()), salt=secrets.token_bytes(16))
    parts = archive.collect(
        examined.facts, doctor=as_json(examined.report), environ=dict(os.environ)
    )
    try:
        names = archive.write(path, parts, redactor)
    except OSError as error:
        stop(NOT_WELL, f"{path}: {error.strerror}")
    for name in names:
        typer.echo(f"  {name}")
    typer.echo(f"{path}: {len(names)} files, secrets taken out; look into it before you send it")
