"""SIGKILL at every system call of a start, a put and a flush, by strace, from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from polyshared import SnapshotReader, SnapshotWriter
from tests.torture.stage import ROOT, Outcome

CALLS = ["write", "writev", "pwrite64", "renameat2", "unlink", "fallocate", "mkdir", "flock"]
START_S = 0.1
PROGRAM = """
import sys
from polyshared import SnapshotWriter
writer = SnapshotWriter(sys.argv[1])
writer.put("a", {"n": 3})
writer.flush()
writer.put("a", {"n": 4})
writer.flush()
"""


def run(directory: Path, call: str, *, limit: int) -> Outcome:
    """Kill at the first, second, … *call* until the program ends by itself."""
    problems: list[str] = []
    for when in range(1, limit + 1):
        place = directory / str(when)
        place.mkdir()
        killed, wrong = _kill_at(place / "ws_cache.json", call, when)
        problems += [f"SIGKILL at {call} {when}: {each}" for each in wrong]
        if not killed:
            return Outcome(problems, f"all {when - 1} points")
    return Outcome(problems, f"the first {limit} points")


def _kill_at(path: Path, call: str, when: int) -> tuple[bool, list[str]]:
    with SnapshotWriter(path) as writer:
        writer.put("a", {"n": 2})
        writer.flush()
        epoch = writer.epoch
    inject = f"inject={call}:signal=SIGKILL:when={when}"
    strace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
    done = subprocess.run(
        [*strace, sys.executable, "-c", PROGRAM, str(path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    wrong = []
    number = json.loads(path.read_bytes())["tokens"]["a"]["n"]
    if number not in (2, 3, 4):
        wrong.append(f"the file held {number}")
    began = time.monotonic()
    with SnapshotWriter(path) as writer:
        took_s = time.monotonic() - began
        if took_s > START_S:
            wrong.append(f"the next writer took {took_s * 1000:.0f} ms to start")
        if writer.epoch <= epoch:
            wrong.append(f"the epoch was {writer.epoch} after {epoch}")
        litter = [each.name for each in path.parent.rglob("*.tmp")]
        if litter:
            wrong.append(f"left behind: {litter}")
        writer.put("a", {"n": 5})
        writer.flush()
    with SnapshotReader(path) as reader:
        if reader.entry("a").fields["n"] != 5 or reader.read().tokens["a"].fields["n"] != 5:
            wrong.append("the next writer is not read")
    return done.returncode != 0, wrong
