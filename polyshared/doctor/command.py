"""``polyshared doctor``: options in, report out, exit code."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from polyshared.doctor import fixes
from polyshared.doctor.checks import CHECKS, NeedsLive, UnknownCheck, available, select
from polyshared.doctor.facts import Facts, gather
from polyshared.doctor.graph import (
    DoctorExit,
    Known,
    Row,
    Status,
    exit_code,
    judge_all,
    with_ancestors,
)
from polyshared.doctor.locate import Located, SeveralSupervisors, locate
from polyshared.doctor.options import NOTHING_RUNS, stop
from polyshared.doctor.report import Report, as_json, print_report
from polyshared.doctor.statusfiles import Unreadable

SETTINGS_CHECK = "config.load"


def doctor(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[GROUP|ID]...", help="Only these checks.")
    ] = None,
    *,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Data directory; else POLY_DATA_DIR, the running one, ./data."),
    ] = None,
    as_object: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning is a failure.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Say what doctor could mend by itself; see --yes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --fix: do it.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Ask the exchange too.")] = False,
    token: Annotated[str | None, typer.Option(help="Look at this child alone.")] = None,
    list_checks: Annotated[
        bool, typer.Option("--list-checks", help="Name every check and end.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds for everything.")] = 20.0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With evidence.")] = False,
) -> None:
    """Find the first broken link between the exchange and an order.

    Exit codes, the first that holds: 2 usage, 5 timed out, 4 settings unreadable,
    1 a check failed, 3 nothing runs, 0 all is well.
    """
    if list_checks:
        _list_checks()
        return
    try:
        wanted = select(names or [], live=live)
        located = locate(data_dir, os.environ)
    except (UnknownCheck, NeedsLive, SeveralSupervisors) as error:
        _usage(error)
    look = partial(
        examine,
        located,
        wanted,
        timeout_s=timeout,
        live=live,
        token=token,
        strict=strict,
        verbose=verbose,
    )
    report = look().report
    if fix and _mend(report, yes=yes):
        report = look().report
    _print(report, as_object=as_object)
    raise typer.Exit(report.exit_code)


def _print(report: Report, *, as_object: bool) -> None:
    if as_object:
        sys.stdout.write(as_json(report) + "\n")
    else:
        print_report(report, sys.stdout)


def _mend(report: Report, *, yes: bool) -> bool:
    """Mend what can be mended, or say what would be; return whether anything was done."""
    steps = fixes.plan(report.rows, report.located.data_dir)
    if not steps:
        typer.echo("nothing that doctor can mend by itself", err=True)
    done = False
    for step in steps:
        if not yes:
            typer.echo(f"would mend {step.check}: {step.text}; do it with --fix --yes", err=True)
            continue
        was_done, said = fixes.carry_out(step)
        done |= was_done
        typer.echo(f"{'mended' if was_done else 'left'} {step.check}: {said}", err=True)
    return done


@dataclass(frozen=True, slots=True)
class Examined:
    """What was gathered, and what it means."""

    facts: Facts
    report: Report


def examine(
    located: Located,
    wanted: Collection[str],
    *,
    timeout_s: float,
    live: bool = False,
    token: str | None = None,
    strict: bool = False,
    verbose: bool = False,
) -> Examined:
    """Gather what the *wanted* checks and their parents need, and judge it."""
    checks = with_ancestors(available(live=live), wanted)
    needs = {name for check in checks for name in check.needs}
    facts = gather(located, needs, timeout_s=timeout_s, token=token)
    rows = shown(judge_all(checks, facts), wanted)
    code = exit_code(
        rows,
        strict=strict,
        out_of_time=facts.out_of_time,
        settings_unreadable=_settings_unreadable(rows, facts),
        nothing_runs=nothing_runs(facts),
    )
    return Examined(facts, Report(rows, code, located, time.time(), _version(), verbose))


def _usage(error: Exception) -> NoReturn:
    typer.echo(error, err=True)
    raise typer.Exit(DoctorExit.USAGE)


def _list_checks() -> None:
    for check in CHECKS:
        typer.echo(f"{check.id:<18}{check.title}")


def shown(rows: Sequence[Row], wanted: Collection[str]) -> list[Row]:
    """Return the wanted rows, and of what they depend on those that failed and block them."""
    blockers = {row.blocked_by for row in rows if row.id in wanted and row.blocked_by is not None}
    return [row for row in rows if row.id in wanted or row.id in blockers]


def nothing_runs(facts: Facts) -> bool:
    """Tell whether no process of ours is alive in this data directory."""
    supervisor, children = facts.supervisor, facts.children
    alive = isinstance(supervisor, Known) and supervisor.value.is_alive
    if not alive and isinstance(children, Known):
        alive = bool(children.value.orphans)
    return not alive


def stop_if_nothing_runs(facts: Facts) -> None:
    """End with exit code 3 where no process of ours is alive, and say what could not be read."""
    if not nothing_runs(facts):
        return
    sentence = f"nothing runs in {facts.located.data_dir}"
    supervisor = facts.supervisor
    if isinstance(supervisor, Known) and isinstance(supervisor.value.status, Unreadable):
        found = supervisor.value.status
        sentence = f"no process of ours is known: {found.path}: {found.reason}"
    stop(NOTHING_RUNS, sentence)


def _settings_unreadable(rows: Sequence[Row], facts: Facts) -> bool:
    """Tell whether the settings were read and are wrong; not whether nobody could ask."""
    failed = any(row.id == SETTINGS_CHECK and row.status is Status.FAIL for row in rows)
    return failed and isinstance(facts.settings, Known)


def _version() -> str:
    try:
        return importlib.metadata.version("polyshared")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
