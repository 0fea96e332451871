"""What a hundred children cost that have nothing to do, and how soon the first has a quote.

The parts are those of `children_at_rest.py`, which measures more of it, and for longer.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.children_at_rest import Used, look_at, read, trading
from benchmarks.harness import stats
from benchmarks.harness.context import Context
from benchmarks.harness.errors import DidNotStartError
from benchmarks.harness.program import simulator
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
            told = _wait_for_quotes(folder, children, min(_START_S, context.left_s))
            time.sleep(1.0 if context.is_quick else 5.0)
            pids = [int(each["pid"]) for each in told]
            used = look_at([supervisor.pid, *pids], _WATCH_S)
            first_at = min(float(each["stages"]["warmup"]["since"]) for each in told)
            start_s = first_at - psutil.Process(supervisor.pid).create_time()
    return _section(used[0], used[1:], start_s)


def _wait_for_quotes(folder: Path, children: int, within_s: float) -> list[dict[str, Any]]:
    """Return what the children tell of themselves, once each has a quote.

    Raises:
        DidNotStartError: One has none, within the time.
    """
    give_up = time.monotonic() + within_s
    while True:
        told = [read(path) for path in (folder / "data" / "children").glob("*.json")]
        ready = [each for each in told if each.get("quote") and each["state"] == "running"]
        if len(ready) == children:
            return ready
        if time.monotonic() > give_up:
            raise DidNotStartError(
                f"{len(ready)} of {children} children had a quote within {within_s:.0f} s"
            )
        time.sleep(0.3)


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
