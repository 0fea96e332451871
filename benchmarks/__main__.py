"""Run all benchmarks and write RESULTS.md and its plot.

    python -m benchmarks [--force] [--quick] [--minutes 9.2] [--only NAME,…] [--dir PATH]

Ends with 0 if everything was measured, whatever it showed; with 1 if something could not be,
and with 3 if the machine is too busy to measure anything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import (
    at_rest,
    disk_bytes,
    flat,
    frame_cost,
    idle_child,
    own_line,
    put_to_child,
    whole_program,
    without_board,
)
from benchmarks.harness import machine, stats
from benchmarks.harness.context import Context, say
from benchmarks.harness.errors import OutOfTimeError
from benchmarks.harness.plot import Bar, draw
from benchmarks.harness.report import Section, document, verdict_table
from benchmarks.harness.rounds import Cell, Results
from benchmarks.peers import load_peer

HERE = Path(__file__).resolve().parent
PLOT = "put_to_child.svg"
_GRACE_S = 60
_TOO_BUSY = 3

SMALL: dict[str, tuple[str, Callable[[Context], Section]]] = {
    "own_line": (own_line.TITLE, own_line.run),
    "frame_cost": (frame_cost.TITLE, frame_cost.run),
    "idle_child": (idle_child.TITLE, idle_child.run),
    "disk_bytes": (disk_bytes.TITLE, disk_bytes.run),
    "flat": (flat.TITLE, flat.run),
    "without_board": (without_board.TITLE, without_board.run),
    "whole_program": (whole_program.TITLE, whole_program.run),
    "at_rest": (at_rest.TITLE, at_rest.run),
}
GRID = "put_to_child"


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for."""
    options = _options(words)
    try:
        share = machine.busy_share()
        if not options.force:
            machine.require_quiet(share)
    except machine.BusyError as error:
        sys.stderr.write(f"{error}\n")
        return _TOO_BUSY
    seconds = 60 * options.minutes
    ends_at = time.monotonic() + seconds
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.signal(signal.SIGTERM, _stopped)
    signal.alarm(int(seconds) + _GRACE_S)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.dir))
    try:
        context = Context(folder, ends_at, options.quick)
        head = _head(machine.describe(folder, share=share), options, share)
        sections, results = _measure(context, options.only)
    finally:
        signal.alarm(0)
        shutil.rmtree(folder, ignore_errors=True)
    _tell(_folder_of_results(options), head, sections, results)
    return 1 if any(section.failure for section in sections) else 0


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure, and compare.")
    parser.add_argument("--force", action="store_true", help="also on a busy machine")
    parser.add_argument("--quick", action="store_true", help="tiny runs: does everything work?")
    parser.add_argument("--minutes", type=float, default=9.2, help="for everything (9.2)")
    names = [*SMALL, GRID]
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=names, help=", ".join(names)
    )
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp"), help="on a disk")  # noqa: S108 - ours by mkdtemp
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of RESULTS.md; without it a whole run goes to benchmarks/, any other is shown",
    )
    options = parser.parse_args(words)
    for name in options.only:
        if name not in names:
            parser.error(f"no benchmark is called {name!r}; there are {', '.join(names)}")
    return options


def _stopped(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt  # so that what was started is ended


def _out_of_time(_number: int, _frame: object) -> None:
    """Interrupt what hangs, and again in a while if more does."""
    signal.alarm(_GRACE_S)
    raise OutOfTimeError("the run took longer than it may")


def _measure(context: Context, names: Sequence[str]) -> tuple[list[Section], Results]:
    """Run what bounds are about of the grid, then the small ones, then the rest of the grid."""
    sections: list[Section] = []
    results = Results()
    if GRID in names:
        say(put_to_child.TITLE)
        put_to_child.run_bound(context, results)
    for name, (title, run) in SMALL.items():
        if name in names:
            sections.append(_one(title, run, context))
    if GRID in names:
        say(f"{put_to_child.TITLE}, the rest")
        sections.insert(0, put_to_child.run_rest(context, results))
    return sections, results


def _one(title: str, run: Callable[[Context], Section], context: Context) -> Section:
    say(title)
    began = time.monotonic()
    try:
        section = run(context)
    except Exception as error:  # noqa: BLE001 - the others can still be measured
        say(f"  failed: {error}")
        return Section(title, failure=f"{type(error).__name__}: {error}")
    for verdict in section.verdicts:
        say(f"  {' | '.join(verdict.row()[:4])}")
    say(f"  {time.monotonic() - began:.0f} s")
    return section


def _head(facts: Sequence[str], options: argparse.Namespace, share: float) -> list[str]:
    lines = ["# Results", "Made by `make bench`; [README.md](README.md) says how."]
    if share > machine.MAX_BUSY:
        lines.append(
            f"**Forced on a busy machine** ({share:.0%} of the processors in use before the "
            "start): the figures are not to be trusted."
        )
    if options.quick:
        lines.append("**A quick run**: too short for its figures to mean anything.")
    lines.append("\n".join(f"- {fact}" for fact in facts))
    return lines


def _folder_of_results(options: argparse.Namespace) -> Path | None:
    """Return where the results go; None if they are only to be shown.

    A look at some of it must not take the place of the whole.
    """
    is_whole = not options.quick and set(options.only) == {*SMALL, GRID}
    given: Path | None = options.out
    return given or (HERE if is_whole else None)


def _tell(out: Path | None, head: list[str], sections: list[Section], results: Results) -> None:
    if out is None:
        say(document(head, sections))
        return
    out.mkdir(parents=True, exist_ok=True)
    cell = _main_cell(results)
    if cell is not None:
        (out / PLOT).write_text(_plot(results, cell), encoding="utf-8")
        head = [*head, f"![put → child]({PLOT})"]
    (out / "RESULTS.md").write_text(document(head, sections), encoding="utf-8")
    say("")
    say(verdict_table(verdict for section in sections for verdict in section.verdicts))
    say(f"written to {os.fspath(out / 'RESULTS.md')}")


def _main_cell(results: Results) -> Cell | None:
    """Return the cell that most designs took part in."""
    return max(results.cells(), key=lambda cell: len(results.designs(cell)), default=None)


def _plot(results: Results, cell: Cell) -> str:
    bars = [
        Bar(
            title=load_peer(name).title,
            p50_us=stats.of(rounds, "p50_us").median,
            p99_us=stats.of(rounds, "p99_us").median,
            cpu=stats.of(rounds, "cpu").median,
            is_ours=name == put_to_child.OURS,
        )
        for name, rounds in results.designs(cell).items()
    ]
    return draw(f"put → child: {cell}", bars)


if __name__ == "__main__":
    sys.exit(main())
