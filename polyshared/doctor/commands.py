"""The commands that look at a running program: doctor, why, status, errors."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated

import typer

from polyshared import _clock
from polyshared.doctor import errors as errorlog
from polyshared.doctor import logs, overview, words
from polyshared.doctor.command import doctor, stop_if_nothing_runs
from polyshared.doctor.commands_bundle import bundle
from polyshared.doctor.commands_stop import kill, pause, resume
from polyshared.doctor.facts import Facts, gather
from polyshared.doctor.locate import log_folder
from polyshared.doctor.options import NOT_WELL, NOTHING_RUNS, USAGE, AsJson, DataDir, find, stop
from polyshared.doctor.statusfiles import read_supervisor
from polyshared.doctor.told import read_told
from polyshared.doctor.why import Link, chain, first_not_passed, resolve, tokens_of

TIMEOUT_S = 20.0


def register(app: typer.Typer) -> None:
    """Add the commands to the program ``polyshared``."""
    for command in (doctor, why, status, errors, kill, pause, resume, bundle):
        app.command()(command)


def why(
    token: Annotated[str, typer.Argument(help="Token id; its last digits will do.")],
    *,
    data_dir: DataDir = None,
    as_object: AsJson = False,
) -> None:
    """Say what keeps one token from an order: the first link that is not well.

    Exit codes: 0 every link is well or waits for the market, 1 one is blocked or broken,
    2 no such token, 3 nothing runs.
    """
    located = find(data_dir)
    facts = gather(located, {"children", "cache"}, timeout_s=TIMEOUT_S)
    stop_if_nothing_runs(facts)
    found = resolve(token, tokens_of(facts))
    if len(found) != 1:
        known = words.some(found or tokens_of(facts), limit=5)
        if found:
            stop(USAGE, f"{token!r} means {len(found)} tokens; give more digits: {known}")
        stop(USAGE, f"no token here ends with {token!r}; known are {known or 'none'}")
    links = chain(found[0], facts, read_told(located.data_dir, found[0]))
    stopper = first_not_passed(links)
    if as_object:
        _print_json(found[0], links, stopper)
    else:
        _print_links(found[0], links, stopper)
    raise typer.Exit(NOT_WELL if stopper is not None and stopper.state.is_red else 0)


def _print_json(token: str, links: list[Link], stopper: Link | None) -> None:
    body = {
        "schema": 1,
        "token_id": token,
        "first_red": None if stopper is None else stopper.name,
        "links": [
            {
                "name": link.name,
                "state": link.state.value,
                "reason": link.reason,
                "since": link.since,
                "cure": link.cure,
            }
            for link in links
        ],
    }
    sys.stdout.write(json.dumps(body, ensure_ascii=False) + "\n")


def _print_links(token: str, links: list[Link], stopper: Link | None) -> None:
    now = time.time()
    typer.echo(f"token {words.short(token)}")
    for link in links:
        since = "" if link.since is None else words.age(max(0.0, now - link.since))
        mark = "→" if link is stopper else " "
        for line in overview.cells(
            (mark, 1), (link.name, 10), (link.state, 7), (since, 8), last=link.reason
        ):
            typer.echo(line)
    if stopper is None:
        typer.echo("every link is well")
        return
    cure = f"; cure: {stopper.cure}" if stopper.cure else ""
    verb = "waits" if stopper.state == "wait" else "stops"
    typer.echo(f"{words.short(token)} {verb} at {stopper.name}: {stopper.reason}{cure}")


def status(
    *,
    data_dir: DataDir = None,
    as_object: AsJson = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")
    ] = False,
) -> None:
    """Show on one screen what runs. Exit code 1: something is not well; 3: nothing runs."""
    located = find(data_dir)
    while True:
        facts = gather(located, {"children"}, timeout_s=TIMEOUT_S)
        stop_if_nothing_runs(facts)
        _show(facts, as_object=as_object, clear=watch and sys.stdout.isatty())
        if not watch:
            raise typer.Exit(0 if overview.is_well(facts) else NOT_WELL)
        time.sleep(1.0)


def _show(facts: Facts, *, as_object: bool, clear: bool) -> None:
    if as_object:
        sys.stdout.write(json.dumps(overview.as_object(facts), ensure_ascii=False) + "\n")
        return
    # Home, then erase what follows: a full clear flickers.
    text = "\n".join(overview.lines(facts))
    sys.stdout.write(f"\x1b[H\x1b[J{text}\n" if clear else f"{text}\n")
    sys.stdout.flush()


def errors(
    *,
    data_dir: DataDir = None,
    as_object: AsJson = False,
    hours: Annotated[float, typer.Option(min=0.0, help="Look back so far.")] = 24.0,
) -> None:
    """Count what was logged as an error, by event. Exit code 1: there was one; 3: no log."""
    located = find(data_dir)
    folder = log_folder(located.data_dir, read_supervisor(located.data_dir))
    if not folder.is_dir():
        stop(NOTHING_RUNS, f"{folder} does not exist")
    events = errorlog.digest(folder, since=_clock.now().wall_s - hours * 3600.0)
    if as_object:
        sys.stdout.write(json.dumps(errorlog.as_object(events), ensure_ascii=False) + "\n")
    else:
        typer.echo("\n".join(errorlog.lines(events)) or f"no error in the last {hours:g} h")
    if broken := logs.broken_lines(folder):
        typer.echo(f"{broken} of the last lines of {logs.ERRORS_FILE} cannot be read", err=True)
    raise typer.Exit(NOT_WELL if events else 0)
