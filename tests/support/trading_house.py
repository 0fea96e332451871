"""One child over a fake exchange, turn by turn: the real worker, orders and ledger.

Only time, requests' threads and the market are ours, so that a test can lose an
answer, kill the process between any two steps, and let hours pass in no time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path

from POLYMARKET_MAKER.brakes import LOOK_EVERY_S, Brakes
from POLYMARKET_MAKER.calls import Calls, Finished
from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import AgedQuote, Side, Source, TokenHealth
from POLYMARKET_MAKER.core.money import floor_size
from POLYMARKET_MAKER.core.order import SignedOrder
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.core.strategies import make_strategy
from POLYMARKET_MAKER.errors import ChildExit, LedgerError, MakerError
from POLYMARKET_MAKER.ledger import Identity, Intent, Ledger
from POLYMARKET_MAKER.orders import Orders
from POLYMARKET_MAKER.outlook import Rules
from POLYMARKET_MAKER.quotes import NoQuote, Quotes
from POLYMARKET_MAKER.worker import Worker
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

    _hands: dict[str, float]

    def __init__(self) -> None:
        super().__init__()
        hands = {"passed_s": 0.0, "slept_s": 0.0, "jumped_s": 0.0, "booted_mono": 0.0}
        object.__setattr__(self, "_hands", hands)  # a Clock is frozen, this one moves

    def advance(self, seconds: float) -> None:
        self._hands["passed_s"] += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock; no time passes."""
        self._hands["jumped_s"] += seconds

    def sleep(self, seconds: float) -> None:
        """Let the machine sleep: what the monotonic clock does not count."""
        self._hands["slept_s"] += seconds

    def reboot(self, uptime_s: float) -> None:
        """Start the machine again, *uptime_s* ago."""
        self._hands["booted_mono"] = self.mono() + self._hands["slept_s"] - uptime_s

    def now(self) -> float:
        hands = self._hands
        return T0 + hands["passed_s"] + hands["slept_s"] + hands["jumped_s"]

    def mono(self) -> float:
        return 5000.0 + self._hands["passed_s"]

    def boot(self) -> float:
        return self.mono() + self._hands["slept_s"] - self._hands["booted_mono"]


class QueuedCalls(Calls):
    """Requests that run when the test says so, in the order in which they were begun."""

    def __init__(self, on_submit: Callable[[str, Callable[[], object]], None]) -> None:
        self._queue: dict[str, Callable[[], object]] = {}
        self._ended: list[Finished] = []
        self._on_submit = on_submit
        self.held: frozenset[str] = frozenset()  # keys of requests that do not come to their end

    def submit(self, key: str, function: Callable[[], object]) -> None:
        assert key not in self.running
        self._queue[key] = function
        self._on_submit(key, function)

    def is_running(self, key: str) -> bool:
        return key in self.running

    @property
    def running(self) -> frozenset[str]:
        return frozenset(self._queue) | {finished.key for finished in self._ended}

    def run(self) -> None:
        """Run everything that waits and is not held; a :class:`Killed` goes through."""
        while ready := [key for key in self._queue if key not in self.held]:
            key = ready[0]
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
        self.is_lost = False
        self._exchange = exchange
        self._seq = 0

    def read(self) -> AgedQuote | NoQuote:
        if self.is_lost:
            return NoQuote("lost")
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
        self.exchange = FakeExchange(
            MARKET, self.clock.now, on_sign=self._note_floor, on_order=self._judge, wait=self._wait
        )
        self.quotes = HandQuotes(self.exchange)
        self.exit_code: ChildExit | None = None
        self.ledger_faults = LedgerFaults(folder / "ledger.db")
        self.sell_only_from: float | None = None
        self._exit_floor: Decimal | None = None
        self._floor: Decimal | None = None
        self._floors: dict[str, Decimal | None] = {}
        self.born()

    def born(self) -> None:
        """Start the child as its script does: the ledger first, then what was lost."""
        self.ledger_faults.end()  # as long as they last, no child comes to life
        self.ledger = Ledger.open(
            self.folder / "ledger.db", Identity("demo", "h", 137, "0x"), busy_s=0.005
        )
        self.ledger_faults.use(self.ledger)
        self.ledger.record_lost(TOKEN)
        self.calls = QueuedCalls(self._on_submit)
        limits = Limits(CAP, CAP, None)
        strategy = make_strategy("volatility_arbitrage", SETTINGS)
        if (memory := self.ledger.load_state(TOKEN)) is not None:
            strategy = strategy.remembering(_parsed(memory))
        self.status = ChildStatus(self.folder / "child.json", TOKEN, "demo", self.clock)
        self.worker = Worker(
            MARKET,
            Rules(
                limits,
                exit_only=False,
                exit_signal=self._exit_file,
                brakes=Brakes(self.folder),
                sell_only_from=self.sell_only_from,
            ),
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
            status=self.status,
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
        except (Killed, LedgerError):  # a child that cannot use the ledger ends with 75
            self.die()
            self.born()

    def _follow_the_exit(self) -> None:
        """Note the floor of an exit: it begins with the first bid that is met with shares held.

        It is over when nothing is held; what a late trade brings then is another exit.
        A quote that may not be traded on begins and ends nothing, nor does a child that
        has not read its account yet.
        """
        exchange = self.exchange
        is_crossed = exchange.quote(0).is_crossed
        if is_crossed or not self.quotes.health.is_tradable or not self.worker.has_account:
            return
        if not self._exit_file.exists() or floor_size(self.ledger.position(TOKEN).size) <= 0:
            self._exit_floor = None
        elif self._exit_floor is None and exchange.bid is not None:
            self._exit_floor = max(exchange.bid - EXIT_SLIPPAGE, MARKET.tick_size)

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
        self.ledger_faults.end()
        self.exchange.reveal()
        self.quotes.health = TokenHealth.LIVE
        for seconds in (*(2.0,) * 20, *(0.6,) * 8):  # beyond every patience of the program
            self.turn()
            self.pass_time(seconds)

    def signal_exit(self) -> None:
        """Tell the child to sell out; it looks at such files every so often."""
        self._exit_file.write_text("{}")
        self.clock.advance(2 * LOOK_EVERY_S)

    @property
    def is_exiting(self) -> bool:
        return self._exit_file.exists()

    @property
    def _exit_file(self) -> Path:
        return self.folder / "exit_signal.json"

    def _on_submit(self, key: str, function: Callable[[], object]) -> None:
        """Note the floor that is in force as a sell is decided."""
        if key != "post_SELL":
            return
        self._follow_the_exit()
        entry = self.ledger.position(TOKEN).entry_price
        cost_floor = None if entry is None else entry * (1 + PROFIT)
        self._floor = self._exit_floor if self.is_exiting else cost_floor
        decided = function.args[0] if isinstance(function, partial) else None
        if isinstance(decided, Intent):  # the same order once more: now it is decided anew
            self._floors[decided.order_id] = self._floor

    def _note_floor(self, signed: SignedOrder) -> None:
        if signed.order.side is Side.SELL:
            self._floors[signed.order_id] = self._floor

    def _judge(self, signed: SignedOrder) -> None:
        """Hold an accepted sell against the floor of the moment in which it was decided."""
        if signed.order.side is Side.SELL:
            floor = self._floors[signed.order_id]
            assert floor is not None, f"{signed.order}: nothing was held, or nobody bid"
            assert signed.order.price >= floor, (signed.order, floor)

    def _wait(self, seconds: float) -> None:
        """A request takes its time."""
        self.clock.advance(seconds)


class LedgerFaults:
    """What happens to a ledger's file: held by another process, or on a disk that is full.

    Both are real: a second connection holds the lock, and the file may not grow.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: sqlite3.Connection | None = None
        self._ledger: Ledger | None = None

    def use(self, ledger: Ledger) -> None:
        """Bring the next faults upon *ledger*."""
        self._ledger = ledger

    def lock(self) -> None:
        """Hold the write lock, as a process does that hangs in a transaction."""
        if self._holder is None:
            self._holder = sqlite3.connect(self._path, isolation_level=None)
            self._holder.execute("BEGIN IMMEDIATE")

    def fill_the_disk(self) -> None:
        """Let the file grow no further."""
        self._set_max_pages(1)  # SQLite raises it to what the file has

    def end(self) -> None:
        """Let go."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None
        if self._ledger is not None:
            self._set_max_pages(1_000_000)

    def _set_max_pages(self, pages: int) -> None:
        assert self._ledger is not None
        with suppress(sqlite3.ProgrammingError):  # the child that used it is dead
            self._ledger._db._sqlite.execute(f"PRAGMA max_page_count = {pages}")


def _parsed(memory: str) -> dict[str, str]:
    parsed: dict[str, str] = json.loads(memory)
    return parsed
