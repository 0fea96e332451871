"""A cancel that takes nothing away is tried again with growing pauses, at once where it must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.cancelling import CANCELS, FIRST_S, HURRY_S, LONGEST_S
from POLYMARKET_MAKER.core.order import CancelResult
from POLYMARKET_MAKER.errors import VenueUnreachable
from tests.support.trading_house import House

TURN_S = 0.05


class Cancels:
    """A child with an order that nobody wants any more, at an exchange that does not cancel."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.asked_mono: list[float] = []
        self.error: VenueUnreachable | None = VenueUnreachable("timeout")
        self._cancel = house.exchange.cancel
        house.exchange.cancel = self._count  # type: ignore[method-assign]
        house.exchange.move(Decimal("0.47"), Decimal("0.49"))  # a buy is wanted
        self.live(2)
        assert len(house.exchange.ours()) == 1

    def _count(self, order_ids: Sequence[str]) -> CancelResult:
        self.asked_mono.append(self.house.clock.mono())
        if self.error is not None:
            raise self.error
        return self._cancel(order_ids)

    def want_nothing(self) -> None:
        self.house.exchange.move(Decimal("0.60"), Decimal("0.62"))

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / TURN_S)):
            self.house.turn()
            self.house.pass_time(TURN_S)

    @property
    def pauses_s(self) -> list[float]:
        """The times between two requests."""
        pairs = zip(self.asked_mono, self.asked_mono[1:], strict=False)
        return [round(later - earlier, 6) for earlier, later in pairs]


@pytest.fixture
def cancels(tmp_path: Path) -> Iterator[Cancels]:
    house = House(tmp_path)
    yield Cancels(house)
    house.die()


def test_the_pause_grows_to_a_longest_one(cancels: Cancels) -> None:
    cancels.want_nothing()
    cancels.live(60)

    pauses = cancels.pauses_s
    turns = 3 * TURN_S  # an answer is collected at one turn, and the next one asks again
    assert FIRST_S <= pauses[0] <= FIRST_S + turns
    assert all(LONGEST_S <= pause <= LONGEST_S + turns for pause in pauses[-5:])
    assert pauses == sorted(pauses)
    assert len(pauses) < 20


@pytest.mark.parametrize("why", ["KILL", "exit", "stop"])
def test_in_a_hurry_it_is_tried_every_second(cancels: Cancels, why: str) -> None:
    cancels.want_nothing()
    cancels.live(30)
    if why == "KILL":
        (cancels.house.folder / "KILL").touch()
    elif why == "exit":
        cancels.house.signal_exit()
    else:
        cancels.house.worker.stop()
    del cancels.asked_mono[:-1]

    cancels.live(10)

    assert len(cancels.pauses_s) >= 7
    assert all(HURRY_S <= pause <= HURRY_S + 5 * TURN_S for pause in cancels.pauses_s[1:])


def test_an_exit_that_still_holds_shares_is_in_a_hurry_too(cancels: Cancels) -> None:
    """Nobody bids, so nothing is sold yet; the rest of the buy must go all the same."""
    cancels.house.exchange.hit("o1", Decimal(6))
    cancels.house.exchange.move(None, Decimal("0.62"))
    cancels.live(30)
    cancels.house.signal_exit()
    del cancels.asked_mono[:-1]

    cancels.live(10)

    assert cancels.house.exit_code is None
    assert len(cancels.pauses_s) >= 7
    assert all(pause <= HURRY_S + 5 * TURN_S for pause in cancels.pauses_s[1:])


def test_the_order_goes_as_soon_as_the_exchange_cancels_again(cancels: Cancels) -> None:
    cancels.want_nothing()
    cancels.live(30)
    cancels.error = None

    cancels.live(LONGEST_S + 3 * TURN_S)

    assert cancels.house.exchange.ours() == []


def test_a_429_is_waited_out_as_long_as_it_says(cancels: Cancels) -> None:
    cancels.error = VenueUnreachable("429", retry_after_s=20.0, code="rate_limited")
    cancels.want_nothing()

    cancels.live(19)
    assert len(cancels.asked_mono) == 1
    assert cancels.house.ledger.budget_wait_s(boot_s=cancels.house.clock.boot()) > 0
    cancels.live(2)
    assert len(cancels.asked_mono) == 2


def test_an_answer_that_leaves_the_order_where_it_was_is_a_failure_too(cancels: Cancels) -> None:
    cancels.error = None
    cancels._cancel = lambda order_ids: CancelResult((), dict.fromkeys(order_ids, "try later"))
    cancels.want_nothing()

    cancels.live(60)

    assert len(cancels.asked_mono) < 20


def test_a_cancel_that_hangs_holds_up_no_other(cancels: Cancels) -> None:
    """Its answer comes after the request's deadline, and a kill does not wait for that."""
    cancels.error = None
    house, orders = cancels.house, cancels.house.worker._orders
    house.calls.held = frozenset(CANCELS[:1])
    orders.cancel(["one that hangs"])
    cancels.want_nothing()

    cancels.live(1)

    assert "one that hangs" in orders.cancelling
    assert house.exchange.ours() == []


def test_one_that_cannot_be_cancelled_holds_up_no_other(cancels: Cancels) -> None:
    cancels.want_nothing()
    cancels.live(30)
    failed = len(cancels.asked_mono)
    cancels.error = None
    orders = cancels.house.worker._orders

    orders.cancel(["another"])
    cancels.house.calls.run()

    assert len(cancels.asked_mono) == failed + 1
    assert [order.order_id for order in cancels.house.exchange.ours()] == ["o1"]
