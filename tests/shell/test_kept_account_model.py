"""The trading model once more, with a supervisor that keeps the ledger and clears the dead.

The child reads nothing but single orders then; what it knows comes by a channel that may
be down, and by the supervisor's read every 30 s, which may fail.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from POLYMARKET_MAKER.account_keeper import AccountKeeper
from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.clearing import clear
from POLYMARKET_MAKER.core.events import Event
from POLYMARKET_MAKER.core.order import Fill, OpenOrder
from POLYMARKET_MAKER.core.user_wire import OrderNews, OrderOver, TradeNews
from POLYMARKET_MAKER.errors import VenueError
from tests.shell.test_trading_model import IN_MEMORY, PARTS, Trading, live_many_lives
from tests.support.fake_exchange import FOREIGN, Killed
from tests.support.trading import TOKEN
from tests.support.trading_house import House

ROUNDS = 60
LIVES, LIVES_OF_CHAOS = 110, 300


class KeptHouse(House):
    """A child that trusts a supervisor, and that supervisor."""

    def __init__(self, folder: Path) -> None:
        self.channel_is_up = True
        self._told_orders: dict[str, OpenOrder] = {}
        self._told_fills: dict[tuple[str, str], Fill] = {}
        super().__init__(folder)

    def born(self) -> None:
        super().born()
        self.worker._orders.reading.is_kept = True
        self.keeper = AccountKeeper(
            self.exchange, self.ledger, ring=lambda _token: None, clock=self.clock
        )
        self._clear()

    def turn(self, *, requests: bool = True) -> None:
        super().turn(requests=requests)
        self._supervise()

    def settle(self) -> None:
        self.exchange.faults.clear()
        self.exchange.reveal()
        self.channel_is_up = True
        self.keeper.read_soon()  # as after each new connection
        super().settle()

    def _clear(self) -> None:
        """Cancel what the dead child left until it is proven, and read: then the next starts."""
        for _ in range(ROUNDS):
            with suppress(Killed, VenueError):  # a fault that loses the supervisor's request
                if not clear(self.exchange, self.ledger, [TOKEN], clock=self.clock):
                    read_account(self.exchange, self.ledger, clock=self.clock)
                    return
            self.pass_time(1.0)
        raise AssertionError("never proven")

    def _supervise(self) -> None:
        news = list(self._news())
        if self.channel_is_up:
            self.keeper.take(news)
        with suppress(Killed):
            self.keeper._work()

    def _news(self) -> Iterator[Event]:
        """Say what the channel would have said since it was asked last."""
        for order in self.exchange.orders.values():
            if order.order_id != FOREIGN and self._told_orders.get(order.order_id) != order:
                self._told_orders[order.order_id] = order
                is_over = order.status.startswith("CANCEL")
                yield OrderOver(order.order_id, "") if is_over else OrderNews(order)
        for fill in self.exchange.trades:
            key = (fill.trade_id, fill.order_id)
            if self._told_fills.get(key) != fill:
                self._told_fills[key] = fill
                if fill.is_maker:
                    yield TradeNews(fill.trade_id, "stranger", (fill,))
                else:
                    yield TradeNews(fill.trade_id, fill.order_id, ())


class KeptTrading(Trading):
    """One child and its supervisor in a hostile world."""

    house: KeptHouse

    @initialize()
    def open_the_house(self) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=IN_MEMORY)
        self.house = KeptHouse(Path(self._folder.name))

    @rule(up=st.booleans())
    def the_channel_goes_and_comes(self, *, up: bool) -> None:
        if up and not self.house.channel_is_up:
            self.house.keeper.read_soon()
        self.house.channel_is_up = up


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_ever_doubled_oversold_or_lost_with_a_supervisor(
    part: int, pytestconfig: pytest.Config
) -> None:
    """110 lives; ``make chaos`` lives many more."""
    chaos = pytestconfig.getoption("--hypothesis-seed")
    lives = LIVES if chaos is None else LIVES_OF_CHAOS
    live_many_lives(KeptTrading, part, lives // PARTS, chaos)


def test_a_kept_child_reads_the_account_itself_only_when_nobody_else_does(tmp_path: Path) -> None:
    """The read is 45 s old: one whole read, by the child, and it goes on."""
    house = KeptHouse(tmp_path)
    reads: list[float] = []
    fills = house.exchange.fills

    def counted(*, after: float | None = None) -> list[Fill]:
        reads.append(house.clock.now())
        return fills(after=after)

    house.exchange.fills = counted  # type: ignore[method-assign]
    house.keeper._work = _hangs  # type: ignore[method-assign]
    began = house.clock.now()
    for _ in range(300):
        house.turn()
        house.pass_time(0.5)

    gaps = [later - earlier for earlier, later in zip([began, *reads], reads, strict=False)]
    assert len(gaps) == 3
    assert all(45 < gap <= 46 for gap in gaps), gaps
    assert house.worker._orders.reading.is_fresh


def test_without_a_read_of_the_account_nothing_is_placed(tmp_path: Path) -> None:
    """The supervisor hangs and the exchange does not answer reads: 60 s later it is enough."""
    house = KeptHouse(tmp_path)
    house.keeper._work = _hangs  # type: ignore[method-assign]
    house.exchange.move(Decimal("0.60"), Decimal("0.62"))
    for _ in range(150):
        house.turn()
        house.pass_time(0.5)
    house.exchange.open_orders = _not_answered  # type: ignore[method-assign]
    for _ in range(200):
        house.turn()
        house.pass_time(0.5)
    signed = house.exchange.signed
    for order in house.exchange.ours():
        house.exchange.cancel([order.order_id])
    for _ in range(40):
        house.exchange.move(Decimal("0.45"), Decimal("0.47"))
        house.turn()
        house.pass_time(0.5)

    assert not house.worker._orders.reading.is_fresh
    assert house.exchange.signed == signed


def _hangs() -> bool:
    return True


def _not_answered() -> list[OpenOrder]:
    raise VenueError("no answer")
