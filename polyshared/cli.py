"""The command ``polyshared``."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from polyshared import Entry, Snapshot, SnapshotError, SnapshotMissing, SnapshotReader
from polyshared._clock import boot_s
from polyshared._codec import MAX_BYTES
from polyshared._files import read_up_to
from polyshared._schema import find_deviation

NOT_WELL, NOTHING_RUNS = 1, 3
_STALE_AFTER_S = 10.0
_SHORT_CHARS = 12

app = typer.Typer(
    help="Share the latest state of many keys between processes of one machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Directory of ws_cache.json.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def main() -> None:
    add_doctor()
    app()


def add_doctor() -> None:
    """Add the commands that look at a trading program, where their packages are installed."""
    try:
        from polyshared.doctor.commands import register  # noqa: PLC0415 - psutil is an extra
    except ImportError:
        return
    register(app)


def data_dir(given: Path | None) -> Path:
    """Return the data directory: as given, POLY_DATA_DIR, the running supervisor's, ./data."""
    try:
        from polyshared.doctor.options import find  # noqa: PLC0415 - psutil is an extra
    except ImportError:
        return given or Path(os.environ.get("POLY_DATA_DIR") or "data")
    return find(given).data_dir


def _fail(code: int, message: object) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


@app.command()
def show(
    key: Annotated[str | None, typer.Argument(help="One key; its last digits will do.")] = None,
    *,
    directory: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what the snapshot holds now. Exit code 1: stale; 3: there is none."""
    path = data_dir(directory) / "ws_cache.json"
    try:
        snapshot = SnapshotReader(path, max_age_s=math.inf).read()
    except SnapshotMissing as error:
        _fail(NOTHING_RUNS, error)
    except SnapshotError as error:
        _fail(NOT_WELL, error)
    entries = _select(snapshot, key)
    if not entries and key is not None:
        _fail(NOT_WELL, SnapshotMissing(path, key=key))
    typer.echo(_as_json(snapshot, entries) if as_json else "\n".join(_as_text(snapshot, entries)))
    if snapshot.age_s > _STALE_AFTER_S:
        raise typer.Exit(NOT_WELL)


def _select(snapshot: Snapshot, key: str | None) -> list[Entry]:
    if key is None:
        return list(snapshot.tokens.values())
    if key in snapshot.tokens:
        return [snapshot.tokens[key]]
    return [entry for each, entry in snapshot.tokens.items() if each.endswith(key)]


def _as_json(snapshot: Snapshot, entries: list[Entry]) -> str:
    return json.dumps(
        {
            "epoch": snapshot.epoch,
            "flush_seq": snapshot.flush_seq,
            "age_s": _finite(snapshot.age_s),
            "writer": snapshot.writer,
            "feed": snapshot.feed,
            "tokens": {
                entry.key: {**entry.fields, "seq": entry.seq, "age_s": _finite(entry.age_s)}
                for entry in entries
            },
        },
        ensure_ascii=False,
    )


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None


def _as_text(snapshot: Snapshot, entries: list[Entry]) -> list[str]:
    state = snapshot.feed.get("state", "?")
    head = (
        f"epoch {snapshot.epoch}  flush {snapshot.flush_seq}  written {snapshot.age_s:.1f} s ago  "
        f"feed {state}  keys {len(snapshot.tokens)}"
    )
    return [head, *(_line(entry) for entry in entries)]


def _line(entry: Entry) -> str:
    plain = (
        f"{name}={value}"
        for name, value in entry.fields.items()
        if not isinstance(value, list | dict)
    )
    return f"{_short(entry.key)}  seq={entry.seq} age_s={entry.age_s:.1f} {' '.join(plain)}"


def _short(key: str) -> str:
    return key if len(key) <= _SHORT_CHARS else f"{key[:4]}…{key[-4:]}"


@app.command()
def watch(
    key: Annotated[str | None, typer.Argument(help="The key to follow; none: all.")] = None,
    *,
    directory: DataDir = None,
    seconds: Annotated[float, typer.Option(help="Stop after this time.")] = math.inf,
) -> None:
    """Print a line at each change of a key; without one, show all tokens in a live table.

    Keys of the table: s sorts by the next column, r reverses, / filters, q ends.
    Exit code 1: not well in the end; 3: nothing runs.
    """
    if key is None:
        _watch_all(directory, seconds)
        return
    end_s = boot_s() + seconds
    told, is_well = "", False
    with SnapshotReader(data_dir(directory) / "ws_cache.json") as reader:
        while (rest_s := end_s - boot_s()) > 0:
            try:
                entry = reader.follow(key, timeout_s=min(1.0, rest_s))
            except SnapshotError as error:
                news, line, is_well = type(error).__name__, str(error), False
            else:
                news, line, is_well = str(entry.version), _line(entry), True
            if news != told:
                typer.echo(line)
            told = news
    if not is_well:
        raise typer.Exit(NOT_WELL)


def _watch_all(directory: Path | None, seconds: float) -> None:
    try:
        from polyshared.doctor.livetable import watch_all  # noqa: PLC0415 - an extra
    except ImportError as error:
        _fail(NOTHING_RUNS, f"the table needs the package {error.name!r}; name a key")
    watch_all(directory, seconds=seconds)


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(help="The snapshot file.")],
) -> None:
    """Hold a file against docs/ws_cache.schema.json. Exit code 1: it deviates; 3: there is none."""
    try:
        snapshot = SnapshotReader(file, max_age_s=math.inf).read()
        deviation = find_deviation(read_up_to(file.resolve(), MAX_BYTES))
    except SnapshotMissing as error:
        _fail(NOTHING_RUNS, error)
    except (SnapshotError, OSError) as error:
        _fail(NOT_WELL, error)
    if deviation is not None:
        _fail(NOT_WELL, f"{file}: {deviation}")
    typer.echo(f"{file}: valid, epoch {snapshot.epoch}, {len(snapshot.tokens)} keys")
