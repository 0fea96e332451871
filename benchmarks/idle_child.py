"""A child to whom nothing happens, while others are served."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.harness import cpu
from benchmarks.harness.context import Context
from benchmarks.harness.fleet import Fleet
from benchmarks.harness.report import Section, Verdict
from benchmarks.peers import load_peer

TITLE = "Idle child"
_CHILDREN = 10
_SETTLE_S = 8.0
"""A child's first read is not idleness, nor is what the machine does after a load."""
_WINDOWS = 3


def run(context: Context) -> Section:
    """Let children wait for a key that never changes, and look at what they used."""
    window_s = 1.0 if context.is_quick else 4.0
    with Fleet(
        load_peer("board"), tokens=50, children=_CHILDREN, parent=context.directory
    ) as fleet:
        fleet.let_wait(_SETTLE_S + _WINDOWS * window_s + 5)
        time.sleep(_SETTLE_S)
        shares = [_share(fleet, window_s) for _ in range(_WINDOWS)]
    section = Section(TITLE)
    section.text.append(
        f"{_CHILDREN} children in `SnapshotReader.follow(timeout_s=1.0)`, each for a key that "
        "does not change; the writer flushes and gives its sign of life. The median of "
        f"{_WINDOWS} times {window_s:.0f} s: {', '.join(f'{share:.4f} %' for share in shares)}."
    )
    section.verdicts.append(Verdict("idle child, CPU", median(shares), 0.02, "%"))
    return section


def _share(fleet: Fleet, seconds: float) -> float:
    """Return what a child used in that time, in per cent of one core."""
    before, began = cpu.run_ns(fleet.follower_pids), time.monotonic()
    time.sleep(seconds)
    used_s = (cpu.run_ns(fleet.follower_pids) - before) / 1e9
    return 100 * used_s / (time.monotonic() - began) / _CHILDREN
