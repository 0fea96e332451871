"""What parsing, applying and putting a market frame costs, in costs of `json.loads` of it."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import path_profile
from benchmarks.harness.context import Context
from benchmarks.harness.report import Section, Table, Verdict, number
from benchmarks.moving_market import TOKENS
from polyshared import SnapshotWriter

TITLE = "From the wire to the board"
_FRAMES = 200
_LONGEST_S = 20.0
_UNIT = "json.loads"


def run(context: Context) -> Section:
    """Profile the steps over the same frames in every round."""
    most = 3 if context.is_quick else 31
    ends_at = time.monotonic() + min(_LONGEST_S, context.left_s)
    rounds: list[dict[str, float]] = []
    while len(rounds) < most and (time.monotonic() < ends_at or not rounds):
        load = path_profile.load_of(_FRAMES, TOKENS)
        with (
            tempfile.TemporaryDirectory(dir=context.directory) as folder,
            SnapshotWriter(Path(folder) / "ws_cache.json") as writer,
        ):
            writer.flush()
            rounds.append(path_profile.profile(load, writer))
    return _section(rounds)


def _section(rounds: list[dict[str, float]]) -> Section:
    section = Section(TITLE)
    section.text.append(
        "Two-token `price_change` frames, both tokens followed, in costs of `json.loads` of the "
        "same frames in the same round; nobody waits at the board. "
        "`python benchmarks/path_profile.py` shows the same by itself."
    )
    rows = []
    for step in rounds[0]:
        times = [each[step] / each[_UNIT] for each in rounds]
        figures = (statistics.median(each[step] for each in rounds), statistics.median(times))
        rows.append([step, *(number(each) for each in (*figures, min(times), max(times)))])
    header = ["step", "µs a frame", "× json.loads", "least", "most"]
    section.tables.append(Table("", header, rows))
    whole = statistics.median(each[path_profile.WHOLE] / each[_UNIT] for each in rounds)
    section.verdicts.append(
        Verdict("parse + apply + put of a frame ÷ json.loads of it", whole, path_profile.AIM)
    )
    return section
