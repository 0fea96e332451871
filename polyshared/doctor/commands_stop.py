"""The commands that stop trading and let it go on: kill, pause, resume."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from polyshared._clock import Moment
from polyshared.doctor import control, killing, words
from polyshared.doctor.killing import CANCEL_OPEN, KILL_FILE, Proof
from polyshared.doctor.locate import VARIABLE, Located, locate, running_data_dirs
from polyshared.doctor.options import (
    NOT_PROVEN,
    NOTHING_RUNS,
    USAGE,
    AsJson,
    DataDir,
    find,
    stop,
)
from polyshared.doctor.statusfiles import Supervisor, read_supervisor
from polyshared.doctor.why import resolve

ANSWER_S = 10.0
Token = Annotated[
    str | None, typer.Argument(help="Token id, its last digits will do; none means all.")
]


def kill(
    *,
    data_dir: DataDir = None,
    as_object: AsJson = False,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait for proof.")] = 60.0,
) -> None:
    """Place nothing more, cancel what is ours, and wait until that is proven.

    Acts on every running supervisor of this user, or on the data directory that is named.
    Exit codes: 0 proven at the exchange, 5 not proven: orders may be open.
    """
    found = _meant(data_dir)
    if not found:
        stop(NOT_PROVEN, f"no supervisor runs; orders may be open; run `{CANCEL_OPEN}`")
    by = getpass.getuser()
    switched, proofs = set_switches(found, by=by)
    for located, since in switched:
        typer.echo(f"{located.data_dir / KILL_FILE} is set", err=True)
        proofs[str(located.data_dir)] = killing.wait_for_proof(
            located, since, timeout_s=timeout, tell=_Teller(located)
        )
    if as_object:
        sys.stdout.write(json.dumps(_as_object(proofs)) + "\n")
    else:
        for name, proof in proofs.items():
            typer.echo(_sentence(name, proof))
    raise typer.Exit(0 if all(proof.is_complete for proof in proofs.values()) else NOT_PROVEN)


def set_switches(
    found: Iterable[Located], *, by: str
) -> tuple[list[tuple[Located, Moment]], dict[str, Proof]]:
    """Set every switch before any proof is waited for; one that cannot be set stops no other.

    Returns:
        Those that are set, each with the instant; and of the others why nothing is proven.
    """
    switched, failed = [], {}
    for located in found:
        try:
            switched.append((located, killing.switch(located.data_dir, by=by)))
        except OSError as error:
            failed[str(located.data_dir)] = Proof((f"{KILL_FILE} not set: {error.strerror}",))
    return switched, failed


def _meant(data_dir: Path | None) -> list[Located]:
    """Return the directory that is named, else those of all running supervisors."""
    if data_dir is not None or os.environ.get(VARIABLE):
        return [locate(data_dir, os.environ)]
    return [Located(folder, "supervisor") for folder in running_data_dirs()]


class _Teller:
    """Tells on standard error what is still missing, when that changes."""

    def __init__(self, located: Located) -> None:
        self._name = located.data_dir
        self._told: tuple[str, ...] = ()

    def __call__(self, proof: Proof) -> None:
        if proof.missing and proof.missing != self._told:
            typer.echo(f"{self._name}: waiting: {'; '.join(proof.missing)}", err=True)
        self._told = proof.missing


def _sentence(name: str, proof: Proof) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if proof.is_complete:
        return f"{name}: proven at {now}: the exchange shows no open order of ours"
    why = "nothing of ours runs there" if proof.nobody else "; ".join(proof.missing)
    left = ""
    if proof.survivors:
        ids = words.some(proof.survivors, limit=10)
        left = f"; may be open: {ids}"
    return f"{name}: not proven: {why}{left}; orders may be open; run `{CANCEL_OPEN}`"


def _as_object(proofs: dict[str, Proof]) -> dict[str, object]:
    return {
        "schema": 1,
        "proven": all(proof.is_complete for proof in proofs.values()),
        "at": time.time(),
        "data_dirs": {
            name: {
                "proven": proof.is_complete,
                "missing": list(proof.missing),
                "nobody": proof.nobody,
                "survivors": dict(proof.survivors),
            }
            for name, proof in proofs.items()
        },
    }


def pause(token: Token = None, *, data_dir: DataDir = None) -> None:
    """Place nothing more for one token, or for all; what rests is cancelled.

    Exit codes: 0 done, 1 refused, 3 nothing runs, 5 no answer.
    """
    located = find(data_dir)
    _ask(located, "pause", token)


def resume(
    token: Token = None,
    *,
    data_dir: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before KILL is removed.")] = False,
) -> None:
    """Trade again: remove the kill switch, after a question, and end a pause.

    Exit codes: 0 done, 1 refused, 3 nothing runs, 5 no answer.
    """
    located = find(data_dir)
    switch = located.data_dir / KILL_FILE
    if switch.exists():
        if token is not None:
            stop(1, f"{switch} stops every token; resume without a token")
        if not yes and not _confirmed(f"remove {switch} and trade again?"):
            stop(1, "nothing was changed")
        switch.unlink(missing_ok=True)
        typer.echo(f"{switch} is removed")
        if not (located.data_dir / "PAUSE.json").exists():
            return
    _ask(located, "resume", token)


def _confirmed(question: str) -> bool:
    """Ask; where nobody can answer, say what to type instead."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        stop(1, "nothing was changed; nobody answered: say --yes where there is no terminal")


def _whole(located: Located, given: str) -> str:
    """Return the whole id of a token of which the last digits, or the short form, were given.

    A whole id that is not known here goes on: the supervisor may know more, or refuses it.
    """
    said = read_supervisor(located.data_dir)
    tasks = said.tasks if isinstance(said, Supervisor) else {}
    found = resolve(given, tasks)
    if len(found) > 1:
        stop(USAGE, f"{given!r} means {len(found)} tokens: {words.some(found, limit=5)}")
    if not found and len(given) < words.LONG_ID:  # no id is so short
        stop(USAGE, f"no token here ends with {given!r}; known are {words.some(tasks, limit=5)}")
    return found[0] if found else given


def _ask(located: Located, request: str, token: str | None) -> None:
    if located.data_dir.resolve() not in [each.resolve() for each in running_data_dirs()]:
        stop(NOTHING_RUNS, f"no supervisor runs in {located.data_dir}")
    meant = None if token is None else _whole(located, token)
    try:
        answer = control.ask(
            located.data_dir, request, token=meant, by=getpass.getuser(), timeout_s=ANSWER_S
        )
    except control.NoAnswer as error:
        stop(NOT_PROVEN, error)
    except OSError as error:
        stop(NOT_PROVEN, f"{located.data_dir / control.FOLDER}: {error.strerror}")
    typer.echo(answer.message or f"{request}: done", err=not answer.ok)
    raise typer.Exit(0 if answer.ok else 1)
