"""Flat: what a change costs does not grow with the number of tokens and children."""

from __future__ import annotations

import time

from benchmarks.harness import stats
from benchmarks.harness.context import Context
from benchmarks.harness.report import Section, Table, Verdict, microseconds, number
from benchmarks.harness.rounds import Cell, Results, Runner, Slot, Turn, interleave
from benchmarks.peers import load_peer

TITLE = "Flat in tokens and children"
SMALL, LARGE = Cell(50, 10, 1000), Cell(5000, 200, 1000)
QUICK_LARGE = Cell(500, 12, 1000)


def run(context: Context) -> Section:
    """Compare a small house with a large one, round by round."""
    large = QUICK_LARGE if context.is_quick else LARGE
    turn = Turn(1 if context.is_quick else 5, 0.4, 1.5)
    results = Results()
    board = load_peer("board")
    ends_at = time.monotonic() + min(60.0, context.left_s)
    with (
        Runner(
            board, tokens=SMALL.tokens, children=SMALL.children, directory=context.directory
        ) as few,
        Runner(
            board, tokens=large.tokens, children=large.children, directory=context.directory
        ) as many,
    ):
        slots = [Slot(few, SMALL, turn), Slot(many, large, turn)]
        interleave(slots, may_go_on=lambda: time.monotonic() < ends_at, results=results)
    return _section(results, large)


def _section(results: Results, large: Cell) -> Section:
    section = Section(TITLE, failure="; ".join(results.failures))
    section.text.append(
        "Our board alone, both sizes in every round. The JSON file, written every half second "
        "beside the board, is in the CPU of both."
    )
    rows = []
    for cell in (SMALL, large):
        rounds = results.rounds(cell, "board")
        p50, cpu = stats.of(rounds, "p50_us"), stats.of(rounds, "cpu")
        service = stats.of(rounds, "service_p50_us")
        figures = [microseconds(p50.median), microseconds(service.median), number(cpu.median)]
        rows.append([str(cell), *figures, str(p50.count)])
    section.tables.append(Table("", ["", "p50", "service p50", "CPU %", "rounds"], rows))
    names = {"p50_us": "p50", "cpu": "CPU"}
    for field, name in names.items():
        found = stats.ratio(results.rounds(large, "board"), results.rounds(SMALL, "board"), field)
        section.verdicts.append(
            Verdict(
                f"{name}: {large} ÷ {SMALL}",
                found.median,
                1.5,
                detail=f"{found.least:.2f} – {found.most:.2f} in {found.count} rounds",
            )
        )
    return section
