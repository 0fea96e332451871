"""Selling out: FAK at the bids of others, down to the floor, each share once, none resting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec import structs

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import (
    ZERO,
    AgedQuote,
    Level,
    MarketInfo,
    Side,
    Source,
    TokenHealth,
)
from POLYMARKET_MAKER.core.order import (
    CancelResult,
    NewOrder,
    OpenOrder,
    Placed,
    SignedOrder,
    TimeInForce,
)
from POLYMARKET_MAKER.core.unknown import ARRIVAL_S
from POLYMARKET_MAKER.exchange.amounts import amounts
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.seller import REFUSALS, Sale, Seller, would_hit
from tests.support.fake_exchange import FakeExchange, Fault
from tests.support.trading import MARKET, SIBLING, T0, TOKEN

FOR_S = 120.0


class HandClock(Clock):
    """A clock that only waiting moves."""

    passed_s: ClassVar[float] = 0.0

    jumped_s: ClassVar[float] = 0.0

    def now(self) -> float:
        return T0 + HandClock.passed_s + HandClock.jumped_s

    def mono(self) -> float:
        return HandClock.passed_s

    def boot(self) -> float:
        return HandClock.passed_s


class House:
    """A seller between a fake exchange and a real ledger that holds 150 shares."""

    def __init__(self, ledger: Ledger) -> None:
        HandClock.passed_s = HandClock.jumped_s = 0.0
        self.clock = HandClock()
        self.ledger = ledger
        self.exchange = FakeExchange(MARKET, self.clock.now)
        self.health = TokenHealth.LIVE
        self.seq = 0
        self._buy(Decimal(150))
        self.seller = Seller(self.exchange, ledger, self.clock, pause=self.pause)

    def _buy(self, size: Decimal) -> None:
        order = NewOrder(TOKEN, Side.BUY, Decimal("0.40"), size)
        signed = self.exchange.sign(order, MARKET)
        self.ledger.record_intent(signed, at=T0, reason="test")
        outcome = self.exchange.post(signed)
        assert isinstance(outcome, Placed)
        self.ledger.record_outcome(signed.order_id, outcome, at=T0, boot_s=T0)
        self.exchange.hit(signed.order_id, size)

    def aged(self) -> AgedQuote:
        self.seq += 1
        return AgedQuote(self.exchange.quote(self.seq), 0.1, self.health, Source.DIRECT)

    def pause(self, pause_s: float) -> None:
        HandClock.passed_s += pause_s
        self.exchange.arrive()

    def sale(self, floor: str = "0.45") -> Sale:
        return Sale(MARKET, self, Decimal(floor))

    def sells(self) -> list[OpenOrder]:
        return [each for each in self.exchange.orders.values() if _is_our_sell(each)]


@dataclass
class Unsignable:
    """A quote of another token, with a bid that is on no grid."""

    house: House

    def aged(self) -> AgedQuote:
        aged = self.house.aged()
        bids = (Level(Decimal("0.5055"), Decimal(100)),)
        quote = structs.replace(aged.quote, token_id="other", best_bid=bids[0].price, bids=bids)
        return replace(aged, quote=quote)


def _is_our_sell(order: OpenOrder) -> bool:
    return order.side is Side.SELL and order.token_id == TOKEN


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Ledger.open(tmp_path / "ledger.db", Identity("live", "h", 137, "0x")) as ledger:
        yield House(ledger)


def test_all_is_sold_at_the_bid_in_as_many_orders_as_it_takes(house: House) -> None:
    sale = house.sale()

    house.seller.sell([sale], for_s=FOR_S)

    assert (sale.is_over, sale.reason) == (True, "")
    assert house.exchange.position().is_flat
    assert house.ledger.position(TOKEN).is_flat
    assert [each.size_matched for each in house.sells()] == [100, 50]
    assert {each.price for each in house.sells()} == {Decimal("0.50")}
    intents = [house.ledger.intent(each) for each in sale.order_ids]
    assert {each.signed.order.time_in_force for each in intents if each} == {TimeInForce.FAK}


def test_below_its_floor_nothing_is_sold_and_nothing_rests(house: House) -> None:
    house.exchange.bid = Decimal("0.44")
    sale = house.sale("0.45")

    house.seller.sell([sale], for_s=FOR_S)

    assert house.sells() == []
    assert not sale.is_over
    assert sale.reason == "nobody bids 0.45 or more"
    assert house.clock.passed_s >= FOR_S


def test_a_quote_that_cannot_be_trusted_sells_nothing(house: House) -> None:
    house.health = TokenHealth.RESYNC
    sale = house.sale()

    house.seller.sell([sale], for_s=3)

    assert house.sells() == []
    assert "quote" in sale.reason


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.LATE])
def test_an_order_without_an_answer_is_resolved_before_the_next(house: House, fault: Fault) -> None:
    """The fake exchange fails a test that sells more than is held."""
    house.exchange.faults = {"post": [fault]}
    sale = house.sale()

    house.seller.sell([sale], for_s=FOR_S)

    assert sale.is_over
    assert house.exchange.position().is_flat
    assert house.ledger.position(TOKEN).is_flat
    if fault is Fault.LOST_BEFORE:
        assert house.clock.passed_s > ARRIVAL_S, "until then it might have arrived"


def test_an_exchange_that_cannot_be_read_is_sold_nothing_on(house: House) -> None:
    house.exchange.faults = {"read": [Fault.LOST_BEFORE] * 10_000}
    sale = house.sale()

    house.seller.sell([sale], for_s=5)

    assert house.sells() == []
    assert not sale.is_over


def test_what_is_refused_again_and_again_is_given_up(house: House) -> None:
    house.exchange.faults = {"post": [Fault.REFUSED] * 100}
    sale = house.sale()

    house.seller.sell([sale], for_s=FOR_S)

    assert (sale.is_over, sale.refused) == (True, REFUSALS)
    assert sale.reason == "order couldn't be placed"
    assert house.exchange.position().size == 150


def check_grid(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the exchange sign as the real one does."""
    sign = house.exchange.sign

    def strict(order: NewOrder, market: MarketInfo) -> SignedOrder:
        amounts(order, market)
        return sign(order, market)

    monkeypatch.setattr(house.exchange, "sign", strict)


def test_a_grid_that_became_finer_is_the_one_that_is_signed_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_grid(house, monkeypatch)
    house.exchange.bid = Decimal("0.505")
    house.exchange.market = replace(MARKET, tick_size=Decimal("0.001"))
    sale = house.sale()

    house.seller.sell([sale], for_s=FOR_S)

    assert (sale.is_over, sale.reason) == (True, "")
    assert {each.price for each in house.sells()} == {Decimal("0.505")}


def test_what_cannot_be_signed_is_given_up_and_the_others_are_sold(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_grid(house, monkeypatch)
    broken = Sale(replace(MARKET, token_id="other"), Unsignable(house), Decimal("0.45"))
    house.ledger.record_external(
        "came", "other", Side.BUY, Decimal(10), price=Decimal("0.4"), at=T0
    )
    sale = house.sale()

    house.seller.sell([broken, sale], for_s=FOR_S)

    assert house.ledger.position(TOKEN).is_flat
    assert (broken.is_over, broken.refused) == (True, REFUSALS)
    assert "tick size" in broken.reason


def test_a_wall_clock_that_jumps_ahead_makes_no_order_older(house: House) -> None:
    house.exchange.faults = {"post": [Fault.LOST_BEFORE]}
    sale = house.sale()

    def pause(pause_s: float) -> None:
        HandClock.jumped_s = 3600.0
        house.pause(pause_s)

    cancelled: list[float] = []
    cancel = house.exchange.cancel

    def counted(order_ids: Sequence[str]) -> CancelResult:
        cancelled.append(house.clock.boot())
        return cancel(order_ids)

    house.exchange.cancel = counted  # type: ignore[method-assign]
    seller = Seller(house.exchange, house.ledger, house.clock, pause=pause)
    seller.sell([sale], for_s=FOR_S)

    assert house.ledger.position(TOKEN).is_flat
    assert min(cancelled) >= ARRIVAL_S


def test_a_kill_in_the_middle_is_obeyed(house: House) -> None:
    def is_killed() -> bool:
        return len(house.sells()) > 0

    clock, pause = house.clock, house.pause
    seller = Seller(house.exchange, house.ledger, clock, pause=pause, is_killed=is_killed)
    sale = house.sale()

    seller.sell([sale], for_s=FOR_S)

    assert len(house.sells()) == 1
    assert sale.reason == "the kill switch was set"
    assert house.ledger.position(TOKEN).size == 50


def test_what_is_worth_less_than_an_order_is_dust(house: House) -> None:
    house.exchange.depth = Decimal("148.5")
    sale = house.sale()

    house.seller.sell([sale], for_s=FOR_S)

    assert sale.is_dust
    assert house.ledger.position(TOKEN).size == Decimal("1.5")


def test_a_foreign_bid_of_the_same_wallet_is_not_traded_with(house: House) -> None:
    foreign = OpenOrder(
        "theirs", TOKEN, "0xc", Side.BUY, Decimal("0.51"), Decimal(5), ZERO, "LIVE", T0
    )
    house.exchange.orders["theirs"] = foreign
    sale = house.sale()

    house.seller.sell([sale], for_s=3)

    assert house.sells() == []
    assert "foreign" in sale.reason


@pytest.mark.parametrize(
    ("token", "side", "price", "hits"),
    [
        (TOKEN, Side.BUY, "0.50", True),
        (TOKEN, Side.BUY, "0.49", False),
        (TOKEN, Side.SELL, "0.60", False),
        (SIBLING, Side.SELL, "0.50", True),
        (SIBLING, Side.SELL, "0.51", False),
        ("elsewhere", Side.BUY, "0.90", False),
    ],
)
def test_a_bid_is_one_of_this_token_or_an_ask_of_its_complement(
    token: str, side: Side, price: str, *, hits: bool
) -> None:
    order = OpenOrder("o", token, "0xc", side, Decimal(price), Decimal(5), ZERO, "LIVE", T0)
    market = replace(MARKET, sibling_id=SIBLING)

    assert would_hit([order], Decimal("0.50"), market) is hits
