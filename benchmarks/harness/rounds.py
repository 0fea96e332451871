"""Designs side by side: interleaved rounds of the same events."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.harness.errors import FAULTS
from benchmarks.harness.fleet import Fleet
from benchmarks.harness.hiccups import Hiccups
from benchmarks.harness.peer import Peer
from benchmarks.harness.schedule import Load, make_schedule
from benchmarks.harness.stats import Round, sum_up

_WARM_RATE, _WARM_S = 200.0, 0.5
_WRITER_CORE, _CHILD_CORE = 0, 1


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One point of the grid."""

    tokens: int
    children: int
    rate: int
    pinned: bool = False

    def __str__(self) -> str:
        children = "1 child" if self.children == 1 else f"{self.children} children"
        pinned = ", pinned" if self.pinned else ""
        return f"{self.tokens:,} tokens, {children}, {self.rate:,}/s{pinned}"

    def seed(self, number: int) -> int:
        """Return the seed of a round: its events are the same for every design."""
        return ((self.tokens * 1000 + self.children) * 10_000 + self.rate) * 100 + number


@dataclass(frozen=True, slots=True)
class Turn:
    """How long a design runs in one round, and in how many rounds."""

    rounds: int
    warm_s: float
    measure_s: float


class Runner:
    """One design's processes, and the numbers of the events they have seen."""

    def __init__(self, peer: Peer, *, tokens: int, children: int, directory: Path) -> None:
        """Start the processes and let every child see something once."""
        self._fleet = Fleet(peer, tokens=tokens, children=children, parent=directory)
        self._first = 1
        try:
            self._load(Load(children, _WARM_RATE, _WARM_S, 0.0), seed=0)
        except BaseException:
            self._fleet.close()
            raise

    @property
    def name(self) -> str:
        return self._fleet.peer.name

    @property
    def pids(self) -> frozenset[int]:
        """All its processes."""
        return self._fleet.pids

    def run(self, cell: Cell, turn: Turn, number: int, hiccups: Hiccups) -> Round:
        """Run one round of *cell*."""
        here = os.sched_getaffinity(0)
        cores = ({_WRITER_CORE}, {_CHILD_CORE}) if cell.pinned else (here, here)
        self._fleet.pin(*cores)
        load = Load(cell.children, cell.rate, turn.warm_s, turn.measure_s)
        events = make_schedule(load, seed=cell.seed(number), first=self._first)
        latencies, cpu = self._fleet.run(events, hiccups.take_ms)
        hiccup_ms = hiccups.take_ms()
        self._first = events[-1].number + 1
        return sum_up(
            number, latencies, writer=cpu.writer, children=cpu.children, hiccup_ms=hiccup_ms
        )

    def _load(self, load: Load, *, seed: int) -> None:
        events = make_schedule(load, seed=seed, first=self._first)
        self._fleet.run(events, lambda: None)
        self._first = events[-1].number + 1

    def close(self) -> None:
        self._fleet.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Slot:
    """A design at one cell, and how often."""

    runner: Runner
    cell: Cell
    turn: Turn


class Results:
    """Rounds by cell and design, in the order they were made.

    Attributes:
        failures: What could not be run, and why.
        left_out: What nothing is promised about, and there was no time for.
    """

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.left_out: list[str] = []
        self._rounds: dict[Cell, dict[str, list[Round]]] = {}

    def add(self, cell: Cell, name: str, done: Round) -> None:
        self._rounds.setdefault(cell, {}).setdefault(name, []).append(done)

    def cells(self) -> list[Cell]:
        return sorted(self._rounds)

    def designs(self, cell: Cell) -> dict[str, list[Round]]:
        return self._rounds.get(cell, {})

    def rounds(self, cell: Cell, name: str) -> list[Round]:
        return self.designs(cell).get(name, [])


def interleave(
    slots: Sequence[Slot], *, may_go_on: Callable[[], bool], results: Results, seed: int = 1
) -> None:
    """Run all rounds, those of one number side by side; each goes to *results* as it ends.

    What the machine does meanwhile meets all designs: within a round they come in a new
    order each time, one cell after the other.

    A design whose run was worth nothing is left out from then on, and named in the results.

    Args:
        slots: What to run.
        may_go_on: Asked before each cell but those of the first round; False ends it early.
        results: Where the rounds go.
        seed: Of the order.
    """
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    hiccups = Hiccups()
    broken: set[Runner] = set()
    try:
        for number in range(max(slot.turn.rounds for slot in slots)):
            for group in _groups(slots, number, chance):
                if number and not may_go_on():
                    return
                for slot in group:
                    if slot.runner not in broken and not _ran(slot, number, hiccups, results):
                        broken.add(slot.runner)
    finally:
        hiccups.close()


def _ran(slot: Slot, number: int, hiccups: Hiccups, results: Results) -> bool:
    try:
        done = slot.runner.run(slot.cell, slot.turn, number, hiccups)
    except FAULTS as error:
        results.failures.append(f"{slot.runner.name} at {slot.cell}, round {number}: {error}")
        return False
    results.add(slot.cell, slot.runner.name, done)
    return True


def _groups(slots: Iterable[Slot], number: int, chance: random.Random) -> list[list[Slot]]:
    """Return the slots that take part in a round, those of one rate and place together."""
    groups: dict[tuple[int, bool], list[Slot]] = {}
    for slot in slots:
        if number < slot.turn.rounds:
            groups.setdefault((slot.cell.rate, slot.cell.pinned), []).append(slot)
    for group in groups.values():
        chance.shuffle(group)
    return list(groups.values())
