"""What a child knows beside its quote may be a little old; nothing is placed on it then."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.brakes import LOOK_EVERY_S, Brakes, Signs
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.errors import ChildExit
from POLYMARKET_MAKER.ledger import Identity, Ledger, stored_identity
from tests.support.trading import T0, signed
from tests.support.trading_house import House

A_MOMENT_S = LOOK_EVERY_S / 10


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A child that has read its account, in a market in which it wants nothing."""
    house = House(tmp_path)
    house.exchange.move(Decimal("0.60"), Decimal("0.62"))
    for _ in range(4):
        house.turn()
        house.pass_time(1.0)
    house.turn()
    house.pass_time(A_MOMENT_S)
    assert house.worker.has_account
    assert house.exchange.ours() == []
    yield house
    house.die()


def want_a_buy(house: House) -> None:
    """Move the market to where the strategy buys; no time passes."""
    house.exchange.move(Decimal("0.47"), Decimal("0.49"))


def test_a_buy_that_is_wanted_is_placed_at_once(house: House) -> None:
    want_a_buy(house)
    house.turn()

    assert [order.side for order in house.exchange.ours()] == [Side.BUY]


@pytest.mark.parametrize("token", [None, "7132"])
def test_nothing_is_placed_after_a_pause_that_no_turn_has_seen_yet(
    house: House, token: str | None
) -> None:
    Brakes(house.folder).pause(token, "test")
    want_a_buy(house)
    house.turn()

    assert house.exchange.signed == 0


def test_nothing_is_placed_after_a_kill_that_no_turn_has_seen_yet(house: House) -> None:
    Brakes(house.folder).kill("test")
    want_a_buy(house)
    house.turn()

    assert house.exchange.signed == 0


def test_a_kill_cancels_what_rests_at_the_next_look(house: House) -> None:
    want_a_buy(house)
    for _ in range(5):  # until no request is under way, and none is due
        house.turn()
    assert len(house.exchange.ours()) == 1

    Brakes(house.folder).kill("test")
    house.pass_time(LOOK_EVERY_S)
    house.turn()

    assert house.exchange.ours() == []


def test_a_stop_needs_no_look(house: House) -> None:
    house.worker.stop()
    for _ in range(3):
        house.turn()
        house.pass_time(A_MOMENT_S)

    assert house.exit_code is ChildExit.DONE


def test_another_child_that_used_up_the_cap_is_seen_before_a_buy(house: House) -> None:
    """The ledger would refuse the order too, but it need not come to that."""
    path = house.folder / "ledger.db"
    with Ledger.open(path, stored_identity(path)) as other:
        other.record_intent(signed("x", price="0.59", size="10", token="other"), at=T0, reason="t")
    want_a_buy(house)
    house.turn()

    assert house.exchange.signed == 0


def test_before_the_first_look_a_child_may_place_nothing(tmp_path: Path) -> None:
    signs = Signs(Brakes(tmp_path), "7132", tmp_path / "exit.json")
    assert signs.paused

    signs.look()
    assert not signs.paused


def test_within_one_moment_only_our_own_writes_are_seen(tmp_path: Path) -> None:
    """What is asked every turn asks the file once whether others have written, not eight times."""
    path, me = tmp_path / "ledger.db", Identity("demo", "h", 137, "0x")
    with Ledger.open(path, me) as ledger, Ledger.open(path, me) as other:
        with ledger.one_moment() as version:
            assert ledger.live() == []
            other.record_intent(signed("theirs"), at=T0, reason="test")
            assert ledger.live() == []
        assert version != ledger.version()
        with ledger.one_moment():
            assert [each.order_id for each in ledger.live()] == ["theirs"]
            ledger.record_intent(signed("ours", token="elsewhere"), at=T0, reason="test")
            assert len(ledger.live()) == 2
