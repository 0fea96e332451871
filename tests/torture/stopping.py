"""A writer is suspended, another takes over, the first wakes up."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from polyshared._clock import boot_s
from tests.torture.actors import FENCED
from tests.torture.stage import Readers, line_of, running, wrongs

KEYS = 50
MODES = ["lane", "lane", "file", "whole"]
MAX_AGE_S = 1.0


def run(path: Path, *, seed: int, pause_s: float) -> list[str]:
    with (
        running("writer", path, KEYS, seed) as first,
        Readers(
            path, keys=KEYS, seed=seed, modes=MODES, max_age_s=MAX_AGE_S, pause_s=pause_s
        ) as readers,
    ):
        line_of(first)
        time.sleep(0.3)
        os.kill(first.pid, signal.SIGSTOP)
        stopped = boot_s()
        time.sleep(MAX_AGE_S + 1.2)
        with running("writer", path, KEYS, seed, "--take-over") as second:
            words = line_of(second).split()
            time.sleep(0.5)
            os.kill(first.pid, signal.SIGCONT)
            last_words = line_of(first)
            code = first.wait(10)
            time.sleep(0.5)
            reports = readers.finish()
    problems = wrongs(reports)
    if len(words) != 2:
        return [*problems, f"the second writer did not take over: {words}"]
    if code != FENCED or "another writer has taken over" not in last_words:
        problems.append(f"the first writer was not fenced: code {code}, {last_words!r}")
    for number, report in enumerate(reports):
        problems += _judge(f"reader {number} ({MODES[number]})", report, stopped, words[0])
    return problems


def _judge(name: str, report: dict[str, Any], stopped: float, epoch: str) -> list[str]:
    problems = []
    stale = [at for at, state in report["states"] if state == "SnapshotStale" and at > stopped]
    if not stale or stale[0] - stopped > MAX_AGE_S + 1.0:
        problems.append(f"{name} did not report the stopped writer as stale in time: {stale[:1]}")
    if epoch not in report["first_seen"]:
        problems.append(f"{name} did not follow the second writer")
    if report["states"][-1][1] != "ok":
        problems.append(f"{name} ended with {report['states'][-1][1]}")
    return problems
