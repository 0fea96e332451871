"""Matching, as pure as it is written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import (
    BookBatch,
    LevelChange,
    MarketSpec,
    Order,
    OrderEvent,
    OrderType,
    Resolved,
    Side,
    Status,
    TradeEvent,
    TradeStatus,
)
from POLYMARKET_MAKER.sim.refusals import Refused

D = Decimal
T0 = 1_795_000_000_000
OURS = "0xOurs"
THEIRS = "0xTheirs"


class Bench:
    """One market in which the test places every order."""

    def __init__(self, **spec: object) -> None:
        fields = {"number": 0, "condition_id": "0xc", "tokens": ("1", "2"), "slug": "s"}
        self.spec = MarketSpec(**{**fields, "question": "q", **spec})  # type: ignore[arg-type]
        self.engine = Engine([self.spec], seed=1)
        self.market: Market = self.engine.markets["0xc"]
        self._count = 0

    def place(  # noqa: PLR0917 - the columns of an order
        self,
        side: str,
        price: str,
        size: str,
        token: int = 0,
        wallet: str = OURS,
        kind: OrderType = OrderType.GTC,
        **more: object,
    ) -> Order:
        self._count += 1
        post_only = bool(more.pop("post_only", False))
        order = Order(
            id=f"0x{self._count}",
            wallet=wallet,
            owner=f"key of {wallet}",
            condition_id="0xc",
            token=token,
            side=Side(side),
            price=D(price),
            size=D(size),
            type=kind,
            is_flow=wallet == THEIRS,
            **more,  # type: ignore[arg-type]
        )
        self.engine.place(order, T0, post_only=post_only)
        self.engine.commit(self.market, T0)
        return order

    def usd(self) -> Decimal:
        return self.engine.clearing.wallet(OURS).usd

    def shares(self, token: int = 0) -> Decimal:
        return self.engine.clearing.wallet(OURS).shares(self.spec.tokens[token])

    def give(self, size: str, token: int = 0) -> None:
        wallet = self.engine.clearing.wallet(OURS)
        wallet.holding(self.spec.tokens[token]).size += D(size)

    def batches(self) -> list[BookBatch]:
        return [each for each in self.engine.take_events() if isinstance(each, BookBatch)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refused(bench: Bench, *arguments: str, **more: object) -> str:
    with pytest.raises(Refused) as caught:
        bench.place(*arguments, **more)  # type: ignore[arg-type]
    return caught.value.message


# -- matching -----------------------------------------------------------------


def test_a_resting_order_is_hit_in_parts(bench: Bench) -> None:
    ours = bench.place("BUY", "0.49", "20")

    bench.place("SELL", "0.49", "8", wallet=THEIRS, kind=OrderType.FAK)

    assert (ours.matched, ours.remaining) == (D(8), D(12))
    assert ours.status is Status.LIVE
    assert bench.shares() == 8
    assert bench.usd() == 1000 - D("0.49") * 8


def test_the_older_order_of_a_price_is_filled_first(bench: Bench) -> None:
    first = bench.place("BUY", "0.49", "10", wallet=THEIRS)
    ours = bench.place("BUY", "0.49", "10")

    bench.place("SELL", "0.48", "12", wallet=THEIRS)

    assert (first.remaining, ours.matched) == (D(0), D(2))


def test_the_better_price_is_filled_before_the_older_order(bench: Bench) -> None:
    older = bench.place("BUY", "0.48", "10", wallet=THEIRS)
    better = bench.place("BUY", "0.49", "10")

    bench.place("SELL", "0.48", "10", wallet=THEIRS, kind=OrderType.FAK)

    assert (older.matched, better.matched) == (D(0), D(10))


def test_a_taker_gets_the_makers_price(bench: Bench) -> None:
    bench.place("SELL", "0.45", "10", wallet=THEIRS)

    bench.place("BUY", "0.60", "10")

    assert bench.usd() == 1000 - D("4.5")


def test_two_buyers_of_complementary_tokens_make_a_pair(bench: Bench) -> None:
    """The exchange mints a pair of tokens for them."""
    ours = bench.place("BUY", "0.52", "10", token=0)

    bench.place("BUY", "0.48", "10", token=1, wallet=THEIRS)

    assert ours.status is Status.MATCHED
    assert bench.shares(0) == 10
    (trade,) = bench.engine.clearing.trades.values()
    assert (trade.token, trade.price) == (1, D("0.48"))
    assert (trade.makers[0].token, trade.makers[0].price) == (0, D("0.52"))


def test_a_remainder_rests_where_it_was_priced(bench: Bench) -> None:
    bench.place("SELL", "0.50", "5", wallet=THEIRS)

    ours = bench.place("BUY", "0.51", "20")

    assert (ours.matched, ours.status) == (D(5), Status.LIVE)
    assert bench.market.book.top(0) == (D("0.51"), None)


def test_a_killed_remainder_does_not_rest(bench: Bench) -> None:
    bench.place("SELL", "0.50", "5", wallet=THEIRS)

    ours = bench.place("BUY", "0.51", "20", kind=OrderType.FAK)

    assert (ours.matched, ours.status) == (D(5), Status.MATCHED)
    assert bench.market.book.top(0) == (None, None)


def test_a_buy_for_an_amount_spends_no_more_than_that(bench: Bench) -> None:
    bench.place("SELL", "0.40", "10", wallet=THEIRS)
    bench.place("SELL", "0.50", "100", wallet=THEIRS)

    ours = bench.place(
        "BUY", "0.50", "20", kind=OrderType.FOK, budget=D(10)
    )  # 10 shares for 4 dollars, then 12 for 6

    assert (ours.matched, ours.spent) == (D(22), D(10))


# -- refusals -----------------------------------------------------------------


def test_a_post_only_order_that_crosses_is_refused(bench: Bench) -> None:
    bench.place("SELL", "0.50", "5", wallet=THEIRS)

    assert refused(bench, "BUY", "0.50", "10", post_only=True) == (
        "invalid post-only order: order crosses book"
    )


def test_a_fok_order_that_is_not_filled_whole_leaves_no_trace(bench: Bench) -> None:
    bench.place("SELL", "0.50", "5", wallet=THEIRS)

    assert "FOK orders are fully filled or killed" in refused(
        bench, "BUY", "0.50", "10", kind=OrderType.FOK
    )
    assert bench.market.book.top(0) == (None, D("0.50"))


def test_a_fak_order_that_finds_nothing_is_refused(bench: Bench) -> None:
    assert "no orders found to match with FAK order" in refused(
        bench, "BUY", "0.50", "10", kind=OrderType.FAK
    )


def test_a_price_off_the_grid_is_refused(bench: Bench) -> None:
    message = refused(bench, "BUY", "0.505", "10")

    assert message == "order 0x1 is invalid. Price (0.505) breaks minimum tick size rule: 0.01"


@pytest.mark.parametrize("price", ["0", "1", "1.2"])
def test_a_price_that_is_none_is_refused(bench: Bench, price: str) -> None:
    assert "breaks minimum tick size rule" in refused(bench, "BUY", price, "10")


def test_too_few_shares_may_not_rest_but_may_take(bench: Bench) -> None:
    bench.place("SELL", "0.50", "50", wallet=THEIRS)

    assert "Size (4.99) lower than the minimum: 5" in refused(bench, "BUY", "0.30", "4.99")
    assert bench.place("BUY", "0.50", "4.99").status is Status.MATCHED


def test_a_buy_that_takes_costs_at_least_a_dollar(bench: Bench) -> None:
    bench.place("SELL", "0.05", "50", wallet=THEIRS)

    assert refused(bench, "BUY", "0.05", "10") == (
        "invalid amount for a marketable BUY order ($0.5), min size: $1"
    )


def test_open_orders_lock_what_they_may_spend(bench: Bench) -> None:
    bench.place("BUY", "0.50", "1500")

    assert refused(bench, "BUY", "0.40", "1000") == "not enough balance / allowance"
    assert bench.place("BUY", "0.25", "1000").status is Status.LIVE


def test_shares_are_sold_once(bench: Bench) -> None:
    bench.give("10")
    resting = bench.place("SELL", "0.60", "10")

    assert refused(bench, "SELL", "0.61", "5") == "not enough balance / allowance"
    assert bench.engine.cancel(resting.id, T0)
    assert bench.place("SELL", "0.61", "5").status is Status.LIVE


def test_the_same_order_is_taken_once(bench: Bench) -> None:
    ours = bench.place("BUY", "0.49", "20")

    with pytest.raises(Refused, match="Duplicated"):
        bench.engine.place(ours, T0)


# -- fees, cancels, time ------------------------------------------------------


def test_takers_pay_the_fee_and_makers_do_not() -> None:
    bench = Bench(fee_rate=D("0.04"))
    bench.place("BUY", "0.50", "10")
    bench.place("SELL", "0.50", "10", wallet=THEIRS)
    assert bench.usd() == 995

    bench.place("BUY", "0.40", "10", wallet=THEIRS)
    bench.place("SELL", "0.40", "10")

    assert bench.usd() == 995 + 4 - D(10) * D("0.04") * D("0.24")


def test_a_cancel_frees_the_level_and_is_told_once(bench: Bench) -> None:
    ours = bench.place("BUY", "0.49", "20")
    bench.engine.take_events()

    assert bench.engine.cancel(ours.id, T0 + 5)
    assert not bench.engine.cancel(ours.id, T0 + 6)
    bench.engine.commit(bench.market, T0 + 5)

    told, batch = bench.engine.take_events()
    assert isinstance(told, OrderEvent)
    assert (told.kind, told.status) == ("CANCELLATION", Status.CANCELED)
    assert isinstance(batch, BookBatch)
    assert batch.changes == (LevelChange(True, D("0.49"), D(0)),)  # noqa: FBT003


def test_a_dated_order_leaves_when_its_time_has_come(bench: Bench) -> None:
    ours = bench.place("BUY", "0.49", "20", kind=OrderType.GTD, expires_at=T0 / 1000 + 30)

    bench.engine.expire(T0 + 29_999)
    assert [order.id for order in bench.engine.clearing.open_orders()] == [ours.id]
    bench.engine.expire(T0 + 30_000)

    assert ours.status is Status.CANCELED_EXPIRED_ORDER


def test_a_trade_is_mined_and_confirmed(bench: Bench) -> None:
    bench.place("BUY", "0.49", "20")
    bench.place("SELL", "0.49", "20", wallet=THEIRS)
    bench.engine.take_events()

    for age_ms in (500, 1000, 2000, 3000, 9000):
        bench.engine.settle(T0 + age_ms)

    told = [e.status for e in bench.engine.take_events() if isinstance(e, TradeEvent)]
    assert told == [TradeStatus.MINED, TradeStatus.CONFIRMED]


def test_a_failed_trade_gives_everything_back(bench: Bench) -> None:
    bench.place("BUY", "0.49", "20")
    bench.engine.clearing.fail_next = 1
    bench.place("SELL", "0.49", "20", wallet=THEIRS)

    bench.engine.settle(T0 + 1000)

    assert (bench.usd(), bench.shares()) == (D(1000), D(0))


def test_profit_is_booked_against_the_average_cost(bench: Bench) -> None:
    for price in ("0.40", "0.50"):
        bench.place("BUY", price, "10")
        bench.place("SELL", price, "10", wallet=THEIRS)
    bench.place("SELL", "0.55", "5")
    bench.place("BUY", "0.55", "5", wallet=THEIRS)

    held = bench.engine.clearing.wallet(OURS).holding("1")
    assert (held.size, held.average, held.realized) == (D(15), D("0.45"), D("0.5"))


def test_a_delayed_order_matches_what_it_finds_later(bench: Bench) -> None:
    bench.market.taker_delay_ms = 2000
    bench.place("SELL", "0.50", "5", wallet=THEIRS)
    ours = bench.place("BUY", "0.50", "20")
    assert (ours.status, ours.matched) == (Status.DELAYED, D(0))
    assert not bench.engine.cancel(ours.id, T0)

    bench.engine.release(T0 + 2000)

    assert (ours.status, ours.matched) == (Status.LIVE, D(5))


def test_a_resolved_market_has_no_orders_and_takes_none(bench: Bench) -> None:
    ours = bench.place("BUY", "0.49", "20")

    bench.engine.resolve(bench.market, 1, T0, announced=False)

    assert ours.status is Status.CANCELED_MARKET_RESOLVED
    assert bench.engine.clearing.wallet(OURS).free_usd() == 1000
    assert "not yet ready" in refused(bench, "BUY", "0.49", "20")
    last = bench.engine.take_events()[-1]
    assert isinstance(last, Resolved)
    assert not last.announced


# -- batches ------------------------------------------------------------------


def test_a_trade_that_leaves_nothing_resting_changes_no_level_frames(bench: Bench) -> None:
    bench.place("BUY", "0.49", "20", wallet=THEIRS)
    bench.engine.take_events()

    bench.place("SELL", "0.49", "5", wallet=THEIRS, kind=OrderType.FAK)

    (batch,) = bench.batches()
    assert batch.changes == ()
    assert len(batch.trades) == 1


def test_a_crossing_remainder_is_reported_before_the_level_it_took(bench: Bench) -> None:
    bench.place("BUY", "0.63", "9", wallet=THEIRS)
    bench.engine.take_events()

    bench.place("SELL", "0.63", "15", wallet=THEIRS)

    (batch,) = bench.batches()
    assert [(change.is_bid, change.size) for change in batch.changes] == [
        (False, D(6)),
        (True, D(0)),
    ]


def test_a_sweep_makes_one_trade_for_each_level(bench: Bench) -> None:
    for price in ("0.50", "0.51", "0.52"):
        bench.place("SELL", price, "10", wallet=THEIRS)
    bench.engine.take_events()

    bench.place("BUY", "0.52", "25")

    (batch,) = bench.batches()
    assert [(trade.price, trade.size) for trade in batch.trades] == [
        (D("0.50"), D(10)), (D("0.51"), D(10)), (D("0.52"), D(5)),
    ]  # fmt: skip
    assert batch.top_changed


def test_the_last_price_is_the_primary_tokens(bench: Bench) -> None:
    bench.place("BUY", "0.49", "10", wallet=THEIRS)

    bench.place("BUY", "0.51", "10", token=1, wallet=THEIRS, kind=OrderType.FAK)

    assert bench.market.last_price_text() == "0.490"
    assert (bench.market.last_side(0), bench.market.last_side(1)) == ("SELL", "BUY")
