"""The adapters over real sockets, against a venue that verifies every header and signature."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion, Side
from POLYMARKET_MAKER.core.order import (
    CancelResult,
    NewOrder,
    Placed,
    Rejected,
    TimeInForce,
    Unknown,
)
from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.auth import SignatureType, Wallet, create_or_derive
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.posting import PostingAccount
from POLYMARKET_MAKER.exchange.protocol import refuses_us
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.exchange.venue import connect
from tests.exchange.golden import ADDRESS, KEY
from tests.support.simulator import Simulator, running_simulator

FUNDERS = {
    SignatureType.EOA: ADDRESS,
    SignatureType.PROXY: "0x" + "a1" * 20,
    SignatureType.SAFE: "0x" + "a2" * 20,
    SignatureType.DEPOSIT: "0x" + "a3" * 20,
}
BUY, SELL = Side.BUY, Side.SELL


@dataclass
class Desk:
    """One trader at one simulator."""

    sim: Simulator
    http: Http
    kind: SignatureType = SignatureType.EOA

    def __post_init__(self) -> None:
        clob = str(self.sim.urls["clob"])
        self.public = Public(self.http, clob_url=clob, gamma_url=self.sim.urls["gamma"])
        self.wallet = Wallet(KEY, FUNDERS[self.kind], self.kind)
        self.credentials = create_or_derive(self.http, clob, self.wallet, at=time.time())
        self.exchange: PostingAccount = connect(
            self.public, self.http, clob, self.credentials, self.wallet
        )

    def market(self, number: int = 0) -> MarketInfo:
        return self.public.market_info(self.sim.tokens[number])

    def top(self, token_id: str) -> tuple[Decimal, Decimal]:
        book = self.public.book(token_id).snapshot
        return max(level.price for level in book.bids), min(level.price for level in book.asks)

    def order(self, market: MarketInfo, side: Side, price: Decimal, size: str) -> NewOrder:
        return NewOrder(market.token_id, side, price, Decimal(size))

    def rest(self, market: MarketInfo, size: str = "10") -> Placed:
        """Place a buy one tick below the best bid."""
        bid, _ = self.top(market.token_id)
        wanted = self.order(market, BUY, bid - market.tick_size, size)
        outcome = self.exchange.post(self.exchange.sign(wanted, market))
        assert isinstance(outcome, Placed), outcome
        return outcome


@pytest.fixture(scope="module", params=[1, 2], ids=["V1 venue", "V2 venue"])
def venue(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    positions = 0 if request.param == 1 else 1
    with running_simulator(
        tokens=4, version=request.param, positions=positions, neg_risk=1, no_flow=True, usd=10000
    ) as sim:
        yield sim


@pytest.fixture
def sim(venue: Simulator) -> Iterator[Simulator]:
    """Hand out the module's simulator, and leave it without faults and orders."""
    yield venue
    venue.control(do="clear_faults")
    venue.control(do="mode", mode="normal")
    venue.control(do="cancel_all")


@pytest.fixture
def desk(sim: Simulator, http: Http) -> Desk:
    return Desk(sim, http)


def test_every_market_takes_an_order_of_every_wallet_it_knows(sim: Simulator, http: Http) -> None:
    """V1 of types 0 to 2, or V2 and V3 of types 0 to 3; ordinary and neg-risk."""
    version = sim.urls["version"]
    kinds = [kind for kind in SignatureType if version == 2 or kind is not SignatureType.DEPOSIT]
    before = sim.stats().get("signatures_verified", {})

    for kind in kinds:
        desk = Desk(sim, http, kind)
        for number in range(4):
            placed = desk.rest(desk.market(number))
            assert placed.order_id in {each.order_id for each in desk.exchange.open_orders()}

    after = sim.stats()["signatures_verified"]
    gained = {name: after.get(name, 0) - before.get(name, 0) for name in ("v1", "v2", "v3")}
    assert gained == (
        {"v1": 12, "v2": 0, "v3": 0} if version == 1 else {"v1": 0, "v2": 12, "v3": 4}
    )


def test_the_order_id_is_known_before_the_order_is_sent(desk: Desk) -> None:
    market = desk.market()
    bid, _ = desk.top(market.token_id)
    signed = desk.exchange.sign(desk.order(market, BUY, bid - market.tick_size, "10"), market)

    outcome = desk.exchange.post(signed)

    assert outcome == Placed(signed.order_id, "live")
    read = desk.exchange.order(signed.order_id)
    assert read is not None
    assert (read.price, read.size) == (bid - market.tick_size, Decimal(10))
    assert read.size_matched == 0


def test_an_order_sent_twice_rests_once(desk: Desk) -> None:
    market = desk.market()
    bid, _ = desk.top(market.token_id)
    signed = desk.exchange.sign(desk.order(market, BUY, bid - market.tick_size, "10"), market)

    first, second = desk.exchange.post(signed), desk.exchange.post(signed)

    assert first == Placed(signed.order_id, "live")
    assert second == Placed(signed.order_id, "duplicate")
    assert len(desk.exchange.open_orders()) == 1


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "garbage"])
def test_an_order_whose_answer_was_lost_is_unknown_and_found_by_its_id(
    sim: Simulator, desk: Desk, kind: str
) -> None:
    market = desk.market()
    bid, _ = desk.top(market.token_id)
    patient = Http(deadline_s=0.5)
    exchange = connect(desk.public, patient, sim.urls["clob"], desk.credentials, desk.wallet)
    signed = exchange.sign(desk.order(market, BUY, bid - market.tick_size, "10"), market)
    sim.control(do="fault", path="/order", kind=kind, method="POST", count=1)

    outcome = exchange.post(signed)

    assert isinstance(outcome, Unknown)
    found = desk.exchange.order(signed.order_id)
    assert found is not None
    assert found.is_open
    assert exchange.post(signed) == Placed(signed.order_id, "duplicate")
    patient.close()


@pytest.mark.parametrize("kind", ["timeout", "drop", "425", "429", "500", "503"])
def test_an_order_that_never_arrived_is_unknown_and_can_be_sent_again(
    sim: Simulator, desk: Desk, kind: str
) -> None:
    market = desk.market()
    bid, _ = desk.top(market.token_id)
    hasty = Http(deadline_s=0.5)
    exchange = connect(desk.public, hasty, sim.urls["clob"], desk.credentials, desk.wallet)
    signed = exchange.sign(desk.order(market, BUY, bid - market.tick_size, "10"), market)
    sim.control(do="fault", path="/order", kind=kind, method="POST", count=1)

    assert isinstance(exchange.post(signed), Unknown)
    assert exchange.order(signed.order_id) is None
    assert exchange.post(signed) == Placed(signed.order_id, "live")
    hasty.close()


def test_post_only_mode_takes_makers_and_cancels(sim: Simulator, desk: Desk) -> None:
    market = desk.market()
    _, ask = desk.top(market.token_id)
    sim.control(do="mode", mode="post_only")

    taker = replace(desk.order(market, BUY, ask, "10"), post_only=False)
    outcome = desk.exchange.post(desk.exchange.sign(taker, market))
    placed = desk.rest(market)

    assert isinstance(outcome, Unknown)
    assert outcome.code == "post_only_mode"
    assert outcome.retry_after_s is not None
    assert desk.exchange.cancel([placed.order_id]).canceled == (placed.order_id,)


def test_a_restarting_engine_is_unknown_with_a_wait(sim: Simulator, desk: Desk) -> None:
    market = desk.market()
    bid, _ = desk.top(market.token_id)
    signed = desk.exchange.sign(desk.order(market, BUY, bid - market.tick_size, "10"), market)
    sim.control(do="mode", mode="restart")

    assert isinstance(desk.exchange.post(signed), Unknown)


def test_a_post_only_order_that_crosses_is_refused(desk: Desk) -> None:
    market = desk.market()
    _, ask = desk.top(market.token_id)

    outcome = desk.exchange.post(desk.exchange.sign(desk.order(market, BUY, ask, "10"), market))

    assert outcome == Rejected("invalid post-only order: order crosses book", 400)
    assert not refuses_us(outcome)


def test_a_partial_fill_shows_in_size_matched_and_in_the_fills(sim: Simulator, desk: Desk) -> None:
    market = desk.market()
    placed = _best_bid(desk, market)

    sim.control(do="trade", token=market.token_id, side="SELL", size="4")

    order = desk.exchange.order(placed.order_id)
    assert order is not None
    assert order.is_open
    assert order.size_matched == 4
    fills = [fill for fill in desk.exchange.fills() if fill.order_id == placed.order_id]
    assert [(fill.size, fill.is_maker) for fill in fills] == [(Decimal(4), True)]
    assert fills[0].fee == 0
    assert fills[0].token_id == market.token_id
    assert fills[0].side is BUY


def test_a_maker_is_filled_by_a_taker_of_the_complementary_token(
    sim: Simulator, desk: Desk
) -> None:
    """A buyer of the other outcome meets our buy; the fill is of our token."""
    market = desk.market(1)
    placed = _best_bid(desk, market)

    sim.control(do="trade", token=market.sibling_id, side="BUY", size="4")

    fills = [fill for fill in desk.exchange.fills() if fill.order_id == placed.order_id]
    assert [(fill.token_id, fill.side, fill.size) for fill in fills] == [
        (market.token_id, BUY, Decimal(4))
    ]


def test_a_taker_pays_the_fee_that_the_market_announces(desk: Desk) -> None:
    market = desk.market(2)
    _, ask = desk.top(market.token_id)
    wanted = NewOrder(market.token_id, BUY, ask, Decimal(6), TimeInForce.FAK, post_only=False)
    signed = desk.exchange.sign(wanted, market)

    outcome = desk.exchange.post(signed)

    assert isinstance(outcome, Placed)
    assert outcome.status == "matched"
    assert outcome.trade_ids
    fills = [fill for fill in desk.exchange.fills() if fill.order_id == signed.order_id]
    assert sum(fill.size for fill in fills) == signed.order.size
    assert all(not fill.is_maker for fill in fills)
    expected = market.fee_rate * (ask * (1 - ask)) ** market.fee_exponent * signed.order.size
    assert sum(fill.fee for fill in fills) == expected
    assert (expected > 0) is (desk.public.version() == 2)


@pytest.mark.parametrize("size", ["7.13", "10", "3.33"])
def test_immediate_orders_of_any_size_are_taken(desk: Desk, size: str) -> None:
    """Buys in whole cents, sells in exact shares."""
    market = desk.market(3)
    bid, ask = desk.top(market.token_id)
    for side, price in ((BUY, ask), (SELL, bid)):
        held = desk.exchange.allowance(market.token_id).balance
        amount = Decimal(size) if side is BUY else held.quantize(Decimal("0.01"), "ROUND_DOWN")
        wanted = NewOrder(market.token_id, side, price, amount, TimeInForce.FAK, post_only=False)

        outcome = desk.exchange.post(desk.exchange.sign(wanted, market))

        assert isinstance(outcome, Placed), outcome
        assert outcome.status == "matched"


def test_reading_and_canceling_need_no_key(sim: Simulator, desk: Desk) -> None:
    placed = desk.rest(desk.market())
    account = Account(
        desk.http,
        sim.urls["clob"],
        desk.credentials,
        funder=ADDRESS,
        signature_type=SignatureType.EOA,
    )

    assert [each.order_id for each in account.open_orders()] == [placed.order_id]
    result = account.cancel([placed.order_id, "0x" + "0" * 64])

    assert result.canceled == (placed.order_id,)
    assert list(result.not_canceled) == ["0x" + "0" * 64]
    assert account.open_orders() == []
    assert account.balance() > 0


def test_more_orders_than_a_page_are_all_listed(desk: Desk) -> None:
    """The orders are not made through the adapter, which the venue would slow down."""
    token = desk.sim.tokens[0]
    for n in range(110):
        price = f"0.0{1 + n % 9}"
        desk.sim.control(
            do="foreign_order", wallet=ADDRESS, token=token, side="BUY", price=price, size="5"
        )

    listed = {each.order_id for each in desk.exchange.open_orders()}

    assert len(listed) == 110
    result: CancelResult = desk.exchange.cancel(sorted(listed))
    assert set(result.canceled) == listed


def test_an_ended_market_reads_as_closed(http: Http) -> None:
    with running_simulator(tokens=2, positions=1, no_flow=True) as ended:
        public = Public(http, clob_url=ended.urls["clob"], gamma_url=ended.urls["gamma"])
        for token in ended.tokens:
            assert not public.market_info(token).closed
            ended.control(do="resolve", token=token)

            assert public.market_info(token).closed


def test_orders_are_listed_by_market(desk: Desk) -> None:
    first, second = desk.market(0), desk.market(1)
    desk.rest(first)
    wanted = desk.rest(second)

    found = desk.exchange.open_orders(market=second.condition_id)

    assert [each.order_id for each in found] == [wanted.order_id]


def test_preflight_reads_what_a_start_needs(sim: Simulator, desk: Desk) -> None:
    assert desk.public.version() == sim.urls["version"]
    assert abs(desk.public.server_time() - time.time()) < 30
    assert not desk.exchange.is_closed_only()
    assert desk.exchange.allowance().allowances

    sim.control(do="closed_only", on=True)
    assert desk.exchange.is_closed_only()
    sim.control(do="closed_only", on=False)


def test_credentials_that_are_wrong_are_refused(sim: Simulator, desk: Desk) -> None:
    wrong = replace(desk.credentials, secret="d3Jvbmc=")
    account = Account(
        desk.http, sim.urls["clob"], wrong, funder=ADDRESS, signature_type=SignatureType.EOA
    )

    with pytest.raises(VenueRefused) as caught:
        account.open_orders()
    assert caught.value.status_code == 401


def test_the_same_nonce_gives_the_same_credentials_and_another_one_others(
    sim: Simulator, desk: Desk
) -> None:
    def credentials(nonce: int) -> str:
        made = create_or_derive(
            desk.http, sim.urls["clob"], desk.wallet, at=time.time(), nonce=nonce
        )
        return made.api_key

    assert credentials(0) == desk.credentials.api_key
    assert credentials(7) == credentials(7) != desk.credentials.api_key


def test_a_list_that_could_not_be_read_is_an_error(sim: Simulator, desk: Desk) -> None:
    desk.rest(desk.market())
    for kind in ("500", "drop", "garbage"):
        sim.control(do="fault", path="/data/orders", kind=kind, method="GET", count=1)
        with pytest.raises(VenueUnreachable):
            desk.exchange.open_orders()
    assert len(desk.exchange.open_orders()) == 1


def test_positions_and_trades_are_public(sim: Simulator, desk: Desk) -> None:
    market = desk.market(0)
    _, ask = desk.top(market.token_id)
    wanted = NewOrder(market.token_id, BUY, ask, Decimal(6), TimeInForce.FAK, post_only=False)
    assert isinstance(desk.exchange.post(desk.exchange.sign(wanted, market)), Placed)
    api = DataApi(desk.http, data_url=sim.urls["data"])

    positions = {row.token_id: row.current_size for row in api.positions(ADDRESS)}
    activity = api.activity(ADDRESS, start=time.time() - 60)

    held = desk.exchange.allowance(market.token_id).balance
    assert positions[market.token_id] == held
    assert market.token_id in {row.token_id for row in activity}
    assert api.trades(ADDRESS, start=time.time() - 60)


def test_a_market_of_another_version_is_never_signed(desk: Desk) -> None:
    market = desk.market()
    other = OrderVersion.V2 if market.order_version is OrderVersion.V1 else OrderVersion.V1
    order = desk.order(market, BUY, Decimal("0.10"), "10")

    with pytest.raises(VenueRefused, match="wants order version"):
        desk.exchange.sign(order, replace(market, order_version=other))


def _best_bid(desk: Desk, market: MarketInfo) -> Placed:
    """Rest a buy of 10 alone at the top of the book."""
    bid, ask = desk.top(market.token_id)
    price = bid + market.tick_size
    assert price < ask, "the simulator's spread has room for us"
    wanted = desk.order(market, BUY, price, "10")
    outcome = desk.exchange.post(desk.exchange.sign(wanted, market))
    assert isinstance(outcome, Placed), outcome
    return outcome
