"""The whole way with the real programs: socket → supervisor → file → child → strategy tick.

A market feed on loopback, the supervisor on paper with one child a token, and the simulator
for everything that is not quotes. Run twice: with the shared connection, and with one
connection for each child (`--no-shared-ws`).
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import cpu, stats
from benchmarks.harness.context import Context, say
from benchmarks.harness.errors import DidNotStartError
from benchmarks.harness.hiccups import Hiccups
from benchmarks.harness.latency import Latencies, Sight, match
from benchmarks.harness.program import program, simulator, surroundings
from benchmarks.harness.report import Section, Table, Verdict, microseconds, number
from benchmarks.harness.schedule import Event, Load, last_numbers, make_schedule
from benchmarks.market_feed import MarketFeed

TITLE = "Socket → strategy tick"
TAP = Path(__file__).resolve().parent / "tap"
RATE = 1000.0
_RECORD = struct.Struct("<qq")
_START_S = 90.0
_STOP_S = 20.0
_DRAIN_S = 10.0
_FIRST = 1000
_CONFIG = {
    "scheduler": {
        "max_concurrent_tasks": 1000,
        "topic_start_cooldown_sec": 0,
        "process_stagger_max_sec": 0,
    }
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of being connected.

    Attributes:
        rounds: Latencies from the socket to the tick, and the CPU of our processes.
        supervisor: Its part of the CPU, in per cent of one core: the median.
    """

    rounds: list[stats.Round]
    supervisor: float


def run(context: Context) -> Section:
    """Measure with one shared connection, then with one for each child."""
    children = 5 if context.is_quick else 50
    rounds = 1 if context.is_quick else 3
    with simulator(children, "--no-flow") as urls:
        shared = _measure(context, urls, rounds, ())
        own = _measure(context, urls, max(1, rounds - 1), ("--no-shared-ws",))
    return _section(children, shared, own)


def _measure(
    context: Context, urls: Mapping[str, Any], rounds: int, options: tuple[str, ...]
) -> Measured:
    tokens = [str(token) for token in urls["tokens"]]
    say(f"  {len(tokens)} children {' '.join(options)}")
    with (
        tempfile.TemporaryDirectory(dir=context.directory) as folder,
        MarketFeed(tokens) as feed,
        _supervisor(Path(folder), urls, feed.url, options) as supervisor,
    ):
        taps = Path(folder) / "taps"
        _wait_until_all_tick(supervisor, taps, tokens)
        run = _Run(feed, supervisor.pid, Path(folder) / "data", taps, tokens)
        hiccups = Hiccups()
        try:
            done = [run.round(each, hiccups) for each in range(rounds)]
        finally:
            hiccups.close()
    shares = [each.cpu - each.cpu_children for each in done]
    return Measured(done, stats.spread(shares).median)


class _Run:
    """Rounds with one set of processes."""

    def __init__(
        self, feed: MarketFeed, supervisor: int, data: Path, taps: Path, tokens: list[str]
    ) -> None:
        self._feed = feed
        self._supervisor = supervisor
        self._taps = taps
        self._tokens = tokens
        self._first = _FIRST
        status = json.loads((data / "autorun_status.json").read_bytes())
        self._children = [task["pid"] for task in status["tasks"].values() if task["pid"]]
        if len(self._children) != len(tokens):
            raise DidNotStartError(f"{len(self._children)} of {len(tokens)} children run")

    def round(self, place: int, hiccups: Hiccups) -> stats.Round:
        load = Load(len(self._tokens), RATE, warm_s=1.0, measure_s=3.0)
        events = make_schedule(load, seed=place, first=self._first)
        self._first = events[-1].number + 1
        start_ns = self._feed.publish(events, lead_s=0.5)
        time.sleep(max(0.0, (start_ns - time.monotonic_ns()) / 1e9))
        hiccups.take_ms()
        before, began = self._used_ns(), time.monotonic()
        published = self._feed.published(events[-1].due_s + 20)
        after, took_s = self._used_ns(), time.monotonic() - began
        hiccup_ms = hiccups.take_ms()
        self._wait_for_last(events)
        latencies = self._match(events, start_ns, published)
        writer, children = (
            (new - old) / took_s / 1e7 for old, new in zip(before, after, strict=True)
        )
        return stats.sum_up(place, latencies, writer=writer, children=children, hiccup_ms=hiccup_ms)

    def _wait_for_last(self, events: list[Event]) -> None:
        """Wait until all have seen their last; whoever has not in time, `match` will name."""
        give_up = time.monotonic() + _DRAIN_S
        for child, last in last_numbers(events).items():
            while self._ticks(child)[-1].number != last and time.monotonic() < give_up:
                time.sleep(0.05)

    def _ticks(self, child: int) -> list[Sight]:
        data = (self._taps / self._tokens[child]).read_bytes()
        whole = len(data) - len(data) % _RECORD.size
        return [Sight(*record) for record in _RECORD.iter_unpack(data[:whole])]

    def _used_ns(self) -> tuple[int, int]:
        return cpu.run_ns([self._supervisor]), cpu.run_ns(self._children)

    def _match(self, events: list[Event], start_ns: int, published: list[int]) -> Latencies:
        sights = {
            child: [tick for tick in self._ticks(child) if tick.at_ns >= start_ns]
            for child in last_numbers(events)
        }
        return match(events, start_ns=start_ns, published_ns=published, sights=sights)


@contextmanager
def _supervisor(
    folder: Path, urls: Mapping[str, Any], feed_url: str, options: tuple[str, ...]
) -> Iterator[subprocess.Popen[str]]:
    """Run the supervisor on paper, all children started at once, the tap in each."""
    config = folder / "global_config.json"
    config.write_text(json.dumps(_CONFIG), encoding="utf-8")
    (folder / "taps").mkdir()
    paths = os.pathsep.join(filter(None, (str(TAP), os.environ.get("PYTHONPATH"))))
    env = surroundings(folder, urls) | {
        "PYTHONPATH": paths,
        "BENCH_TAP_DIR": str(folder / "taps"),
        "POLY_WS_URL": feed_url,
    }
    tokens = ",".join(map(str, urls["tokens"]))
    arguments = ("poly_maker_autorun.py", "--paper", "--no-repl", "--tokens", tokens)
    config_options = ("--global-config", str(config))
    with program(*arguments, *config_options, *options, env=env) as process:
        yield process


def _wait_until_all_tick(supervisor: subprocess.Popen[str], taps: Path, tokens: list[str]) -> None:
    """Wait until the strategy of every child has seen a quote.

    Raises:
        DidNotStartError: One has not, within the time.
    """
    give_up = time.monotonic() + _START_S
    while len(present := list(taps.iterdir())) < len(tokens):
        if supervisor.poll() is not None:
            raise DidNotStartError(f"the supervisor ended with {supervisor.returncode}")
        if time.monotonic() > give_up:
            raise DidNotStartError(
                f"{len(present)} of {len(tokens)} children ticked within {_START_S:.0f} s"
            )
        time.sleep(0.1)
    time.sleep(1.0)  # what starts a process is over


def _section(children: int, shared: Measured, own: Measured) -> Section:
    section = Section(TITLE)
    section.text.append(
        f"{children} tokens, {children} children, {RATE:,.0f} two-token frames a second on "
        "loopback; supervisor and children are the real programs, on paper. The clock runs from "
        "the instant a frame was due at the feed to the call of the strategy in the child. CPU is "
        "that of supervisor and children; feed and simulator are not counted."
    )
    header = ["", "p50", "p99", "service p50", "service p99", "CPU %", "supervisor's", "skipped"]
    section.tables.append(
        Table(
            "",
            header,
            [_row("one shared connection", shared), _row("one connection a child", own)],
        )
    )
    p50, p99 = (stats.of(shared.rounds, f"p{share}_us").median for share in (50, 99))
    used = stats.of(shared.rounds, "cpu").median
    theirs = stats.of(own.rounds, "cpu").median
    section.verdicts += [
        Verdict("socket → strategy tick, p50", p50 / 1000, 1.0, "ms"),
        Verdict("socket → strategy tick, p99", p99 / 1000, 10.0, "ms"),
        Verdict("supervisor and children together, CPU", used, 50.0, "%"),
        Verdict("one shared connection ÷ one a child, CPU", used / theirs, 0.4),
    ]
    return section


def _row(name: str, measured: Measured) -> list[str]:
    rounds = measured.rounds
    fields = ("p50_us", "p99_us", "service_p50_us", "service_p99_us")
    skipped = sum(each.skipped for each in rounds) / sum(each.events for each in rounds)
    return [
        name,
        *(microseconds(stats.of(rounds, field).median) for field in fields),
        number(stats.of(rounds, "cpu").median),
        number(measured.supervisor),
        f"{skipped:.1%}",
    ]
