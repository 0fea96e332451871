"""A cancel that was sent proves nothing; only a read that does not list the order does."""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.cancel import cancel_until_proven
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import NewOrder, Placed
from tests.support.fake_exchange import FOREIGN, FakeExchange, Fault
from tests.support.trading import MARKET, T0, TOKEN


def exchange_with_order() -> tuple[FakeExchange, str]:
    exchange = FakeExchange(MARKET, lambda: T0)
    order = NewOrder(TOKEN, Side.BUY, Decimal("0.40"), Decimal(10))
    placed = exchange.post(exchange.sign(order, MARKET))
    assert isinstance(placed, Placed)
    return exchange, placed.order_id


def cancel(exchange: FakeExchange, *order_ids: str, deadline_s: float = 30.0) -> frozenset[str]:
    return cancel_until_proven(
        exchange, order_ids, deadline_s=deadline_s, clock=Clock(), pause=lambda _s: None
    )


def test_what_is_ours_is_gone_and_what_is_foreign_stays() -> None:
    exchange, order_id = exchange_with_order()

    assert cancel(exchange, order_id) == frozenset()
    assert [order.order_id for order in exchange.open_orders()] == [FOREIGN]


def test_lost_requests_are_repeated_until_there_is_a_proof() -> None:
    exchange, order_id = exchange_with_order()
    exchange.faults = {
        "cancel": [Fault.LOST_BEFORE, Fault.LOST_AFTER],
        "read": [Fault.LOST_BEFORE, Fault.LOST_BEFORE],
    }

    assert cancel(exchange, order_id) == frozenset()


def test_an_exchange_that_never_answers_leaves_everything_unproven() -> None:
    exchange, order_id = exchange_with_order()
    exchange.faults = {"cancel": [Fault.LOST_BEFORE] * 1000}

    assert cancel(exchange, order_id, deadline_s=0.0) == {order_id}


def test_nothing_to_cancel_asks_nobody() -> None:
    exchange, _ = exchange_with_order()
    exchange.faults = {"cancel": [Fault.KILL_BEFORE], "read": [Fault.LOST_BEFORE]}

    assert cancel(exchange) == frozenset()
