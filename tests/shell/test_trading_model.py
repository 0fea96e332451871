"""Random markets, faults, deaths and restarts: what must hold, holds at every step."""

from __future__ import annotations

import os
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from POLYMARKET_MAKER.core.model import Side, TokenHealth
from POLYMARKET_MAKER.errors import ChildExit
from tests.support.fake_exchange import FOREIGN, Fault
from tests.support.trading import TOKEN
from tests.support.trading_house import CAP, House

# Thousands of fsyncs prove nothing here: these processes are killed, not the machine.
IN_MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - unique names in it
PARTS = 10
LIVES, LIVES_OF_CHAOS = 400, 500
"""With the 110 of test_kept_account_model.py more than 500 in every run."""
mids = st.one_of(st.integers(44, 60), st.integers(44, 60), st.integers(2, 97))
ANY_POST = [None, None, *(each for each in Fault if each is not Fault.LIED)]
ILL = [TokenHealth.SUSPECT, TokenHealth.RESYNC, TokenHealth.STALE]
ANY_CANCEL = [None, *(each for each in Fault if each not in (Fault.LATE, Fault.REFUSED))]
ANY_READ = [Fault.LOST_BEFORE, Fault.SLOW, Fault.TOO_EARLY, Fault.RATE_LIMITED, Fault.WRONG_JSON]


class Trading(RuleBasedStateMachine):
    """One child in a hostile world."""

    house: House

    @initialize()
    def open_the_house(self) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=IN_MEMORY)
        self.house = House(Path(self._folder.name))

    # -- the market

    @rule(mid=mids, spread=st.integers(1, 4))
    def the_market_moves(self, mid: int, spread: int) -> None:
        bid, ask = Decimal(mid) / 100, Decimal(min(mid + spread, 99)) / 100
        self.house.exchange.move(bid, ask)
        self.the_child_works(2, 0.5, trading=False)

    @rule()
    def a_side_disappears(self) -> None:
        self.house.exchange.move(None, self.house.exchange.ask)

    @rule(share=st.sampled_from(["0.3", "0.5", "1"]), which=st.integers(0, 1))
    def somebody_trades_with_us(self, share: str, which: int) -> None:
        """Before the child looks again, or while it does nothing."""
        ours = self.house.exchange.ours()
        if which < len(ours):
            size = (ours[which].remaining * Decimal(share)).quantize(Decimal("0.01"))
            self.house.exchange.hit(ours[which].order_id, max(size, Decimal("0.01")))

    @rule()
    def the_last_trade_fails(self) -> None:
        self.house.exchange.fail_last_trade()

    @rule(health=st.sampled_from([TokenHealth.LIVE, TokenHealth.LIVE, *ILL]))
    def the_feed_changes(self, health: TokenHealth) -> None:
        self.house.quotes.health = health

    # -- faults

    @rule(faults=st.lists(st.sampled_from(ANY_POST), min_size=1, max_size=3))
    def posts_go_wrong(self, faults: list[Fault]) -> None:
        self.house.exchange.faults["post"] = faults
        self.the_market_moves(47, 2)  # a buy is wanted here
        self.the_child_works(12, 0.5, trading=False)

    @rule(faults=st.lists(st.sampled_from(ANY_CANCEL), min_size=1, max_size=3))
    def cancels_go_wrong(self, faults: list[Fault]) -> None:
        self.house.exchange.faults["cancel"] = faults
        self.the_market_moves(48, 1)
        self.the_child_works(6, 0.5, trading=True)

    @rule(count=st.integers(1, 12), fault=st.sampled_from(ANY_READ))
    def reads_go_wrong(self, count: int, fault: Fault) -> None:
        self.house.exchange.faults["read"] = [fault] * count

    @rule(is_full=st.booleans())
    def the_ledger_cannot_be_written(self, *, is_full: bool) -> None:
        """Another process hangs in a transaction, or the disk is full."""
        faults = self.house.ledger_faults
        (faults.fill_the_disk if is_full else faults.lock)()
        self.the_market_moves(47, 2)
        self.the_child_works(3, 0.5, trading=False)
        faults.end()

    @rule(slow=st.booleans())
    def trades_are_shown_late(self, *, slow: bool) -> None:
        self.house.exchange.is_slow = slow
        if not slow:
            self.house.exchange.reveal()
        self.the_child_works(8, 0.5, trading=True)

    @rule()
    def the_faults_end(self) -> None:
        self.house.exchange.faults.clear()
        self.house.quotes.health = TokenHealth.LIVE

    @rule()
    def the_process_is_killed(self) -> None:
        self.house.die()
        self.house.born()

    # -- life

    @rule(
        count=st.integers(1, 8),
        seconds=st.sampled_from([0.01, 0.25, 0.5, 0.5, 4.0, 30.0]),
        trading=st.booleans(),
    )
    def the_child_works(self, count: int, seconds: float, *, trading: bool) -> None:
        for _ in range(count):
            if trading:
                self.somebody_trades_with_us("0.5", 0)
            self.house.turn()
            self.never_breaks()
            self.house.pass_time(seconds)

    @rule()
    def the_child_waits_for_its_requests(self) -> None:
        self.house.turn(requests=False)

    @precondition(lambda self: self.house.is_exiting is False)
    @rule(luck=st.integers(0, 9))
    def it_is_told_to_sell_out(self, luck: int) -> None:
        if luck == 0:
            self.house.signal_exit()

    @rule()
    def everything_settles(self) -> None:
        self.house.settle()
        self.ledger_and_exchange_agree()

    # -- what must hold

    @invariant()
    def never_breaks(self) -> None:
        exchange = self.house.exchange
        sides = [order.side for order in exchange.ours()]
        assert sides.count(Side.BUY) <= 1, "two buys where one was wanted"
        assert sides.count(Side.SELL) <= 1, "two sells where one was wanted"
        # A sell that fails on chain brings back shares whose room was used meanwhile.
        assert exchange.failed or exchange.stake() <= CAP, f"{exchange.stake()} USD at stake"
        assert exchange.orders[FOREIGN].is_open

    def ledger_and_exchange_agree(self) -> None:
        exchange, ledger = self.house.exchange, self.house.ledger
        assert ledger.position(TOKEN) == exchange.position()
        assert ledger.unresolved() == []
        known = {order.order_id: order.remaining for order in ledger.our_orders()}
        assert known == {order.order_id: order.remaining for order in exchange.ours()}

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        self.house.settle()
        self.ledger_and_exchange_agree()
        if self.house.exit_code is None:
            self.house.worker.stop()
            self.house.settle()
        assert self.house.exit_code is ChildExit.DONE
        assert self.house.exchange.ours() == []
        self.never_breaks()
        self.house.die()
        self._folder.cleanup()


def live_many_lives(machine: type[Trading], part: int, lives: int, chaos: str | None) -> None:
    """Live *lives* lives, the same each time; with a seed others.

    Args:
        machine: The kind of life.
        part: Each part has lives of its own.
        lives: How many.
        chaos: What ``--hypothesis-seed`` says: other lives than those of every run.
    """
    numbered = seed(part if chaos is None else int(chaos) * 1000 + part)
    run_state_machine_as_test(
        numbered(type(f"{machine.__name__}{part}", (machine,), {})),
        settings=settings(
            max_examples=lives,
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.generate],  # a life is long: to shrink one takes minutes
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_that_happens_breaks_the_rules(part: int, pytestconfig: pytest.Config) -> None:
    """400 lives; ``make chaos`` lives many more."""
    chaos = pytestconfig.getoption("--hypothesis-seed")
    lives = LIVES if chaos is None else LIVES_OF_CHAOS
    live_many_lives(Trading, part, lives // PARTS, chaos)
