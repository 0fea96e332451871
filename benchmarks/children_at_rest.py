"""What a child costs that has nothing to do: memory, CPU, and how soon it has a quote.

    python -m benchmarks.children_at_rest [--children 20] [--spacing 0.5] [--watch 60] [--busy]

Starts the simulator with one market a child, and the supervisor on it, in live mode with a
throw-away key, as it runs for real. The strategy never buys. Waits until every child has a
quote, then looks at all processes for some seconds.

Memory is PSS: pages that children share are divided among them. CPU is in percent of one
core. "to quote" is from the start of a process to its first quote; "gap" is the time between
the starts of two children, which the spacing bounds from below. Exit code 1: a child did
not come so far, or a gap was shorter than the spacing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from eth_account import Account

from benchmarks.harness.errors import DidNotStartError
from benchmarks.harness.program import began_at, program, simulator, surroundings

KEY = "0x" + "4d" * 32
START_S = 600.0
SETTLE_S = 10.0
CLOCK_STEP_S = 0.02
"""Starts are told by the kernel in steps of 10 ms; two of them may be off by one each."""
STRATEGY = {"default": {"drop_pct": 0.99, "countdown": {"minutes_before_end": 0}}}


@dataclass(frozen=True, slots=True)
class Quoted:
    """A child that has a quote, and when it got its first, in epoch seconds."""

    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class Used:
    """What one process used while it was looked at."""

    pss_mb: float
    cpu_percent: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--children", type=int, default=20)
    parser.add_argument("--spacing", type=float, default=0.5, help="topic_start_cooldown_sec")
    parser.add_argument("--watch", type=float, default=60.0, help="seconds at rest")
    parser.add_argument("--busy", action="store_true", help="the markets move; else nobody acts")
    told = parser.parse_args()
    flow = ("--tempers=busy",) if told.busy else ("--no-flow",)
    with tempfile.TemporaryDirectory() as name, simulator(told.children, *flow) as urls:
        folder = Path(name)
        with trading(folder, urls, spacing_s=told.spacing) as supervisor:
            try:
                children = wait_for_quotes(folder, told.children, within_s=START_S)
            except DidNotStartError as error:
                raise SystemExit(str(error)) from None
            time.sleep(SETTLE_S)
            used = look_at([supervisor.pid, *(each.pid for each in children)], told.watch)
            began = [began_at(each.pid) for each in children]
    quoted = [each.at - start for each, start in zip(children, began, strict=True)]
    starts = sorted(began)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    return report(used[0], used[1:], quoted, gaps, spacing_s=told.spacing)


@contextmanager
def trading(
    folder: Path, urls: Mapping[str, Any], *, spacing_s: float
) -> Iterator[subprocess.Popen[str]]:
    """Run the supervisor with a slot for every child."""
    scheduler = {
        "max_concurrent_tasks": len(urls["tokens"]),
        "topic_start_cooldown_sec": spacing_s,
        "process_stagger_max_sec": 0,
    }
    config, strategy = folder / "global_config.json", folder / "strategy.json"
    config.write_text(json.dumps({"scheduler": scheduler}), encoding="utf-8")
    strategy.write_text(json.dumps(STRATEGY), encoding="utf-8")
    env = surroundings(folder, urls) | {
        "POLY_KEY": KEY,
        "POLY_FUNDER": str(Account.from_key(KEY).address),
        "POLY_SIGNATURE": "0",
        "POLY_ENV_FILE": os.devnull,
    }
    options = ("--live", "--no-repl", "--tokens", ",".join(map(str, urls["tokens"])))
    files = ("--global-config", str(config), "--strategy-config", str(strategy))
    script = "poly_maker_autorun.py"
    with program(script, *options, *files, env=env) as process:
        yield process


def wait_for_quotes(folder: Path, number: int, *, within_s: float) -> list[Quoted]:
    """Return all children, once each has a quote.

    Raises:
        DidNotStartError: One has none, within the time.
    """
    ends = time.monotonic() + within_s
    since: dict[Path, float] = {}
    while True:
        told = {path: read(path) for path in (folder / "data" / "children").glob("*.json")}
        ready = {path: each for path, each in told.items() if each.get("quote")}
        for path, each in ready.items():
            # Later quotes move it: what is seen first is the first one's.
            since.setdefault(path, float(each["stages"]["quote"]["since"]))
        running = [path for path, each in ready.items() if each["state"] == "running"]
        if len(running) == number:
            return [Quoted(int(told[path]["pid"]), since[path]) for path in running]
        if time.monotonic() > ends:
            raise DidNotStartError(
                f"{len(running)} of {number} children had a quote within {within_s:.0f} s"
            )
        time.sleep(0.2)


def read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    assert isinstance(found, dict)
    return found


def look_at(pids: list[int], watch_s: float) -> list[Used]:
    """Return what each process used, in the order of *pids*."""
    processes = [psutil.Process(pid) for pid in pids]
    before = [sum(each.cpu_times()[:2]) for each in processes]
    began = time.monotonic()
    time.sleep(watch_s)
    after = [sum(each.cpu_times()[:2]) for each in processes]
    lasted_s = time.monotonic() - began
    return [
        Used(pss_mb(process.pid), 100 * (late - early) / lasted_s)
        for process, early, late in zip(processes, before, after, strict=True)
    ]


def pss_mb(pid: int) -> float:
    """Return a process's share of the memory it uses."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def report(
    supervisor: Used,
    children: list[Used],
    quoted_s: list[float],
    gaps_s: list[float],
    *,
    spacing_s: float,
) -> int:
    """Print one table; return the exit code."""
    rows = [
        ("child, memory", "MB", [each.pss_mb for each in children]),
        ("child, CPU", "%", [each.cpu_percent for each in children]),
        ("child, to quote", "s", quoted_s),
        ("gap", "s", gaps_s or [spacing_s]),
    ]
    lines = [f"{len(children)} children, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"]
    lines += [
        f"{name:<16} median {statistics.median(values):7.2f} {unit:<3} "
        f"least {min(values):7.2f}  most {max(values):7.2f}"
        for name, unit, values in rows
    ]
    total_mb = sum(each.pss_mb for each in children) + supervisor.pss_mb
    total_cpu = sum(each.cpu_percent for each in children) + supervisor.cpu_percent
    lines.append(f"supervisor       {supervisor.pss_mb:.0f} MB, {supervisor.cpu_percent:.1f} % CPU")
    lines.append(f"all together     {total_mb:.0f} MB, {total_cpu:.0f} % CPU of one core")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(any(gap_s < spacing_s - CLOCK_STEP_S for gap_s in gaps_s))


if __name__ == "__main__":
    sys.exit(main())
