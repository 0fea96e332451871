"""The dead-man switch beats while the supervisor is well, by the ids that the exchange gives."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER import dead_man
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.order import Placed, SignedOrder
from POLYMARKET_MAKER.dead_man import DeadMan, orders_of_other_keys
from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.ledger import Identity, Ledger
from tests.support.trading import T0, signed

WAIT_S = 5.0


class SlowClock(Clock):
    """Its boot time goes on by hand."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "at", 100.0)

    at: float

    def boot(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        object.__setattr__(self, "at", self.at + seconds)


@dataclass
class Exchange:
    """Takes a beat only with the id that it expects, and names that id otherwise."""

    expected: str = ""
    lost: int = 0
    counted: queue.Queue[str] = field(default_factory=queue.Queue)
    asked: int = 0

    def beat(self, named: str) -> str:
        self.asked += 1
        if self.lost:
            self.lost -= 1
            self.expected = f"id{self.asked}"  # it arrived; its answer did not
            raise VenueUnreachable("timeout")
        if named == self.expected:
            self.expected = f"id{self.asked}"
            self.counted.put(named)
        return self.expected


class House:
    def __init__(self) -> None:
        self.exchange = Exchange()
        self.clock = SlowClock()
        self.is_well = True
        self.silences: queue.Queue[None] = queue.Queue()
        self.switch = DeadMan(
            self.exchange.beat,
            is_well=lambda: self.is_well,
            on_silence=lambda: self.silences.put(None),
            clock=self.clock,
        )


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(dead_man, "EVERY_S", 0.01)
    monkeypatch.setattr(dead_man, "RETRY_S", 0.01)
    made = House()
    yield made
    made.switch.stop()


def test_it_goes_on_with_each_id_that_it_is_given(house: House) -> None:
    house.switch.arm()

    named = [house.exchange.counted.get(timeout=WAIT_S) for _ in range(5)]

    assert named == ["", "id1", "id2", "id3", "id4"]
    assert house.switch.is_beating
    assert house.silences.empty()


def test_a_switch_that_was_armed_in_an_earlier_life_is_beaten_at_once(house: House) -> None:
    """The first answer only names the id: that was no beat."""
    house.exchange.expected = "of an earlier life"

    house.switch.arm()

    assert house.exchange.counted.get(timeout=WAIT_S) == "of an earlier life"


def test_a_lost_answer_leaves_a_stale_id_and_a_second_beat_mends_it(house: House) -> None:
    house.switch.arm()
    house.exchange.counted.get(timeout=WAIT_S)
    house.exchange.lost = 2
    for _ in range(4):
        house.exchange.counted.get(timeout=WAIT_S)

    assert house.silences.empty()


def test_arming_that_is_not_answered_is_an_error(house: House) -> None:
    house.exchange.lost = 1

    with pytest.raises(VenueUnreachable):
        house.switch.arm()
    assert not house.switch.is_beating


def test_a_silence_of_ten_seconds_is_a_sweep_and_is_told_once(house: House) -> None:
    house.switch.arm()
    house.is_well = False
    asked = _until_quiet(house)
    house.clock.advance(10.5)
    assert house.exchange.asked == asked
    house.is_well = True

    house.silences.get(timeout=WAIT_S)
    house.exchange.counted.get(timeout=WAIT_S)
    assert house.switch.sweeps == 1


def test_a_supervisor_that_does_not_work_does_not_beat(house: House) -> None:
    house.switch.arm()
    house.is_well = False

    _until_quiet(house)

    assert not house.switch.is_beating


def _until_quiet(house: House) -> int:
    """Wait until the switch has noticed that it may not beat; return the beats so far."""
    for _ in range(500):
        if not house.switch.is_beating:
            return house.exchange.asked
        house.switch._stopping.wait(0.01)
    raise AssertionError("it goes on beating")


def test_orders_of_another_key_are_found_by_their_own_bodies(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", Identity("live", "h", 137, "0x")) as ledger:
        for name, owner, token in (("a", "old", "1"), ("b", "new", "2"), ("c", "old", "3")):
            plain = signed(name, token=token, size="5")
            order = SignedOrder(plain.order, name, b'{"order":{},"owner":"%s"}' % owner.encode())
            ledger.record_intent(order, at=T0, reason="test")
            ledger.record_outcome(name, Placed(name, "live"), at=T0, boot_s=T0)
        ledger.record_gone("c", reason="test")

        assert orders_of_other_keys(ledger, "new") == ["a"]
        assert ledger.open_order_ids() == ["a", "b"]
        assert ledger.total_exposure() == Decimal(5)
