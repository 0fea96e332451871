"""The ledger follows what the exchange says: orders first, then fills."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.account_sync import cancel_orders, read_account
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import NewOrder, SignedOrder
from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.ledger import Identity, Ledger
from tests.support.fake_exchange import FakeExchange, Fault
from tests.support.trading import MARKET, T0, TOKEN
from tests.support.trading_house import HandClock

CLOCK = HandClock()


class Account:
    """A ledger and an exchange that agree on what was sent."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.exchange = FakeExchange(MARKET, lambda: T0)

    def post(self, side: Side = Side.BUY, price: str = "0.40", size: str = "10") -> SignedOrder:
        order = NewOrder(TOKEN, side, Decimal(price), Decimal(size))
        signed = self.exchange.sign(order, MARKET)
        self.ledger.record_intent(signed, at=T0, reason="test")
        outcome = self.exchange.post(signed)
        self.ledger.record_outcome(signed.order_id, outcome, at=T0, boot_s=T0)
        return signed


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    identity = Identity("demo", "http://127.0.0.1:1", 137, "0x1")
    with Ledger.open(tmp_path / "ledger.db", identity) as ledger:
        yield Account(ledger)


def test_a_fill_reaches_the_position_and_is_new_once(account: Account) -> None:
    signed = account.post()
    account.exchange.hit(signed.order_id, Decimal(4))

    first = read_account(account.exchange, account.ledger, clock=CLOCK, token_id=TOKEN)
    second = read_account(account.exchange, account.ledger, clock=CLOCK, token_id=TOKEN)

    assert [fill.size for fill in first.new_fills] == [Decimal(4)]
    assert second.new_fills == ()
    assert account.ledger.position(TOKEN).size == Decimal(4)
    assert account.ledger.our_orders(TOKEN)[0].remaining == Decimal(6)


def test_an_order_filled_at_once_is_found_by_its_id(account: Account) -> None:
    """It is in no list of open orders."""
    signed = account.post()
    account.exchange.hit(signed.order_id, Decimal(10))

    view = read_account(account.exchange, account.ledger, clock=CLOCK, token_id=TOKEN)

    assert view.missing == frozenset()
    assert account.ledger.our_orders(TOKEN) == []
    assert account.ledger.position(TOKEN).size == Decimal(10)


def test_an_order_without_an_answer_that_did_arrive_becomes_placed(account: Account) -> None:
    account.exchange.faults = {"post": [Fault.LOST_AFTER]}
    signed = account.post()
    assert [intent.order_id for intent in account.ledger.unresolved(TOKEN)] == [signed.order_id]

    read_account(account.exchange, account.ledger, clock=CLOCK, token_id=TOKEN)

    assert account.ledger.unresolved(TOKEN) == []
    assert [order.order_id for order in account.ledger.our_orders(TOKEN)] == [signed.order_id]


def test_an_order_that_nobody_knows_is_missing_and_stays_unknown(account: Account) -> None:
    """An exchange that does not know an id proves nothing."""
    account.exchange.faults = {"post": [Fault.LOST_BEFORE]}
    signed = account.post()

    view = read_account(account.exchange, account.ledger, clock=CLOCK, token_id=TOKEN)

    assert view.missing == {signed.order_id}
    assert [intent.order_id for intent in account.ledger.unresolved(TOKEN)] == [signed.order_id]


def test_a_read_that_fails_is_an_error_and_no_news(account: Account) -> None:
    signed = account.post()
    account.exchange.faults = {"read": [Fault.LOST_BEFORE]}

    with pytest.raises(VenueUnreachable):
        read_account(account.exchange, account.ledger, clock=CLOCK, token_id=TOKEN)
    assert [order.order_id for order in account.ledger.our_orders(TOKEN)] == [signed.order_id]


def test_a_cancel_reads_what_traded_before_it(account: Account) -> None:
    signed = account.post()
    account.exchange.hit(signed.order_id, Decimal(3))

    done = cancel_orders(account.exchange, account.ledger, [signed.order_id], clock=Clock())

    intent = account.ledger.intent(signed.order_id)
    assert done.result.canceled == (signed.order_id,)
    assert intent is not None
    assert intent.final
    assert intent.matched == Decimal(3)
    assert intent.is_live, "three shares have traded, and no fill has shown them yet"
