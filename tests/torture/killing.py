"""One writer, killed at random instants and started again; eight readers; 500 keys."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from polyshared._clock import boot_s
from tests.torture.stage import Outcome, Readers, line_of, running, wrongs

KEYS = 500
MODES = ["lane"] * 5 + ["file"] * 2 + ["whole"]
MAX_AGE_S = 5.0
FOLLOW_S = 1.0


def run(path: Path, *, seed: int, restarts: int, pause_s: float) -> Outcome:
    choose = random.Random(seed)  # noqa: S311 - torture is to be repeatable
    births: dict[int, float] = {}
    ends: dict[int, float] = {}
    problems: list[str] = []
    with Readers(
        path, keys=KEYS, seed=seed, modes=MODES, max_age_s=MAX_AGE_S, pause_s=pause_s
    ) as readers:
        for life in range(restarts):
            with running("writer", path, KEYS, seed + life) as writer:
                words = line_of(writer).split()
                # Now and then a life that is long enough for everybody to see it.
                time.sleep(choose.uniform(0.0, 0.15) if life % 10 else 1.2)
            if len(words) != len(("epoch", "born")):
                problems.append(f"writer {life} did not start: {' '.join(words)}")
                continue
            epoch = int(words[0])
            births[epoch] = float(words[1])
            ends[epoch] = boot_s()
        reports = readers.finish()
    if sorted(births) != list(births):
        problems.append(f"epochs did not grow: {list(births)}")
    lags = []
    for number, report in enumerate(reports):
        seen = {int(epoch): at for epoch, at in report["first_seen"].items()}
        lags += [at - births[epoch] for epoch, at in seen.items()]
        problems += [
            f"reader {number} ({MODES[number]}) took too long to follow {epoch}"
            for epoch, born in births.items()
            # A life shorter than the limit may end before everybody has seen it.
            if seen.get(epoch, ends[epoch]) - born > FOLLOW_S
        ]
    return Outcome(problems + wrongs(reports), _summary(len(births), reports, sorted(lags)))


def _summary(lives: int, reports: list[dict[str, Any]], lags: list[float]) -> str:
    reads = sum(sum(each["outcomes"].values()) for each in reports)
    return (
        f"{lives} lives, {reads} reads by {len(reports)} readers; a new writer was followed "
        f"{lags[len(lags) // 2]:.3f} s (median), {lags[-1]:.3f} s (worst) after its first flush"
    )
