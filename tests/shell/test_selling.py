"""Sell signals: each acted on exactly once, whenever the supervisor dies; taken back in time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER import launch, log, remembered
from POLYMARKET_MAKER import selling as selling_module
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.exiting import TAKE_S
from POLYMARKET_MAKER.core.lanes import Lane
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.launch import exit_signal_path
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.orphans import Orphans
from POLYMARKET_MAKER.remembered import Remembered
from POLYMARKET_MAKER.selling import Selling
from POLYMARKET_MAKER.token_files import SellSignal
from polyshared import write_atomic
from tests.support.hand_clock import HandClock
from tests.support.program import eventually
from tests.support.waiting_fleet import SCALE, start, waiting_fleet

TOKEN = "1"
SIGNAL = SellSignal(TOKEN, "s-1", at=5.0)

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with waiting_fleet(tmp_path) as made:
        assert made._desk.is_ready()
        yield made


@pytest.fixture
def ledger(fleet: Fleet) -> Ledger:
    assert fleet._desk.ledger is not None
    return fleet._desk.ledger


@pytest.fixture
def selling(fleet: Fleet) -> Selling:
    return selling_of(fleet)


def selling_of(fleet: Fleet, clock: Clock | None = None) -> Selling:
    data_dir = fleet._settings.data_dir
    return Selling(data_dir, fleet, fleet._desk, fleet._memory, clock or Clock(SCALE))


def hold(ledger: Ledger, size: int, name: str = "b") -> None:
    """Have the ledger hold so many shares more, or less."""
    side = Side.BUY if size > 0 else Side.SELL
    ledger.record_external(name, TOKEN, side, Decimal(abs(size)), price=None, at=1.0)


def file_of(fleet: Fleet) -> Path:
    return exit_signal_path(fleet._settings.data_dir, TOKEN)


def end_child(fleet: Fleet) -> None:
    """Let the child end in order, as one that is told to or has sold out does."""
    child = fleet.tasks[TOKEN].child
    assert child is not None
    child.terminate()

    def is_reaped() -> bool:
        fleet.reap()
        return fleet.tasks[TOKEN].child is None

    eventually(is_reaped, within_s=60, what="its end")


def test_a_signal_for_what_is_not_held_is_consumed_and_its_token_not_traded(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    fleet.offer([TOKEN])
    selling.turn([SIGNAL])

    assert ledger.is_consumed("s-1")
    assert fleet.schedule.queue == ()
    assert fleet._memory.exits[-1].reason == "SELL_SIGNAL"


def test_shares_without_a_child_get_one_that_only_sells_until_they_are_sold(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    selling.turn([SIGNAL])
    assert [(each.token_id, each.lane) for each in fleet.schedule.queue] == [(TOKEN, Lane.EXIT)]
    start(fleet, TOKEN)
    run_params = fleet._settings.data_dir / f"run_params_{TOKEN}.json"
    assert json.loads(run_params.read_bytes())["exit_only"] is True
    selling.turn([SIGNAL])
    assert not ledger.is_consumed("s-1")

    hold(ledger, -10, "s")
    end_child(fleet)
    selling.turn([SIGNAL])
    assert ledger.is_consumed("s-1")
    assert not file_of(fleet).exists()


def test_a_remainder_that_no_order_can_carry_is_sold_out_and_stays_held(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    ledger.record_external("b", TOKEN, Side.BUY, Decimal("0.0099"), price=None, at=1.0)
    selling.turn([SIGNAL])

    assert ledger.is_consumed("s-1")
    assert fleet.schedule.queue == ()
    assert ledger.position(TOKEN).size == Decimal("0.0099")


def test_a_child_that_trades_is_told_and_the_signal_is_over_when_it_has_sold(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    assert json.loads(file_of(fleet).read_bytes())["signal_id"] == "s-1"
    assert fleet.schedule.running[TOKEN].is_selling

    hold(ledger, -10, "s")
    end_child(fleet)
    selling.turn([SIGNAL])
    assert ledger.is_consumed("s-1")
    assert not file_of(fleet).exists()
    assert fleet._memory.handled == frozenset(), "its next purchase is a new one"


def test_a_child_that_ended_before_it_had_sold_is_followed_by_one_that_sells(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    end_child(fleet)
    selling.turn([SIGNAL])

    assert not ledger.is_consumed("s-1")
    assert fleet.schedule.queue[0].lane is Lane.EXIT


def test_a_new_supervisor_goes_on_where_the_last_one_died(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    """Between any two steps: the signal is in force until the ledger says it was acted on."""
    hold(ledger, 10)
    selling.turn([SIGNAL])
    fleet.forget(TOKEN)  # what a supervisor had in mind dies with it
    again = selling_of(fleet)
    again.turn([SIGNAL])
    assert fleet.schedule.queue[0].lane is Lane.EXIT

    hold(ledger, -10, "s")
    fleet.forget(TOKEN)
    again.turn([SIGNAL])
    notes = len(fleet._memory.exits)
    selling_of(fleet).turn([SIGNAL])
    assert len(fleet._memory.exits) == notes, "consumed is consumed, also for the next one"


def test_a_consumed_signal_does_not_sell_what_was_bought_later(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    selling.turn([SIGNAL])
    hold(ledger, 10)
    selling.turn([SIGNAL])
    selling_of(fleet).turn([SIGNAL])

    assert fleet.schedule.queue == ()


def test_a_purchase_in_time_lets_the_child_trade_on(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    pid = start(fleet, TOKEN)
    selling.turn([SIGNAL])
    selling.turn([])

    assert not file_of(fleet).exists()
    assert not fleet.schedule.running[TOKEN].is_selling
    child = fleet.tasks[TOKEN].child
    assert child is not None
    assert (child.pid, child.stopping) == (pid, False)
    assert not ledger.is_consumed("s-1")


def test_a_purchase_in_time_ends_a_child_that_can_only_sell(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    selling.turn([SIGNAL])
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    selling.turn([])
    child = fleet.tasks[TOKEN].child
    assert child is not None
    assert child.stopping
    end_child(fleet)
    fleet.offer([TOKEN])

    assert fleet.schedule.queue[0].lane is Lane.TRADE


@pytest.mark.parametrize("is_exit_only", [False, True])
def test_a_purchase_between_two_supervisors_takes_back_what_the_first_had_told(
    tmp_path: Path, *, is_exit_only: bool
) -> None:
    """The child outlived the first one; nobody else remembers that it was told to sell."""
    with waiting_fleet(tmp_path, scheduler={"on_supervisor_loss": "continue"}) as first:
        assert first._desk.is_ready()
        assert first._desk.ledger is not None
        hold(first._desk.ledger, 10)
        if is_exit_only:
            first.sell(TOKEN)
        start(first, TOKEN)
        selling_of(first).turn([SIGNAL])
        orphans = Orphans(first._settings.data_dir, Clock(), grace_s=5, adopts=True)
        second = Fleet(first._settings, first._desk, first._memory, Clock(SCALE), orphans)

        selling_of(second).turn([])

        child = second.tasks[TOKEN].child
        assert child is not None
        assert child.stopping is is_exit_only
        assert not file_of(second).exists()
        assert not second.schedule.running[TOKEN].is_selling


def test_a_purchase_before_the_seller_was_started_takes_it_out_of_the_queue(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    selling.turn([SIGNAL])
    selling.turn([])

    assert fleet.schedule.queue == ()


def test_a_stopped_token_is_not_sold_by_a_signal(
    fleet: Fleet, ledger: Ledger, selling: Selling
) -> None:
    hold(ledger, 10)
    fleet.offer([TOKEN])
    fleet.stop(TOKEN)
    selling.turn([SIGNAL])

    assert fleet.schedule.queue == ()
    assert not ledger.is_consumed("s-1")


def tell(folder: Path, reason: str, *, age_s: float = 0.0) -> None:
    """Be the child, and tell why nothing is sold."""
    stages = {"signal": {"state": "wait", "reason": reason, "since": 1.0}}
    said = {"boottime_s": Clock().boot() - age_s, "stages": stages, "position": {"size": "10"}}
    (folder / "children" / f"{TOKEN}.json").write_text(json.dumps(said))


@pytest.fixture
def clock() -> HandClock:
    return HandClock(SCALE)


@pytest.fixture
def beside(fleet: Fleet, ledger: Ledger, tmp_path: Path, clock: HandClock) -> Selling:
    """Sells with a clock and words of ours; a child runs that was told at 0."""
    (tmp_path / "told" / "children").mkdir(parents=True)
    selling = Selling(tmp_path / "told", fleet, fleet._desk, fleet._memory, clock)
    hold(ledger, 10)
    start(fleet, TOKEN)
    selling.turn([SIGNAL])
    return selling


EARLY, LATE = TAKE_S / SCALE - 0.1, TAKE_S / SCALE + 0.1


@pytest.mark.parametrize("reason", ["exit_rest", "exit_waits", "no_bid"])
def test_what_does_not_sell_at_its_floor_frees_the_slot_after_two_minutes_and_stays(
    fleet: Fleet,
    ledger: Ledger,
    beside: Selling,
    clock: HandClock,
    tmp_path: Path,
    *,
    reason: str,
) -> None:
    told: list[str] = []
    log.listen(lambda _tag, line: told.append(line))
    for hand, is_parked in ((EARLY, False), (LATE, True)):
        clock.put(hand)
        tell(tmp_path / "told", reason)
        beside.turn([SIGNAL])
        assert fleet.schedule.running[TOKEN].is_parked is is_parked
    log.listen(None)

    child = fleet.tasks[TOKEN].child
    assert child is not None
    assert not child.stopping
    assert not ledger.is_consumed("s-1"), "it is over when it is sold"
    said = "no_bid" if reason == "no_bid" else "below_floor"
    assert [line for line in told if f"reason={said}" in line], "the webhook hears it"


@pytest.mark.parametrize(("reason", "age_s"), [("exit", 0.0), ("exit_rest", 60.0)])
def test_a_child_that_sells_or_says_nothing_new_keeps_its_slot(
    fleet: Fleet, beside: Selling, clock: HandClock, tmp_path: Path, *, reason: str, age_s: float
) -> None:
    clock.put(LATE)
    tell(tmp_path / "told", reason, age_s=age_s)
    beside.turn([SIGNAL])

    assert not fleet.schedule.running[TOKEN].is_parked


def test_what_is_worth_too_little_ends_the_child_and_the_signal_and_is_kept(
    fleet: Fleet, ledger: Ledger, beside: Selling, clock: HandClock, tmp_path: Path
) -> None:
    clock.put(LATE)
    tell(tmp_path / "told", "exit_dust")
    beside.turn([SIGNAL])
    child = fleet.tasks[TOKEN].child
    assert child is not None
    assert child.stopping
    assert not ledger.is_consumed("s-1"), "not before it is gone"

    end_child(fleet)
    beside.turn([SIGNAL])
    assert ledger.is_consumed("s-1")
    assert fleet.schedule.queue == ()
    assert ledger.position(TOKEN).size == 10


class Killed(BaseException):
    """The supervisor is gone, right after a write."""


class Pen:
    """Writes as it should, and ends the supervisor after the n-th write of anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ledger: Ledger, dies_after: int) -> None:
        self.left = dies_after
        for module in (launch, selling_module, remembered):
            monkeypatch.setattr(module, "write_atomic", self._then(write_atomic))
        monkeypatch.setattr(ledger, "consume_signal", self._then(ledger.consume_signal))

    def _then(self, write: Callable[..., object]) -> Callable[..., None]:
        def written(*args: object, **options: object) -> None:
            write(*args, **options)
            self.left -= 1
            if self.left == 0:
                raise Killed

        return written


@pytest.mark.slow
@pytest.mark.parametrize("dies_after", range(1, 8))
def test_a_supervisor_that_dies_after_any_write_leaves_a_signal_to_be_acted_on_once(
    fleet: Fleet,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    dies_after: int,
) -> None:
    """Writes: run_params, handled, exit signal, consumed, ends, handled; the seventh is none."""
    pen = Pen(monkeypatch, ledger, dies_after)
    hold(ledger, 10)
    life, sold = fleet, 0
    was_killed = False

    def live(life: Fleet) -> bool:
        """Take turns until the signal is acted on, being the children too."""
        nonlocal sold
        selling = selling_of(life)
        life.offer([TOKEN])
        life.start_next(None)
        while TOKEN in life.schedule.wants_quotes or not ledger.is_consumed("s-1"):
            selling.turn([SIGNAL])
            life.reap()
            life.start_next(None)
            run = life.schedule.running.get(TOKEN)
            if run is not None and (run.lane is Lane.EXIT or file_of(life).exists()):
                sold += not ledger.position(TOKEN).is_flat
                hold(ledger, -10, "s")  # a fill counts once, however often it is told
                end_child(life)
        return True

    try:
        live(life)
    except Killed:
        was_killed = True
        for child in life.children():
            child.kill()
            child.process.wait()
            child.pulse.close()
        settings = life._settings
        memory = Remembered(
            handled_path=settings.handled_topics_path, exits_path=life._memory._exits_path
        )
        life = Fleet(settings, life._desk, memory, Clock(SCALE))
        if not ledger.is_consumed("s-1"):
            live(life)
        fleet.tasks.clear()  # its children are ended already

    assert was_killed is (dies_after <= 6), pen.left
    assert ledger.is_consumed("s-1")
    assert sold == 1
    assert ledger.position(TOKEN).size == 0
    assert life.schedule.wants_quotes == ()
