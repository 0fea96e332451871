"""put → child: from the instant a change is due to the child that has it in hand.

Ours next to Redis over the whole grid, next to everything else one could use at 500 tokens and
10 children, and next to the earlier program and a floor at 50 children too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.harness import stats
from benchmarks.harness.context import Context, say
from benchmarks.harness.errors import FAULTS, OutOfTimeError
from benchmarks.harness.report import Section, Table, Verdict, microseconds, number
from benchmarks.harness.rounds import Cell, Results, Runner, Slot, Turn, interleave
from benchmarks.harness.stats import Round
from benchmarks.peers import load_peer

TITLE = "put → child"
OURS, REDIS, EARLIER = "board", "redis", "earlier"
FLOOR = "floor"
OTHERS = ("zeromq", "queue", "websocket", "file")
MAIN = Cell(500, 50, 1000)
PINNED = Cell(500, 50, 1000, pinned=True)
_START_S, _START_A_CHILD_S = 8.0, 0.15
_FRACTION = 0.01
_P50, _SERVICE_P50, _SERVICE_P99, _CPU = "p50_us", "service_p50_us", "service_p99_us", "cpu"


@dataclass(frozen=True, slots=True)
class Stage:
    """Processes that are started once, and what is measured with them.

    Attributes:
        tokens: Number of keys.
        children: Number of followers.
        rounds: At 1,000 and at 100 events a second.
        pinned: Rounds with the writer on one core and the children on the other.
        guests: Other designs that take part at 1,000 events a second.
        guest_rounds: In how many rounds.
        weight: Its share of the time, next to the other stages'.
    """

    tokens: int
    children: int
    rounds: tuple[int, int]
    pinned: int = 0
    guests: tuple[str, ...] = ()
    guest_rounds: int = 0
    weight: float = 1.0


BOUND_S = 290.0
BOUND = (
    Stage(500, 50, (7, 7), pinned=5, guests=(EARLIER, FLOOR), guest_rounds=3, weight=8.0),
    Stage(500, 10, (7, 7), guests=(*OTHERS, EARLIER, FLOOR), guest_rounds=2, weight=6.0),
    Stage(500, 1, (7, 7), weight=3.0),
    Stage(5000, 200, (5, 0), weight=6.0),
)
"""What the bounds are about. It comes before everything else, and has this many seconds."""

REST = (
    Stage(50, 10, (3, 2), weight=0.8),
    Stage(5000, 50, (3, 2), weight=1.2),
    Stage(50, 50, (3, 2), weight=1.2),
    Stage(50, 1, (3, 2), weight=0.8),
    Stage(5000, 10, (3, 2), weight=0.8),
    Stage(5000, 1, (3, 2), weight=0.8),
)
"""The rest of the grid, in what time is left at the end."""

QUICK = (Stage(50, 3, (1, 1), pinned=1, guests=(*OTHERS, EARLIER, FLOOR), guest_rounds=1),)


def run_bound(context: Context, results: Results) -> None:
    """Run the cells that bounds are about; the rounds go to *results*."""
    ends_at = min(context.ends_at, time.monotonic() + BOUND_S)
    _run(QUICK if context.is_quick else BOUND, context, ends_at, results, results.failures)


def run_rest(context: Context, results: Results) -> Section:
    """Run as much of the rest as there is time for, and sum up all *results*."""
    if not context.is_quick:
        _run(REST, context, context.ends_at, results, results.left_out)
    return _section(results)


def _run(
    stages: Sequence[Stage],
    context: Context,
    ends_at: float,
    results: Results,
    too_late: list[str],
) -> None:
    try:
        for place, stage in enumerate(stages):
            weights = sum(each.weight for each in stages[place:])
            left_s = ends_at - time.monotonic()
            name = f"{stage.tokens:,} tokens, {stage.children} children"
            if left_s < _START_S + stage.children * _START_A_CHILD_S:
                too_late.append(name)
                continue
            say(f"  {name}")
            until = time.monotonic() + left_s * stage.weight / weights
            _run_stage(stage, context, until, results)
    except OutOfTimeError as error:
        results.failures.append(str(error))


def _run_stage(stage: Stage, context: Context, ends_at: float, results: Results) -> None:
    with ExitStack() as stack:
        runners = []
        for name in (OURS, REDIS, *stage.guests):
            try:
                runners.append(stack.enter_context(_start(name, stage, context)))
            except FAULTS as error:
                results.failures.append(f"{name}: {error}")
        interleave(
            [slot for runner in runners for slot in _slots(stage, runner)],
            may_go_on=lambda: time.monotonic() < ends_at,
            results=results,
            seed=stage.tokens + stage.children,
        )


def _start(name: str, stage: Stage, context: Context) -> Runner:
    return Runner(
        load_peer(name),
        tokens=stage.tokens,
        children=stage.children,
        directory=context.directory,
    )


def _slots(stage: Stage, runner: Runner) -> Iterator[Slot]:
    fast, slow = stage.rounds
    place = (stage.tokens, stage.children)
    if runner.name in stage.guests:
        yield Slot(runner, Cell(*place, 1000), Turn(stage.guest_rounds, 0.4, 1.5))
        return
    yield Slot(runner, Cell(*place, 1000), Turn(fast, 0.4, 1.5))
    if slow:
        yield Slot(runner, Cell(*place, 100), Turn(slow, 0.4, 2.0))
    if stage.pinned:
        yield Slot(runner, Cell(*place, 1000, pinned=True), Turn(stage.pinned, 0.4, 1.5))


def _section(results: Results) -> Section:
    section = Section(TITLE, failure="; ".join(results.failures))
    section.text.append(
        "Every event changes the key of one child, drawn at random; arrivals are a Poisson "
        "process that is the same for all designs of a round. Latency is counted from the "
        "instant the event was due (p50, p99) and from the start of its publication (service). "
        "An event that was overtaken by a later one counts until the child had the later one. "
        "CPU is that of publisher, server and children together, in per cent of one core, from "
        "schedstat. Figures are medians of rounds, in brackets the least and the most; ratios "
        "are taken within each round. A round in which the machine stood still for more than "
        f"{stats.HICCUP_MS:g} ms is marked, and the ratios stand with and without such rounds."
    )
    if results.left_out:
        section.text.append(f"Left out, for lack of time: {'; '.join(results.left_out)}.")
    section.tables.append(_ratios(results))
    section.tables += [_designs(results, cell) for cell in results.cells()]
    section.verdicts += _verdicts(results)
    return section


def _designs(results: Results, cell: Cell) -> Table:
    header = ["design", "wakes by", "p50", "p99", "service p50", "service p99", "CPU %"]
    header += ["children's", "skipped", "rounds", "marked"]
    rows = []
    for name, rounds in sorted(
        results.designs(cell).items(), key=lambda each: stats.of(each[1], _P50).median
    ):
        peer = load_peer(name)
        skipped = sum(each.skipped for each in rounds) / sum(each.events for each in rounds)
        rows.append(
            [
                f"**{peer.title}**" if name == OURS else peer.title,
                peer.wakes_by,
                *(_latency(rounds, f) for f in (_P50, "p99_us", _SERVICE_P50, _SERVICE_P99)),
                _spread(rounds, _CPU),
                number(stats.of(rounds, "cpu_children").median),
                f"{skipped:.1%}",
                str(len(rounds)),
                str(len(rounds) - len(stats.clean(rounds))),
            ]
        )
    return Table(str(cell), header, rows)


def _latency(rounds: list[Round], field: str) -> str:
    return _with_range(stats.of(rounds, field), microseconds)


def _spread(rounds: list[Round], field: str) -> str:
    return _with_range(stats.of(rounds, field), number)


def _with_range(found: stats.Spread, write: Callable[[float], str]) -> str:
    if found.count == 1:
        return write(found.median)
    return f"{write(found.median)} ({write(found.least)} – {write(found.most)})"


def _ratios(results: Results) -> Table:
    header = ["ours ÷ Redis", "p50", "service p50", "service p99", "CPU", "rounds"]
    header += ["clean rounds: p50", "service p99", "CPU"]
    rows = []
    for cell in results.cells():
        ours, redis = results.rounds(cell, OURS), results.rounds(cell, REDIS)
        if not ours or not redis:
            continue
        row = [str(cell)]
        row += [_ratio(ours, redis, f) for f in (_P50, _SERVICE_P50, _SERVICE_P99, _CPU)]
        row.append(str(len(ours)))
        pure = stats.clean(ours), stats.clean(redis)
        row += [_ratio(*pure, f) for f in (_P50, _SERVICE_P99, _CPU)]
        rows.append(row)
    return Table("Ours ÷ Redis, round by round", header, rows)


def _ratio(ours: list[Round], theirs: list[Round], field: str) -> str:
    try:
        found = stats.ratio(ours, theirs, field)
    except ValueError:
        return "–"
    return _with_range(found, "{:.2f}".format)


def _verdicts(results: Results) -> Iterator[Verdict]:
    yield from _against_redis(results, MAIN)
    yield from _against_earlier(results)
    for cell in (
        Cell(500, 1, 1000),
        Cell(500, 10, 1000),
        Cell(5000, 200, 1000),
        Cell(500, 1, 100),
        Cell(500, 10, 100),
        Cell(500, 50, 100),
    ):
        yield from _against_redis(results, cell)
    yield _verdict(results, PINNED, _P50, 0.75)


def _against_redis(results: Results, cell: Cell) -> Iterator[Verdict]:
    yield _verdict(results, cell, _P50, 0.5, aim=0.4)
    yield _verdict(results, cell, _SERVICE_P99, 0.8)
    yield _verdict(results, cell, _CPU, 0.6, aim=0.45)


_NAMES = {_P50: "p50", _SERVICE_P99: "service p99", _CPU: "CPU"}


def _verdict(
    results: Results,
    cell: Cell,
    field: str,
    limit: float,
    *,
    aim: float | None = None,
    other: str = REDIS,
    called: str = "Redis",
) -> Verdict:
    claim = f"{_NAMES[field]} ÷ {called}: {cell}"
    ours, theirs = results.rounds(cell, OURS), results.rounds(cell, other)
    try:
        found = stats.ratio(ours, theirs, field)
    except ValueError:
        return Verdict(claim, None, limit, aim=aim, detail="this cell was not run")
    detail = f"{found.least:.2g} – {found.most:.2g} in {found.count} rounds"
    if found.median < _FRACTION:
        detail = f"1/{1 / found.median:,.0f}; {detail}"
    return Verdict(claim, found.median, limit, aim=aim, detail=detail)


def _against_earlier(results: Results) -> Iterator[Verdict]:
    called = "the earlier design"
    yield _verdict(results, MAIN, _P50, 1 / 3000, other=EARLIER, called=called)
    yield _verdict(results, MAIN, _CPU, 0.35, other=EARLIER, called=called)
