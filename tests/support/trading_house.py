"""One child over a fake exchange, turn by turn: the real worker, orders and ledger.

Only time, requests' threads and the market are ours, so that a test can lose an
answer, kill the process between any two steps, and let hours pass in no time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from POLYMARKET_MAKER.brakes import Brakes
from POLYMARKET_MAKER.calls import Calls, Finished
from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import (
    AgedQuote,
    NewOrder,
    Side,
    Source,
    TokenHealth,
)
from POLYMARKET_MAKER.core.money import floor_size
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.core.strategies import make_strategy
from POLYMARKET_MAKER.errors import ChildExit, MakerError
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.orders import Orders
from POLYMARKET_MAKER.quotes import Quotes
from POLYMARKET_MAKER.worker import Rules, Worker
from tests.support.fake_exchange import FakeExchange, Killed
from tests.support.trading import MARKET, T0, TOKEN

CAP = Decimal(6)
PROFIT = Decimal("0.04")
SETTINGS = {
    "drop_pct": "0.05",
    "drop_window_minutes": 2,
    "profit_pct": str(PROFIT),
    "buy_price_threshold": "0.50",
}
EXIT_SLIPPAGE = Decimal("0.05")


class HandClock(Clock):
    """A clock that stands still until it is told otherwise."""

    _passed: list[float]

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "_passed", [0.0])  # a Clock is frozen, this one moves

    def advance(self, seconds: float) -> None:
        self._passed[0] += seconds

    def now(self) -> float:
        return T0 + self._passed[0]

    def mono(self) -> float:
        return 1000.0 + self._passed[0]


class QueuedCalls(Calls):
    """Requests that run when the test says so, in the order in which they were begun."""

    def __init__(self, on_submit: Callable[[str], None]) -> None:
        self._queue: dict[str, Callable[[], object]] = {}
        self._ended: list[Finished] = []
        self._on_submit = on_submit

    def submit(self, key: str, function: Callable[[], object]) -> None:
        assert key not in self.running
        self._queue[key] = function
        self._on_submit(key)

    def is_running(self, key: str) -> bool:
        return key in self.running

    @property
    def running(self) -> frozenset[str]:
        return frozenset(self._queue) | {finished.key for finished in self._ended}

    def run(self) -> None:
        """Run everything that waits; a :class:`Killed` goes through."""
        while self._queue:
            key = next(iter(self._queue))
            function = self._queue.pop(key)
            try:
                self._ended.append(Finished(key, function(), None))
            except MakerError as error:
                self._ended.append(Finished(key, None, error))

    def collect(self) -> list[Finished]:
        ended, self._ended = self._ended, []
        return ended


class HandQuotes(Quotes):
    """The exchange's own quote, with the health that the test gives it."""

    def __init__(self, exchange: FakeExchange) -> None:
        self.health = TokenHealth.LIVE
        self._exchange = exchange
        self._seq = 0

    def read(self) -> AgedQuote:
        self._seq += 1
        return AgedQuote(self._exchange.quote(self._seq), 0.1, self.health, Source.SHARED)

    @property
    def epoch(self) -> int | None:
        return 1

    def status(self) -> dict[str, object]:
        return {}

    def starved_s(self) -> float:
        return 0.0

    def wait(self, timeout_s: float) -> None:
        raise AssertionError(f"a turn waited {timeout_s} s")


class House:
    """A child, its exchange and its ledger; the child may die and be born again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.exchange = FakeExchange(MARKET, self.clock.now, on_order=self._judge)
        self.quotes = HandQuotes(self.exchange)
        self.exit_code: ChildExit | None = None
        self._entry: Decimal | None = None
        self._is_exit_begun = False
        self._exit_floors: list[Decimal] = []
        self.born()

    def born(self) -> None:
        """Start the child as its script does: the ledger first, then what was lost."""
        self.ledger = Ledger.open(self.folder / "ledger.db", Identity("demo", "h", 137, "0x"))
        self.ledger.record_lost(TOKEN)
        self.calls = QueuedCalls(self._on_submit)
        limits = Limits(CAP, CAP, None)
        strategy = make_strategy("volatility_arbitrage", SETTINGS)
        if (memory := self.ledger.load_state(TOKEN)) is not None:
            strategy = strategy.remembering(_parsed(memory))
        self.worker = Worker(
            MARKET,
            Rules(limits, False, self._exit_file, Brakes(self.folder), None),  # noqa: FBT003 - Rules is a tuple of words
            strategy,
            quotes=self.quotes,
            orders=Orders(
                TOKEN,
                exchange=self.exchange,
                ledger=self.ledger,
                calls=self.calls,
                clock=self.clock,
                limits=limits,
            ),
            ledger=self.ledger,
            status=ChildStatus(self.folder / "child.json", TOKEN, "demo", self.clock),
            clock=self.clock,
            asking=lambda: bool(self.calls.running),
        )
        self.exit_code = None

    def die(self) -> None:
        """Kill the process: what it had in memory is gone, the ledger stays as it is."""
        self.ledger.close()

    def turn(self, *, requests: bool = True) -> None:
        """Let the child take one turn, and its requests run, unless they are slow."""
        if self.exit_code is not None:
            return
        try:
            self.exit_code = self.worker.turn()
            self._follow_the_exit()
            if requests:
                self.calls.run()
        except Killed:
            self.die()
            self.born()

    def _follow_the_exit(self) -> None:
        """Note the floor of an exit: it begins with the first bid that is met with shares held.

        It is over when nothing is held; what a late trade brings then is another exit.
        A quote that may not be traded on begins nothing, nor does a child that has not
        read its account yet.
        """
        if not self._exit_file.exists() or floor_size(self.ledger.position(TOKEN).size) <= 0:
            self._is_exit_begun = False
            return
        begins = self.quotes.health.is_tradable and self.worker._orders.is_recovered
        if begins and not self._is_exit_begun and self.exchange.bid is not None:
            self._is_exit_begun = True
            floor = self.exchange.bid - EXIT_SLIPPAGE
            self._exit_floors.append(max(floor, MARKET.tick_size))

    def pass_time(self, seconds: float) -> None:
        """Let time pass; what is late arrives."""
        self.clock.advance(seconds)
        self.exchange.arrive()

    def settle(self) -> None:
        """Let everything arrive and be read, with a quiet market and an exchange that answers."""
        if self.exit_code is not None:  # a trade may fail after the child has ended
            self.die()
            self.born()
        self.exchange.faults.clear()
        self.exchange.reveal()
        self.quotes.health = TokenHealth.LIVE
        for seconds in (*(2.0,) * 12, *(0.6,) * 8):  # beyond every patience of the program
            self.turn()
            self.pass_time(seconds)

    def signal_exit(self) -> None:
        """Tell the child to sell out."""
        self._exit_file.write_text("{}")

    @property
    def is_exiting(self) -> bool:
        return self._exit_file.exists()

    @property
    def _exit_file(self) -> Path:
        return self.folder / "exit_signal.json"

    def _on_submit(self, key: str) -> None:
        if key == "post_SELL":
            self._entry = self.ledger.position(TOKEN).entry_price

    def _judge(self, order: NewOrder) -> None:
        """Hold the price of an accepted sell against cost or exit floor."""
        if order.side is Side.BUY:
            return
        # A late order may belong to an exit that is over, or to the time before it.
        floors = list(self._exit_floors) if self.is_exiting else []
        if self._entry is not None:
            floors.append(self._entry * (1 + PROFIT))
        assert order.price >= min(floors), (order, floors)


def _parsed(memory: str) -> dict[str, str]:
    parsed: dict[str, str] = json.loads(memory)
    return parsed
