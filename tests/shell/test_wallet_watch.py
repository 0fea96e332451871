"""What left the wallet is booked once and told; what else is in it stays foreign, or is adopted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import FillStatus, NewOrder, Placed
from POLYMARKET_MAKER.core.shares import LEAST_APART_S, SETTLED_S
from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.exchange.data_api import PositionRow
from POLYMARKET_MAKER.exchange.protocol import Allowance
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.wallet_watch import WalletWatch
from tests.support.fake_exchange import FakeExchange
from tests.support.trading import MARKET, T0, TOKEN, fill

LATER = T0 + SETTLED_S + 1
AGAIN_S = LEAST_APART_S + 5


@dataclass
class Wallet:
    """A wallet as two sources tell of it: the data API, and the exchange's balances."""

    shares: dict[str, str] = field(default_factory=dict)
    balances: dict[str, str] = field(default_factory=dict)
    price: str | None = "0.30"
    is_reachable: bool = True
    asked: list[str] = field(default_factory=list)

    def positions(self) -> list[PositionRow]:
        if not self.is_reachable:
            raise VenueUnreachable("timeout")
        price = None if self.price is None else Decimal(self.price)
        return [PositionRow(t, "0xc", Decimal(size), price) for t, size in self.shares.items()]

    def allowance(self, token_id: str | None = None) -> Allowance:
        assert token_id is not None
        self.asked.append(token_id)
        known = self.balances.get(token_id, self.shares.get(token_id, "0"))
        return Allowance(Decimal(known), {})


class House:
    """A ledger that bought 10 shares long ago, and a wallet."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.wallet = Wallet({TOKEN: "10"})
        self.rings: list[str] = []
        self.exchange = FakeExchange(MARKET, lambda: T0)
        self.order_id = self.buy("10")

    def buy(self, size: str) -> str:
        order = NewOrder(TOKEN, Side.BUY, Decimal("0.40"), Decimal(size))
        signed = self.exchange.sign(order, MARKET)
        self.ledger.record_intent(signed, at=T0, reason="test")
        self.ledger.record_outcome(
            signed.order_id, Placed(signed.order_id, "live"), at=T0, boot_s=T0
        )
        traded = replace(
            fill(f"t-{signed.order_id}", signed.order_id, size=size, price="0.40"),
            status=FillStatus.CONFIRMED,
        )
        self.ledger.record_fill(traded)
        return signed.order_id

    def watch(self, *, adopts: bool = False) -> WalletWatch:
        wallet = self.wallet
        return WalletWatch(
            wallet, wallet.positions, self.ledger, adopts=adopts, ring=self.rings.append
        )

    @property
    def held(self) -> Decimal:
        return self.ledger.position(TOKEN).size


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Ledger.open(tmp_path / "ledger.db", Identity("live", "h", 137, "0x")) as ledger:
        yield House(ledger)


def test_a_shortfall_is_booked_at_the_second_look_and_once(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.wallet.shares[TOKEN] = "4"
    house.ledger.mark(TOKEN, Decimal("0.55"), at=LATER)
    watch = house.watch()

    watch.look(LATER)
    assert house.held == 10
    watch.look(LATER + 1)
    assert house.held == 10, "two looks at one moment are one"
    watch.look(LATER + AGAIN_S)
    watch.look(LATER + 2 * AGAIN_S)

    assert house.held == 4
    assert house.ledger.position(TOKEN).realised == Decimal("0.90"), "6 shares at 0.55"
    assert house.rings == [TOKEN]
    said = "".join(capsys.readouterr())
    assert said.count("event=external_shortfall") == 1
    assert "missing=6" in said


def test_without_a_bid_it_is_booked_without_a_price(house: House) -> None:
    """Redeemed shares have no bid; an old one would be a made-up price."""
    house.wallet.shares.clear()
    house.ledger.mark(TOKEN, Decimal("0.99"), at=LATER - SETTLED_S)
    watch = house.watch()

    watch.look(LATER)
    watch.look(LATER + AGAIN_S)

    assert house.held == 0
    assert house.ledger.position(TOKEN).realised == 0


def test_one_source_alone_proves_nothing(house: House) -> None:
    house.wallet.shares[TOKEN] = "0"
    house.wallet.balances[TOKEN] = "10"
    watch = house.watch()

    for turn in range(5):
        watch.look(LATER + turn * AGAIN_S)

    assert house.held == 10


def test_a_wallet_that_cannot_be_read_is_not_an_empty_one(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.wallet.is_reachable = False
    watch = house.watch()

    for turn in range(5):
        watch.look_quietly(LATER + turn * AGAIN_S)

    assert house.held == 10
    assert "event=wallet_not_compared" in "".join(capsys.readouterr())
    with pytest.raises(VenueUnreachable):
        watch.look(LATER)


@pytest.mark.parametrize("what", ["just now", "not mined", "unknown order"])
def test_while_a_trade_is_on_its_way_nothing_is_booked(house: House, what: str) -> None:
    house.wallet.shares[TOKEN] = "4"
    began = LATER
    if what == "just now":
        began = T0 + 1
    elif what == "not mined":
        bought = house.buy("6")
        late = fill("late", bought, size="0.5", price="0.40", at=T0 + 1, status=FillStatus.MATCHED)
        house.ledger.record_fill(late)
    else:
        order = NewOrder(TOKEN, Side.SELL, Decimal("0.60"), Decimal(5))
        signed = house.exchange.sign(order, MARKET)
        house.ledger.record_intent(signed, at=T0, reason="test")
        house.ledger.record_lost(TOKEN)
    held = house.held
    watch = house.watch()

    watch.look(began)
    watch.look(began + AGAIN_S)

    assert house.held == held


def test_a_surplus_is_foreign(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.wallet.shares = {TOKEN: "17", "another": "5"}
    watch = house.watch()

    for turn in range(4):
        watch.look(LATER + turn * AGAIN_S)

    assert house.held == 10
    assert house.ledger.position("another").is_flat
    assert house.wallet.asked == []
    assert "event=foreign_shares tokens=2" in "".join(capsys.readouterr())


def test_a_surplus_is_adopted_at_what_it_cost_when_that_is_wanted(house: House) -> None:
    house.wallet.shares = {TOKEN: "17", "another": "5"}
    watch = house.watch(adopts=True)

    watch.look(LATER)
    watch.look(LATER + AGAIN_S)

    assert house.held == 17
    assert house.ledger.position("another").size == 5
    assert house.ledger.position("another").entry_price == Decimal("0.30")
    assert sorted(house.rings) == sorted([TOKEN, "another"])


def test_a_surplus_that_an_open_buy_may_explain_is_seen_twice_before_it_is_adopted(
    house: House,
) -> None:
    order = NewOrder(TOKEN, Side.BUY, Decimal("0.40"), Decimal(7))
    signed = house.exchange.sign(order, MARKET)
    house.ledger.record_intent(signed, at=T0, reason="test")
    house.ledger.record_outcome(signed.order_id, Placed(signed.order_id, "live"), at=T0, boot_s=T0)
    house.wallet.shares[TOKEN] = "17"
    watch = house.watch(adopts=True)

    watch.look(LATER)
    watch.look(LATER + 1)
    assert house.held == 10, "its fill may be about to be told"
    watch.look(LATER + AGAIN_S)
    watch.look(LATER + 2 * AGAIN_S)
    assert house.held == 17


def test_a_surplus_without_a_known_cost_stays_foreign(house: House) -> None:
    house.wallet.shares["another"] = "5"
    house.wallet.price = None
    watch = house.watch(adopts=True)

    watch.look(LATER)

    assert house.ledger.position("another").is_flat
