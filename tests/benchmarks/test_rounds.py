"""Designs run side by side, the first round always, and a broken one is left out and named."""

from __future__ import annotations

from benchmarks.harness.errors import NotDeliveredError
from benchmarks.harness.hiccups import Hiccups
from benchmarks.harness.latency import Latencies
from benchmarks.harness.rounds import Cell, Results, Runner, Slot, Turn, interleave
from benchmarks.harness.stats import Round, sum_up

FAST, SLOW = Cell(50, 1, 1000), Cell(50, 1, 100)
Log = list[tuple[str, int, int]]


class FakeRunner(Runner):
    """A design without processes."""

    def __init__(self, name: str, log: Log, *, breaks_in: int | None = None) -> None:
        self._name = name
        self._log = log
        self._breaks_in = breaks_in

    @property
    def name(self) -> str:
        return self._name

    def run(self, cell: Cell, turn: Turn, number: int, hiccups: Hiccups) -> Round:  # noqa: ARG002
        if number == self._breaks_in:
            raise NotDeliveredError("child 0 never saw event 7")
        self._log.append((self._name, cell.rate, number))
        latencies = Latencies([1.0], [1.0], skipped=0)
        return sum_up(number, latencies, writer=1.0, children=1.0, hiccup_ms=0.0)


def run(*slots: Slot, rounds_before_the_end: int = 99) -> Results:
    results = Results()
    asked = iter([True] * rounds_before_the_end)
    interleave(slots, may_go_on=lambda: next(asked, False), results=results)
    return results


def test_designs_of_a_cell_run_one_after_the_other_in_every_round() -> None:
    log: Log = []
    ours, theirs = FakeRunner("ours", log), FakeRunner("theirs", log)
    turn = Turn(4, 0.0, 0.0)

    run(*(Slot(runner, cell, turn) for runner in (ours, theirs) for cell in (FAST, SLOW)))

    pairs = [log[place : place + 2] for place in range(0, len(log), 2)]
    assert len(pairs) == 8
    for (one, *rest), (other, *same) in pairs:
        assert {one, other} == {"ours", "theirs"}
        assert rest == same


def test_the_order_within_a_round_changes() -> None:
    log: Log = []
    turn = Turn(20, 0.0, 0.0)

    run(*(Slot(FakeRunner(name, log), FAST, turn) for name in ("ours", "theirs")))

    assert {name for name, _, _ in log[::2]} == {"ours", "theirs"}


def test_a_guest_takes_part_in_fewer_rounds() -> None:
    log: Log = []

    results = run(
        Slot(FakeRunner("ours", log), FAST, Turn(3, 0.0, 0.0)),
        Slot(FakeRunner("guest", log), FAST, Turn(1, 0.0, 0.0)),
    )

    assert len(results.rounds(FAST, "ours")) == 3
    assert len(results.rounds(FAST, "guest")) == 1


def test_the_first_round_is_run_however_late_it_is() -> None:
    log: Log = []
    turn = Turn(5, 0.0, 0.0)
    runner = FakeRunner("ours", log)

    results = run(Slot(runner, FAST, turn), Slot(runner, SLOW, turn), rounds_before_the_end=0)

    assert log == [("ours", 1000, 0), ("ours", 100, 0)]
    assert results.cells() == [SLOW, FAST]


def test_a_broken_design_is_left_out_and_named_and_the_others_go_on() -> None:
    log: Log = []
    turn = Turn(3, 0.0, 0.0)

    results = run(
        Slot(FakeRunner("ours", log), FAST, turn),
        Slot(FakeRunner("theirs", log, breaks_in=1), FAST, turn),
    )

    assert len(results.rounds(FAST, "ours")) == 3
    assert len(results.rounds(FAST, "theirs")) == 1
    assert results.failures == [
        "theirs at 50 tokens, 1 child, 1,000/s, round 1: child 0 never saw event 7"
    ]


def test_the_same_cell_and_round_have_the_same_events_and_no_others_have() -> None:
    cells = [Cell(50, 1, 100), Cell(50, 1, 1000), Cell(50, 10, 100), Cell(500, 1, 100)]
    seeds = {cell.seed(number) for cell in cells for number in range(7)}

    assert len(seeds) == 28
    assert Cell(50, 1, 100).seed(3) == Cell(50, 1, 100).seed(3)
