"""How long ``polyshared doctor`` takes while twenty children trade; the limit is 3 s.

    python benchmarks/doctor_20_children.py [--children 20] [--runs 5] [--limit 3.0]

Starts the simulator with one market a child, and the supervisor on it with a throw-away
key, waits until every child has a quote, then runs ``polyshared doctor --json`` as a user
does. Prints the seconds of each run, and the slowest checks of the last. Exit code 1: the
best run took longer than the limit, or a check failed. The other runs tell how busy the
machine is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from tests.support.failover import live_on, starting_together  # noqa: E402
from tests.support.program import Supervised, eventually, run_program, supervised  # noqa: E402
from tests.support.simulator import running_simulator  # noqa: E402

START_S = 240.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--children", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=3.0)
    told = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_simulator(tokens=told.children, tempers="quiet") as sim,
        supervised(
            *("--live", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(Path(folder)),
            directory=Path(folder),
            env=live_on(sim),
        ) as run,
    ):
        eventually(
            lambda: all_quote(run, told.children), within_s=START_S, what="every child quotes"
        )
        runs = [examine(run.data) for _ in range(told.runs)]
    return report(runs, limit_s=told.limit)


def all_quote(run: Supervised, number: int) -> bool:
    quotes = [child["quote"] for child in run.children().values()]
    return len(quotes) == number and None not in quotes


def examine(data: Path) -> tuple[float, dict[str, Any]]:
    """Run doctor once; return its seconds, from the start of the process, and what it said."""
    started = time.perf_counter()
    ended = run_program("-m", "polyshared", "doctor", "--json", "--data-dir", str(data))
    took_s = time.perf_counter() - started
    said = json.loads(ended.out)
    assert isinstance(said, dict)
    return took_s, said


def report(runs: list[tuple[float, dict[str, Any]]], *, limit_s: float) -> int:
    seconds = sorted(took_s for took_s, _ in runs)
    last = runs[-1][1]
    slowest = sorted(last["checks"], key=lambda check: -check["duration_ms"])[:5]
    failed = [check["id"] for check in last["checks"] if check["status"] == "fail"]
    lines = (
        f"seconds {' '.join(f'{each:.2f}' for each in seconds)}  load {os.getloadavg()[0]:.1f}",
        "slowest " + " ".join(f"{each['id']}={each['duration_ms']:.0f}ms" for each in slowest),
        f"summary {last['summary']} failed {failed}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return int(seconds[0] > limit_s or bool(failed))


if __name__ == "__main__":
    sys.exit(main())
