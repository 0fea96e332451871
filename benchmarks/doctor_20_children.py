"""How long ``polyshared doctor`` takes while twenty children trade; the limit is 3 s.

    python benchmarks/doctor_20_children.py [--children 20] [--runs 5] [--limit 3.0]

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

ROOT = Path(__file__).resolve().parent.parent
START_S = 240.0
CONFIG = {
    "scheduler": {
        "max_concurrent_tasks": 1000,
        "topic_start_cooldown_sec": 0,
        "process_stagger_max_sec": 0,
    }
}
URLS = {
    "POLY_HOST": "clob",
    "POLY_WS_URL": "ws_market",
    "POLY_WS_USER_URL": "ws_user",
    "POLY_GAMMA_ROOT": "gamma",
    "POLY_DATA_API_ROOT": "data",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--children", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=3.0)
    told = parser.parse_args()
    simulator = ("-m", "POLYMARKET_MAKER.sim", f"--tokens={told.children}", "--tempers=quiet")
    with tempfile.TemporaryDirectory() as folder, program(*simulator, out=subprocess.PIPE) as sim:
        assert sim.stdout is not None
        urls = json.loads(sim.stdout.readline())
        with trading(Path(folder), urls):
            wait_for_quotes(Path(folder), told.children)
            runs = [examine(Path(folder) / "data") for _ in range(told.runs)]
    return report(runs, limit_s=told.limit)


@contextmanager
def program(
    *arguments: str, out: int, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run one of the project's programs for the length of a block."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(env or {})},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=out,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def trading(folder: Path, urls: Mapping[str, Any]) -> Iterator[None]:
    """Run the supervisor on paper, all children started at once."""
    config = folder / "global_config.json"
    config.write_text(json.dumps(CONFIG), encoding="utf-8")
    place = {"POLY_DATA_DIR": str(folder / "data"), "POLY_LOG_DIR": str(folder / "logs")}
    options = ("--paper", "--no-repl", "--tokens", ",".join(map(str, urls["tokens"])))
    with program(
        *("poly_maker_autorun.py", *options, "--global-config", str(config)),
        out=subprocess.DEVNULL,
        env=place | {variable: str(urls[name]) for variable, name in URLS.items()},
    ):
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
