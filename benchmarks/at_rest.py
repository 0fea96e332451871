"""What a hundred children cost that have nothing to do, and how soon the first has a quote.

The parts are those of `children_at_rest.py`, which measures more of it, and for longer.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.children_at_rest import Used, look_at, trading, wait_for_quotes
from benchmarks.harness import stats
from benchmarks.harness.context import Context
from benchmarks.harness.program import began_at, simulator
from benchmarks.harness.report import Section, Table, Verdict, number

TITLE = "Children at rest"
_SPACING_S = 0.25
_WATCH_S = 5.0
_START_S = 100.0


def run(context: Context) -> Section:
    """Start the program for real on the simulator, and look at its children once all are up."""
    children = 4 if context.is_quick else 100
    with (
        tempfile.TemporaryDirectory(dir=context.directory) as name,
        simulator(children, "--no-flow") as urls,
    ):
        folder = Path(name)
        with trading(folder, urls, spacing_s=_SPACING_S) as supervisor:
            within_s = min(_START_S, context.left_s)
            quoted = wait_for_quotes(folder, children, within_s=within_s)
            time.sleep(1.0 if context.is_quick else 5.0)
            used = look_at([supervisor.pid, *(each.pid for each in quoted)], _WATCH_S)
            start_s = min(each.at for each in quoted) - began_at(supervisor.pid)
    return _section(used[0], used[1:], start_s)


def _section(supervisor: Used, children: list[Used], start_s: float) -> Section:
    memory = stats.spread([each.pss_mb for each in children])
    used = stats.spread([each.cpu_percent for each in children])
    section = Section(TITLE)
    section.text.append(
        f"{len(children)} real children in live mode with a throw-away key, on the simulator, "
        f"without orders, started {_SPACING_S:g} s apart. PSS: pages that they share are divided "
        "among them."
    )
    rows = [
        ["a child's PSS, MB", *map(number, (memory.median, memory.least, memory.most))],
        ["a child's CPU, %", *map(number, (used.median, used.least, used.most))],
        ["supervisor's PSS, MB", number(supervisor.pss_mb), "", ""],
        ["all children's PSS, MB", number(sum(each.pss_mb for each in children)), "", ""],
    ]
    section.tables.append(Table("", ["", "median", "least", "most"], rows))
    section.verdicts += [
        Verdict("PSS of an idle child before its first order, the largest", memory.most, 30, "MB"),
        Verdict("from the program's start to the first quote in the first child", start_s, 3, "s"),
    ]
    return section
