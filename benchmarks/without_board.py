"""Without the board: children that look at the JSON file every 20 ms."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.harness import stats
from benchmarks.harness.context import Context
from benchmarks.harness.report import Section, Table, Verdict, microseconds, number
from benchmarks.harness.rounds import Cell, Results, Runner, Slot, Turn, interleave
from benchmarks.peers import load_peer

TITLE = "Without the board"
CELLS = (Cell(500, 50, 1000), Cell(5000, 50, 1000))
QUICK = (Cell(500, 3, 1000), Cell(5000, 3, 1000))


def run(context: Context) -> Section:
    """Run both sizes side by side."""
    cells = QUICK if context.is_quick else CELLS
    turn = Turn(1 if context.is_quick else 3, 0.4, 2.0)
    results = Results()
    poll = load_peer("poll")
    ends_at = time.monotonic() + min(45.0, context.left_s)
    small, large = cells
    with (
        Runner(
            poll, tokens=small.tokens, children=small.children, directory=context.directory
        ) as few,
        Runner(
            poll, tokens=large.tokens, children=large.children, directory=context.directory
        ) as many,
    ):
        slots = [Slot(few, small, turn), Slot(many, large, turn)]
        interleave(slots, may_go_on=lambda: time.monotonic() < ends_at, results=results)
    return _section(results, cells)


def _section(results: Results, cells: tuple[Cell, Cell]) -> Section:
    section = Section(TITLE, failure="; ".join(results.failures))
    section.text.append(
        "Where nothing can wake a reader (no futex, no inotify), it reads its own line "
        "every 20 ms. The writer replaces the file as often."
    )
    rows = []
    for cell in cells:
        rounds = results.rounds(cell, "poll")
        each = stats.of(rounds, "cpu_children").median / cell.children
        p50, p99 = stats.of(rounds, "p50_us").median, stats.of(rounds, "p99_us").median
        rows.append([str(cell), microseconds(p50), microseconds(p99), number(each, "%")])
        section.verdicts += _verdicts(cell, p50 / 1000, p99 / 1000, each)
    section.tables.append(Table("", ["", "p50", "p99", "CPU a child"], rows))
    return section


def _verdicts(cell: Cell, p50_ms: float, p99_ms: float, cpu: float) -> Iterator[Verdict]:
    where = f"without the board, {cell}"
    yield Verdict(f"p50, {where}", p50_ms, 25.0, "ms")
    yield Verdict(f"p99, {where}", p99_ms, 45.0, "ms")
    yield Verdict(f"CPU a child, {where}", cpu, 0.3, "%")
