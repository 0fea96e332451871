"""A truly quiet hour, and a silence that is none: real sockets and REST, time moved by hand.

A scaled clock would make the machine slow and not the market busy: at a scale of 120 a
pause of 0.1 s is 12 s long, and a witness comes too late. Here time is skipped, and only
when everything that is due has been done, so that each answer takes as long as in life.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.connection import ConnectionLimits
from POLYMARKET_MAKER.core.model import TokenHealth
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.line import OpenLine
from POLYMARKET_MAKER.lines import market_lines
from POLYMARKET_MAKER.seats import Seat
from POLYMARKET_MAKER.shared_quotes import SharedQuotes
from POLYMARKET_MAKER.sim.venue import Options
from POLYMARKET_MAKER.switchboard import PLANNED_S
from tests.sim.running import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STEP_S = 5.0
HOUR_S = 3600.0
PATIENCE_S = 60.0
SUSPECT_LATEST_S = 120.0
"""A busy token is suspect after a minute; with steps, and with real time that passes as well."""
RENEWED_LATEST_S = 120.0
TRADABLE = {TokenHealth.LIVE, TokenHealth.QUIET}


class SkippedTime(Clock):
    """Real time, and what the test skips of it. Stamps stay real: children compare them."""

    _skips: list[float]

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "_skips", [])  # a Clock is frozen, this one moves

    def skip(self, seconds: float) -> None:
        self._skips.append(seconds)

    def mono(self) -> float:
        return time.monotonic() + sum(self._skips)

    def boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + sum(self._skips)


class Watched(Aggregator):
    """Notes every health that a token has, for however short a time."""

    def __init__(self, path: Path, open_line: OpenLine, *, clock: Clock, reads: Public) -> None:
        super().__init__(path, open_line, clock=clock, reads=reads)
        self.seen: set[TokenHealth] = set()

    def _publish(self, seat: Seat) -> None:
        self.seen.add(seat.health)
        super()._publish(seat)


class House:
    """An aggregator that feeds real readers from a silent exchange."""

    def __init__(self, sim: Running, path: Path, reads: Public) -> None:
        self.clock = SkippedTime()
        self.sim = sim
        self.tokens = sim.tokens
        lines = market_lines(sim.urls["ws_market"], self.clock)
        self.aggregator = Watched(path, lines, clock=self.clock, reads=reads)
        self.aggregator.start(self.tokens)
        self.children = [
            SharedQuotes(path, token, max_age_s=60.0, clock=Clock()) for token in sim.tokens
        ]

    def status(self) -> Any:
        return self.aggregator.status()

    def skip(self, seconds: float) -> None:
        """Let time pass, and everything be done that is due then."""
        self.clock.skip(seconds)
        self.aggregator.set_tokens(self.tokens)  # wakes the line: it may have to send PING
        self.aggregator._sweep()
        eventually(self.is_done, what="every read answered, every PING too")

    def is_done(self) -> bool:
        status, now = self.status(), self.clock.now()
        reads = status["rest_reads"]
        open_lines = [each for each in status["lines"] if each["state"] == "open"]
        silent_s = max((now - each["last_frame_at"] for each in open_lines), default=math.inf)
        answered = reads["books"] + reads["markets"] + reads["expired"]
        return bool(reads["asked"] == answered and silent_s <= ConnectionLimits().ping_s)

    def children_may_trade(self) -> bool:
        looks = [child.look() for child in self.children]
        return all(
            look.fault is None and look.aged is not None and look.aged.health in TRADABLE
            for look in looks
        )


def eventually(is_so: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.005)


@contextmanager
def house(tmp_path: Path, options: Options) -> Iterator[House]:
    with ExitStack() as stack:
        sim = Running(options)
        stack.callback(sim.stop)
        http = stack.enter_context(closing(Http(deadline_s=30.0)))
        reads = Public(http, clob_url=sim.urls["clob"], gamma_url=sim.urls["gamma"])
        home = House(sim, tmp_path / "ws_cache.json", reads)
        stack.callback(home.aggregator.stop)
        for child in home.children:
            stack.callback(child.close)
        eventually(home.children_may_trade, what="quotes of all tokens")
        yield home


def test_a_quiet_hour_costs_no_connection_and_no_quote_and_few_reads(tmp_path: Path) -> None:
    """The only new connection is the one that is planned after 45 minutes."""
    with house(tmp_path, Options(tokens=3, flow=False)) as home:
        home.aggregator.seen.clear()
        began = home.clock.boot()
        while (passed_s := home.clock.boot() - began) < HOUR_S:
            home.skip(STEP_S)
            assert home.children_may_trade(), f"after {passed_s:.0f} s"
            if passed_s < PLANNED_S - 60:
                assert [each["connects"] for each in home.status()["lines"]] == [1]

        status = home.status()
        assert home.aggregator.seen == TRADABLE
        assert (status["moves"], status["renewals"], status["replaced"]) == (0, 0, 1)
        # A verdict holds for a minute, and the next question goes out 10 s early.
        reads = status["rest_reads"]
        assert 0 < reads["books"] <= len(home.tokens) * (HOUR_S / 50 + 1)
        assert status["witness"]["vouched"] == reads["books"]
        assert (reads["failed"], reads["expired"]) == (0, 0)


def test_a_silent_freeze_costs_a_reconnect_within_two_minutes_of_suspicion(tmp_path: Path) -> None:
    """PONG goes on, data stops, and the market does not: no token is quiet for so long."""
    with house(tmp_path, Options(tokens=3, tempers=("busy",))) as home:
        home.aggregator.seen.clear()
        home.sim.control(do="freeze")
        frozen = home.clock.boot()
        while TokenHealth.SUSPECT not in home.aggregator.seen:
            home.skip(STEP_S)
            assert home.clock.boot() - frozen <= SUSPECT_LATEST_S
        suspected = home.clock.boot()
        while home.status()["renewals"] == 0:
            home.skip(STEP_S)
            assert home.clock.boot() - suspected <= RENEWED_LATEST_S

        home.sim.control(do="pause")
        eventually(home.children_may_trade, what="quotes of the new connection")
        assert home.status()["witness"]["convicted"] >= 2
