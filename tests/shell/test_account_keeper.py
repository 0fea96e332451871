"""The ledger follows the channel at once, and the exchange in the end."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER import account_keeper
from POLYMARKET_MAKER.account_keeper import AccountKeeper
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.events import Unreadable
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import Fill, FillStatus, NewOrder, OpenOrder, Placed
from POLYMARKET_MAKER.core.user_wire import OrderNews, OrderOver, TradeNews
from POLYMARKET_MAKER.ledger import Identity, Ledger
from tests.support.fake_exchange import FakeExchange, Fault
from tests.support.program import eventually
from tests.support.trading import MARKET, SIBLING, T0, TOKEN, fill

WAIT_S = 5.0


class House:
    """A keeper between a fake exchange and a real ledger; nothing is read before it starts."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.exchange = FakeExchange(MARKET, lambda: T0)
        self.rings: queue.Queue[str] = queue.Queue()
        self.keeper = AccountKeeper(self.exchange, ledger, ring=self.rings.put, clock=Clock())

    def rest(self, price: str = "0.40", size: str = "10") -> str:
        """Place a buy of ours."""
        order = NewOrder(TOKEN, Side.BUY, Decimal(price), Decimal(size))
        signed = self.exchange.sign(order, MARKET)
        self.ledger.record_intent(signed, at=T0, reason="test")
        outcome = self.exchange.post(signed)
        assert isinstance(outcome, Placed)
        self.ledger.record_outcome(signed.order_id, outcome, at=T0, boot_s=T0)
        return signed.order_id

    def seen(self, order_id: str) -> OpenOrder:
        return self.exchange.orders[order_id]

    def hit(self, order_id: str, size: str) -> Fill:
        """Let somebody trade with our order; return the fill, of which nobody was told."""
        self.exchange.hit(order_id, Decimal(size))
        return self.exchange.trades[-1]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Ledger.open(tmp_path / "ledger.db", Identity("live", "h", 137, "0x")) as ledger:
        made = House(ledger)
        yield made
        made.keeper.close()


def maker_trade(*fills: Fill, taker: str = "stranger") -> TradeNews:
    return TradeNews(fills[0].trade_id, taker, fills)


def test_a_makers_fill_is_booked_and_its_child_woken(house: House) -> None:
    order_id = house.rest()
    strangers = fill("t1", "not ours", size="70")

    house.keeper.take([maker_trade(strangers, house.hit(order_id, "4"))])

    assert house.ledger.position(TOKEN).size == 4
    assert house.rings.get_nowait() == TOKEN
    assert len(house.ledger.fills()) == 1


def test_one_trade_may_fill_several_orders_of_ours(house: House) -> None:
    """Its key is the trade and the order."""
    first, second = house.rest("0.40"), None
    one = fill("t1", first, size="3", price="0.40")
    order = NewOrder(SIBLING, Side.BUY, Decimal("0.30"), Decimal(10))
    signed = replace(house.exchange.sign(replace(order, token_id=TOKEN), MARKET), order=order)
    house.ledger.record_intent(signed, at=T0, reason="test")
    second = fill("t1", signed.order_id, size="7", price="0.30", token=SIBLING)

    house.keeper.take([maker_trade(one, second)])

    assert house.ledger.position(TOKEN).size == 3
    assert house.ledger.position(SIBLING).size == 7


def test_a_failed_trade_is_undone(house: House) -> None:
    order_id = house.rest()
    traded = house.hit(order_id, "4")
    house.keeper.take([maker_trade(traded)])

    house.keeper.take([maker_trade(replace(traded, status=FillStatus.FAILED))])

    assert house.ledger.position(TOKEN).is_flat


def test_news_that_come_twice_or_in_the_wrong_order_do_no_harm(house: House) -> None:
    order_id = house.rest()
    placed = house.seen(order_id)
    traded = house.hit(order_id, "4")
    news = [maker_trade(traded), OrderNews(house.seen(order_id)), OrderNews(placed)]

    house.keeper.take([*news, *reversed(news)])

    (order,) = house.ledger.our_orders(TOKEN)
    assert order.size_matched == 4
    assert house.ledger.position(TOKEN).size == 4


def test_an_order_without_an_answer_is_resolved_by_its_placement(house: House) -> None:
    house.exchange.faults = {"post": [Fault.LOST_AFTER]}
    order = NewOrder(TOKEN, Side.BUY, Decimal("0.40"), Decimal(10))
    signed = house.exchange.sign(order, MARKET)
    house.ledger.record_intent(signed, at=T0, reason="test")
    house.ledger.record_outcome(signed.order_id, house.exchange.post(signed), at=T0, boot_s=T0)
    assert house.ledger.unresolved(TOKEN)

    house.keeper.take([OrderNews(house.seen(signed.order_id))])

    assert house.ledger.unresolved(TOKEN) == []
    assert len(house.ledger.our_orders(TOKEN)) == 1


def test_a_cancellation_is_believed_and_the_order_read(house: House) -> None:
    """What traded before it, only the order itself tells."""
    order_id = house.rest()
    house.exchange.hit(order_id, Decimal(3))
    house.exchange.cancel([order_id])
    house.keeper.take([OrderOver(order_id, "")])
    assert house.ledger.our_orders(TOKEN) == []

    house.keeper.start()

    assert house.rings.get(timeout=WAIT_S) == TOKEN
    intent = house.ledger.intent(order_id)
    assert intent is not None
    assert intent.final
    assert intent.matched == 3


def test_what_the_channel_lost_is_read_and_told(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    order_id = house.rest()
    house.hit(order_id, "10")
    house.keeper.start()

    house.keeper.read_soon()

    assert house.rings.get(timeout=WAIT_S) == TOKEN
    assert house.ledger.position(TOKEN).size == 10
    assert house.ledger.our_orders(TOKEN) == []
    said = "".join(capsys.readouterr())
    assert "event=corrected late_fills=1 ended_orders=1" in said


@pytest.mark.parametrize("news", ["taker", "unreadable"])
def test_what_the_channel_says_only_in_part_is_read_whole(house: House, news: str) -> None:
    """A taker's fee is not in the message, and who cannot read a frame may have missed a fill."""
    order_id = house.rest()
    traded = house.hit(order_id, "10")
    event = {
        "taker": TradeNews(traded.trade_id, order_id, ()),
        "unreadable": Unreadable("ValueError", "{"),
    }[news]
    house.keeper.start()

    house.keeper.take([event])

    assert house.rings.get(timeout=WAIT_S) == TOKEN
    assert house.ledger.position(TOKEN).size == 10


def test_an_exchange_that_does_not_answer_is_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_keeper, "RETRY_S", 0.01)
    order_id = house.rest()
    house.hit(order_id, "10")
    house.exchange.faults = {"read": [Fault.LOST_BEFORE] * 3}
    house.keeper.start()

    house.keeper.read_soon()

    assert house.rings.get(timeout=WAIT_S) == TOKEN
    assert house.ledger.account_read_at() is not None


def test_a_read_that_fails_is_no_read(house: House) -> None:
    house.exchange.faults = {"read": [Fault.LOST_BEFORE] * 1000}
    house.keeper.start()
    house.keeper.read_soon()
    eventually(lambda: house.keeper.unreachable is not None, within_s=60, what="the failure")
    house.keeper.close()

    assert house.ledger.account_read_at() is None


def test_foreign_orders_are_exposure_and_nothing_else(house: House) -> None:
    foreign = OpenOrder(
        "f", TOKEN, "0xc0", Side.BUY, Decimal("0.5"), Decimal(10), Decimal(0), "LIVE", T0
    )

    house.keeper.take([OrderNews(foreign), maker_trade(fill("t9", "f"))])

    assert house.ledger.total_exposure() == 5
    assert house.ledger.our_orders() == []
    assert house.ledger.position(TOKEN).is_flat
