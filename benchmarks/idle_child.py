"""A child to whom nothing happens, while others are served."""

from __future__ import annotations

import time

from benchmarks.harness import cpu
from benchmarks.harness.context import Context
from benchmarks.harness.fleet import Fleet
from benchmarks.harness.report import Section, Verdict
from benchmarks.peers import load_peer

TITLE = "Idle child"
_CHILDREN = 10


def run(context: Context) -> Section:
    """Let children wait for a key that never changes, and look at what they used."""
    seconds = 3.0 if context.is_quick else 12.0
    with Fleet(
        load_peer("board"), tokens=50, children=_CHILDREN, parent=context.directory
    ) as fleet:
        fleet.let_wait(seconds + 5)
        time.sleep(1.0)  # their first read is not idleness
        before, began = cpu.run_ns(fleet.follower_pids), time.monotonic()
        time.sleep(seconds)
        used_s = (cpu.run_ns(fleet.follower_pids) - before) / 1e9
        took_s = time.monotonic() - began
    share = 100 * used_s / took_s / _CHILDREN
    section = Section(TITLE)
    section.text.append(
        f"{_CHILDREN} children in `SnapshotReader.follow(timeout_s=1.0)`, each for a key that "
        f"does not change, for {seconds:.0f} s; the writer flushes and gives its sign of life."
    )
    section.verdicts.append(Verdict("idle child, CPU", share, 0.02, "%"))
    return section
