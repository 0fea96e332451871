"""Reading one's own line from the JSON file alone, however many others there are."""

from __future__ import annotations

import json
import os
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
_EDITIONS = 41
_READS = 100
_LOADS = {50: 10, 500: 3, 5000: 1}


@dataclass(frozen=True, slots=True)
class House:
    """A snapshot whose file can be replaced by the next one at no cost.

    Attributes:
        path: Where the reader looks.
        editions: Flushes in their order. Odd ones differ from the one before in another key,
            even ones in *key*.
        key: The one in the middle.
    """

    path: Path
    editions: tuple[Path, ...]
    key: str

    def replace(self, turn: int) -> None:
        """Put the next edition in place, as a writer does, without writing anything."""
        self.place(turn + 1)

    def place(self, number: int) -> None:
        """Put an edition in place."""
        beside = self.path.with_suffix(".tmp")
        os.link(self.editions[number], beside)
        os.replace(beside, self.path)


@dataclass(slots=True)
class Times:
    """Microseconds of one call, a figure a round."""

    changed: list[float]
    other: list[float]
    same: list[float]
    whole: list[float]


def run(context: Context) -> Section:
    """Time reads of one key next to `json.load` of the file, size by size in each round."""
    rounds = 3 if context.is_quick else 15
    times = {size: Times([], [], [], []) for size in SIZES}
    with tempfile.TemporaryDirectory(dir=context.directory) as folder:
        houses = {size: _build(Path(folder), size) for size in SIZES}
        for _ in range(rounds):
            for size, house in houses.items():
                house.place(0)
                with SnapshotReader(house.path, max_age_s=3600, lane=False) as reader:
                    read = partial(reader.entry, house.key)
                    read()
                    took = _time(read, _EDITIONS - 1, before=house.replace)
                    times[size].other.append(statistics.median(took[::2]))
                    times[size].changed.append(statistics.median(took[1::2]))
                    times[size].same.append(statistics.median(_time(read, _READS)))
                took = _time(partial(_load, house.path), _LOADS[size])
                times[size].whole.append(statistics.median(took))
    return _section(times)


def _build(folder: Path, size: int) -> House:
    place = Place(folder, size, 0)
    path = folder / f"{size}.json"
    editions = tuple(folder / f"{size}.{number}" for number in range(_EDITIONS))
    key, other = place.key(size // 2), place.key(size // 2 + 1)
    with SnapshotWriter(path, lane=False) as writer:
        for each in place.keys:
            writer.put(each, make_entry(0))
        for number, edition in enumerate(editions):
            writer.put(other if number % 2 else key, make_entry(number))
            writer.flush()
            os.link(path, edition)
    return House(path, editions, key)


def _load(path: Path) -> object:
    with path.open(encoding="utf-8") as file:
        return json.load(file)


def _time(
    work: Callable[[], object], times: int, *, before: Callable[[int], None] | None = None
) -> list[float]:
    """Return the microseconds of each call; what goes *before* each is not in it."""
    took = []
    for turn in range(times):
        if before is not None:
            before(turn)
        began = time.perf_counter_ns()
        work()
        took.append((time.perf_counter_ns() - began) / 1000)
    return took


def _section(times: dict[int, Times]) -> Section:
    section = Section(TITLE)
    section.text.append(
        "`SnapshotReader.entry` with `lane=False`. *Own line changed*: the file was replaced since "
        "the last read, so its head and the own line are read, checked and decoded. *Another "
        "changed*: replaced too, but the own line says what it said. *Same file*: it was not "
        "replaced. Medians of rounds of medians, least and most in brackets."
    )
    rows = []
    for size, each in times.items():
        changed, whole = statistics.median(each.changed), statistics.median(each.whole)
        figures = map(_with_range, (each.changed, each.other, each.same, each.whole))
        rows.append([f"{size:,}", *figures, number(whole / changed)])
    header = ["tokens", "own line changed, µs", "another changed, µs", "same file, µs"]
    header += ["json.load, µs", "json.load ÷ own line"]
    section.tables.append(Table("", header, rows))
    for size in (SIZES[0], SIZES[-1]):
        each, where = times[size], f"own line of the JSON file, {size:,} tokens"
        section.verdicts += [
            Verdict(f"{where}, not replaced", statistics.median(each.same), 6.0, "µs"),
            Verdict(f"{where}, replaced", statistics.median(each.other), 6.0, "µs"),
            Verdict(f"{where}, replaced, changed", statistics.median(each.changed), 6.0, "µs"),
        ]
    small, large = (statistics.median(times[size].changed) for size in (SIZES[0], SIZES[-1]))
    apart = 100 * abs(large / small - 1)
    section.verdicts.append(Verdict("own line: 5,000 tokens against 50, apart by", apart, 20, "%"))
    return section


def _with_range(values: list[float]) -> str:
    return f"{number(statistics.median(values))} ({number(min(values))} – {number(max(values))})"
