"""Reading one's own line from the JSON file alone, however many others there are."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.harness.context import Context
from benchmarks.harness.peer import Place, make_entry
from benchmarks.harness.report import Section, Table, Verdict, number
from polyshared import SnapshotReader, SnapshotWriter

TITLE = "Own line from the JSON file alone"
SIZES = (50, 500, 5000)
_READS = 100
_LOADS = {50: 10, 500: 3, 5000: 1}


@dataclass(frozen=True, slots=True)
class House:
    """A snapshot whose file can be replaced by another one at no cost.

    Attributes:
        path: Where the reader looks.
        editions: Two copies of one flush: other files, the same content.
        key: The one in the middle.
    """

    path: Path
    editions: tuple[Path, Path]
    key: str

    def replace(self, turn: int) -> None:
        """Put another edition in place, as a writer does, without writing anything."""
        beside = self.path.with_suffix(".tmp")
        os.link(self.editions[turn % 2], beside)
        os.replace(beside, self.path)


@dataclass(slots=True)
class Times:
    """Microseconds of one call, a figure a round."""

    new: list[float]
    same: list[float]
    whole: list[float]


def run(context: Context) -> Section:
    """Time reads of one key next to `json.load` of the file, size by size in each round."""
    rounds = 3 if context.is_quick else 15
    times = {size: Times([], [], []) for size in SIZES}
    with tempfile.TemporaryDirectory(dir=context.directory) as folder:
        houses = {size: _build(Path(folder), size) for size in SIZES}
        for _ in range(rounds):
            for size, house in houses.items():
                with SnapshotReader(house.path, max_age_s=3600, lane=False) as reader:
                    read = partial(reader.entry, house.key)
                    read()
                    times[size].new.append(_time(read, _READS, before=house.replace))
                    times[size].same.append(_time(read, _READS))
                times[size].whole.append(_time(partial(_load, house.path), _LOADS[size]))
    return _section(times)


def _build(folder: Path, size: int) -> House:
    place = Place(folder, size, 0)
    path = folder / f"{size}.json"
    editions = (folder / f"{size}.a", folder / f"{size}.b")
    with SnapshotWriter(path, lane=False) as writer:
        for key in place.keys:
            writer.put(key, make_entry(1))
        writer.flush()
    for edition in editions:
        shutil.copy(path, edition)
    return House(path, editions, place.key(size // 2))


def _load(path: Path) -> object:
    with path.open(encoding="utf-8") as file:
        return json.load(file)


def _time(
    work: Callable[[], object], times: int, *, before: Callable[[int], None] | None = None
) -> float:
    """Return the median microseconds of a call; what goes *before* each is not in it."""
    took_ns = []
    for turn in range(times):
        if before is not None:
            before(turn)
        began = time.perf_counter_ns()
        work()
        took_ns.append(time.perf_counter_ns() - began)
    return statistics.median(took_ns) / 1000


def _section(times: dict[int, Times]) -> Section:
    section = Section(TITLE)
    section.text.append(
        "`SnapshotReader.entry` with `lane=False`. *New*: the file was replaced since the last "
        "read, so it is opened, its head and the own line are read, checked and decoded. *Same*: "
        "it was not. Medians of rounds of medians, least and most in brackets."
    )
    rows = []
    for size, each in times.items():
        new, whole = statistics.median(each.new), statistics.median(each.whole)
        figures = [_with_range(values) for values in (each.new, each.same, each.whole)]
        rows.append([f"{size:,}", *figures, number(whole / new)])
    header = ["tokens", "own line, new, µs", "same, µs", "json.load, µs", "json.load ÷ new"]
    section.tables.append(Table("", header, rows))
    for size in (SIZES[0], SIZES[-1]):
        same, new = (statistics.median(each) for each in (times[size].same, times[size].new))
        where = f"of the JSON file, {size:,} tokens"
        section.verdicts += [
            Verdict(f"own line {where}, unchanged since the last read", same, 6.0, "µs"),
            Verdict(f"own line {where}, just replaced", new, 6.0, "µs"),
        ]
    small, large = (statistics.median(times[size].new) for size in (SIZES[0], SIZES[-1]))
    apart = 100 * abs(large / small - 1)
    section.verdicts.append(Verdict("own line: 5,000 tokens against 50, apart by", apart, 20, "%"))
    return section


def _with_range(values: list[float]) -> str:
    return f"{number(statistics.median(values))} ({number(min(values))} – {number(max(values))})"
