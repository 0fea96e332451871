"""What counts by its age counts by a clock that nobody sets; another boot is the safe side.

Somebody sets the wall clock an hour on or back, or the machine is started again. A read of the
account must not look fresh, a lease not live for ever, and nothing that holds orders back end
early. An older file is brought to the same.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.clock import Clock, boot_id
from POLYMARKET_MAKER.core.breaker import DEFAULT
from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.core.order import Rejected
from POLYMARKET_MAKER.errors import LedgerMismatch, VenueUnreachable
from POLYMARKET_MAKER.inquiries import Inquiries
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.ledger.database import Database
from POLYMARKET_MAKER.reading import FRESH_S, LEASE_S, OURSELVES_S, Reading
from POLYMARKET_MAKER.request_budget import RequestBudget
from POLYMARKET_MAKER.venue_watch import VenueWatch
from tests.support.fake_exchange import FakeExchange
from tests.support.trading import MARKET, T0, TOKEN, signed
from tests.support.trading_house import HandClock

ME = Identity("demo", "http://127.0.0.1:8000", 137, "0xabc")
OLD = Path(__file__).parent / "old_ledgers" / "schema_2.sql"
HOUR = 3600.0
jumps = pytest.mark.parametrize("jump_s", [HOUR, -HOUR])


class Machine:
    """A ledger on a machine whose clock can be set, and that can be started again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock()
        self.boots = 0
        self.ledger = self._open()
        self.exchange = FakeExchange(MARKET, lambda: T0)

    def _open(self) -> Ledger:
        return Ledger(Database(self.path, ME, boot=f"boot {self.boots}"))

    def restart(self, *, uptime_s: float) -> None:
        self.ledger.close()
        self.boots += 1
        self.clock.reboot(uptime_s)
        self.ledger = self._open()

    def reading(self, token_id: str = TOKEN) -> Reading:
        """Return what a child of a supervisor knows of the account."""
        venue = VenueWatch(token_id, self.ledger, self.clock)
        inquiries = Inquiries(self.ledger, self.clock)
        return Reading(token_id, self.ledger, inquiries, venue, self.clock, is_kept=True)

    def read(self) -> None:
        read_account(self.exchange, self.ledger, clock=self.clock)

    def reads_itself(self, token_id: str) -> bool:
        return self.reading(token_id).must_read_whole(is_live=False, is_confirmed=True, prove=False)

    def fail_orders(self, count: int) -> None:
        for number in range(count):
            name = f"{self.boots}-{number}"
            self.ledger.record_intent(signed(name, token=name), at=self.clock.now(), reason="test")
            now, boot_s = self.clock.now(), self.clock.boot()
            self.ledger.record_outcome(name, Rejected("no"), at=now, boot_s=boot_s)

    @property
    def is_broken(self) -> bool:
        return self.ledger.breaker_until(boot_s=self.clock.boot()) is not None

    @property
    def venue(self) -> str:
        return self.ledger.venue(boot_s=self.clock.boot())[0]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "ledger.db")
    yield made
    made.ledger.close()


# -- the wall clock is set


@jumps
def test_a_read_of_the_account_is_as_old_as_it_is(machine: Machine, jump_s: float) -> None:
    machine.read()
    machine.clock.jump(jump_s)

    machine.clock.advance(FRESH_S)
    assert machine.reading().age_s() == FRESH_S
    assert machine.reading().is_fresh
    machine.clock.advance(0.1)
    assert not machine.reading().is_fresh


@jumps
def test_the_lease_of_a_dead_reader_ends_when_its_time_is_over(
    machine: Machine, jump_s: float
) -> None:
    machine.read()
    machine.clock.advance(OURSELVES_S + 1)
    assert machine.reads_itself("one that dies now")
    machine.clock.jump(jump_s)

    machine.clock.advance(LEASE_S - 0.1)
    assert not machine.reads_itself(TOKEN)
    machine.clock.advance(0.1)
    assert machine.reads_itself(TOKEN)


@jumps
def test_a_state_of_the_venue_lasts_as_long_as_was_said(machine: Machine, jump_s: float) -> None:
    watch = VenueWatch(TOKEN, machine.ledger, machine.clock)
    error = VenueUnreachable("503", retry_after_s=79.0, code="post_only_mode")
    watch.failed("post_BUY", error, is_read=False)
    machine.clock.jump(jump_s)

    machine.clock.advance(78)
    assert machine.venue == "post_only"
    machine.clock.advance(1)
    assert machine.venue == "ok"


@jumps
def test_the_breaker_stays_open_for_its_five_minutes(machine: Machine, jump_s: float) -> None:
    machine.fail_orders(DEFAULT.max_errors)
    machine.clock.jump(jump_s)

    machine.clock.advance(DEFAULT.open_s - 1)
    assert machine.is_broken
    machine.clock.advance(1)
    assert not machine.is_broken


@jumps
def test_a_429_holds_for_as_long_as_it_said(machine: Machine, jump_s: float) -> None:
    budget = RequestBudget(machine.ledger, machine.clock)
    budget.refused(Kind.ORDER, 30.0)
    machine.clock.jump(jump_s)

    machine.clock.advance(29)
    assert budget.wait_s() == pytest.approx(1.0)
    machine.clock.advance(2)
    assert budget.wait_s() == 0


# -- the machine is started again


def test_after_a_restart_of_the_machine_the_account_was_not_read(machine: Machine) -> None:
    machine.read()
    read_at = machine.ledger.account_read_at()

    machine.restart(uptime_s=HOUR)  # longer up than when it was read

    assert machine.reading().age_s() == float("inf")
    assert machine.ledger.account_read_at() == read_at


def test_a_lease_ends_with_the_machine(machine: Machine) -> None:
    assert machine.reads_itself("one that dies now")

    machine.restart(uptime_s=1.0)

    assert machine.reads_itself(TOKEN)


@pytest.mark.parametrize("uptime_s", [2.0, 60.0])
def test_what_held_orders_back_holds_on_as_if_the_machine_had_never_been_down(
    machine: Machine, uptime_s: float
) -> None:
    machine.fail_orders(DEFAULT.max_errors)
    machine.clock.advance(5)
    now = machine.clock.boot()
    machine.ledger.set_venue("cancel_only", for_s=79.0, boot_s=now, reason="503")
    machine.ledger.learn_refusal(Kind.ORDER, 70.0, boot_s=now)

    machine.restart(uptime_s=uptime_s)

    assert machine.venue == "cancel_only"
    assert machine.is_broken
    wait_s = machine.ledger.budget_wait_s(boot_s=machine.clock.boot())
    assert wait_s == pytest.approx(70.0 - uptime_s)
    machine.clock.advance(79 - uptime_s)
    assert machine.venue == "ok"
    machine.clock.advance(DEFAULT.open_s - 5 - 79)
    assert not machine.is_broken


def test_a_second_process_of_the_same_boot_takes_nothing_away(machine: Machine) -> None:
    machine.read()
    assert machine.ledger.take_lease("x", "a", boot_s=machine.clock.boot(), for_s=10)

    with machine._open() as other:
        assert other.account_read_boot_s() == machine.clock.boot()
        assert not other.take_lease("x", "b", boot_s=machine.clock.boot(), for_s=10)


def test_the_system_names_each_boot() -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) == 36


# -- an older file


@pytest.fixture(params=["1", "2"])
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return the ledger of an older program that met five refusals and a 429 just now."""
    path = tmp_path / "ledger.db"
    db, now = sqlite3.connect(path), time.time()
    db.executescript(OLD.read_text(encoding="utf-8"))
    db.execute("INSERT INTO budgets VALUES ('order', -800.0, ?)", (now,))
    answered = [(f"r{number}", now) for number in range(5)] + [("long ago", now - 2 * HOUR)]
    db.executemany(
        "INSERT INTO intents (order_id, answered_at, failed, token_id, condition_id, side, price,"
        " size, time_in_force, post_only, body, state, reason, created_at, live)"
        " VALUES (?, ?, 1, '7', '', 'BUY', '0.5', '5', 'GTC', 1, x'', 'rejected', '', 0, 0)",
        answered,
    )
    if request.param == "1":
        db.execute("ALTER TABLE intents DROP COLUMN written_boot_s")
        db.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    db.commit()
    db.close()
    return path


def test_an_older_file_keeps_its_orders_and_what_holds_orders_back(old: Path) -> None:
    """Two processes open it at once."""
    with ThreadPoolExecutor(2) as both:
        opened = list(both.map(lambda _: Ledger.open(old, ME), range(2)))

    boot_s = Clock().boot()
    for ledger in opened:
        (intent,) = ledger.live()
        assert intent.order_id == "open"
        assert intent.written_boot_s in (None, 1234.5)
        assert ledger.position("7132").size == Decimal(5)
        assert ledger.load_state("7132") == '{"drop_pct": "0.06"}'
        assert ledger.breaker_until(boot_s=boot_s) is not None
        assert ledger.breaker_until(boot_s=boot_s + DEFAULT.open_s) is None
        assert ledger.budget_wait_s(boot_s=boot_s) > 10
        assert ledger.account_read_at() == 1795187463.5
        assert ledger.account_read_boot_s() is None
        assert ledger.venue(boot_s=boot_s) == ("ok", "-")
    assert opened[0].take_lease("account_read", "b", boot_s=boot_s, for_s=1.0)
    for ledger in opened:
        ledger.close()
    with Ledger.open(old, ME) as again:  # a second time there is nothing to do
        assert again.breaker_until(boot_s=boot_s) is not None


def test_an_older_file_of_somebody_else_is_left_as_it_is(old: Path) -> None:
    before = old.read_bytes()

    with pytest.raises(LedgerMismatch):
        Ledger.open(old, Identity("live", ME.host, ME.chain, ME.funder))

    assert old.read_bytes() == before
