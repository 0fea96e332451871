"""How long ``polyshared doctor`` takes while twenty children trade; the limit is 3 s.

    python -m benchmarks.doctor_20_children [--children 20] [--runs 5] [--limit 3.0]

Starts the simulator with one market a child, and the supervisor on it, on paper,
waits until every child has a quote, then runs ``polyshared doctor --json`` as a user
does. Prints the seconds of each run, and what the last one found. Exit code 1: the best run
took longer than the limit, or a check failed. The other runs tell how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness.program import ROOT, program, simulator, surroundings

START_S = 240.0
CONFIG = {
    "scheduler": {
        "max_concurrent_tasks": 1000,
        "topic_start_cooldown_sec": 0,
        "process_stagger_max_sec": 0,
    }
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--children", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=3.0)
    told = parser.parse_args()
    quiet = simulator(told.children, "--tempers=quiet")
    with tempfile.TemporaryDirectory() as folder, quiet as urls, trading(Path(folder), urls):
        wait_for_quotes(Path(folder), told.children)
        runs = [examine(Path(folder) / "data") for _ in range(told.runs)]
    return report(runs, limit_s=told.limit)


@contextmanager
def trading(folder: Path, urls: Mapping[str, Any]) -> Iterator[None]:
    """Run the supervisor on paper, all children started at once."""
    config = folder / "global_config.json"
    config.write_text(json.dumps(CONFIG), encoding="utf-8")
    options = ("--paper", "--no-repl", "--tokens", ",".join(map(str, urls["tokens"])))
    config_options = ("--global-config", str(config))
    env = surroundings(folder, urls)
    with program("poly_maker_autorun.py", *options, *config_options, env=env):
        yield


def wait_for_quotes(folder: Path, number: int) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        files = list((folder / "data" / "children").glob("*.json"))
        quotes = [json.loads(path.read_bytes()).get("quote") for path in files]
        if len(quotes) == number and None not in quotes:
            return
        time.sleep(0.2)
    raise SystemExit(f"{number} children had no quotes within {START_S:.0f} s")


def examine(data: Path) -> tuple[float, dict[str, Any]]:
    """Run doctor once; return its seconds, from the start of the process, and what it said."""
    started = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "polyshared", "doctor", "--json", "--data-dir", str(data)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    took_s = time.perf_counter() - started
    said = json.loads(ended.stdout)
    assert isinstance(said, dict)
    return took_s, said


def report(runs: list[tuple[float, dict[str, Any]]], *, limit_s: float) -> int:
    seconds = sorted(took_s for took_s, _ in runs)
    last = runs[-1][1]
    failed = [check["id"] for check in last["checks"] if check["status"] == "fail"]
    warned = {check["id"]: check["detail"] for check in last["checks"] if check["status"] == "warn"}
    lines = (
        f"seconds {' '.join(f'{each:.2f}' for each in seconds)}  load {os.getloadavg()[0]:.1f}",
        f"summary {last['summary']} failed {failed} warned {warned}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return int(seconds[0] > limit_s or bool(failed))


if __name__ == "__main__":
    sys.exit(main())
