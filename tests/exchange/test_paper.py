"""Paper fills when a real order certainly would have, and never out of luck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import (
    AgedQuote,
    Level,
    OrderVersion,
    Quote,
    Side,
    Source,
    TokenHealth,
)
from POLYMARKET_MAKER.core.order import (
    Fill,
    NewOrder,
    OpenOrder,
    Outcome,
    Placed,
    Rejected,
    TimeInForce,
)
from POLYMARKET_MAKER.exchange import paper_rules as rules
from POLYMARKET_MAKER.exchange.auth import SignatureType
from POLYMARKET_MAKER.exchange.paper import Paper
from POLYMARKET_MAKER.exchange.protocol import Exchange
from tests.exchange.golden import NOW, Case

MARKET = replace(Case(OrderVersion.V2, SignatureType.EOA).market, fee_rate=Decimal("0.04"))
TOKEN = MARKET.token_id
BUY, SELL = Side.BUY, Side.SELL


class HandClock(Clock):
    """A clock that a test moves."""

    at = float(NOW)

    def now(self) -> float:
        return type(self).at


@pytest.fixture
def clock() -> Iterator[HandClock]:
    yield HandClock()
    HandClock.at = float(NOW)


@pytest.fixture
def paper(clock: HandClock) -> Paper:
    return Paper(cash=Decimal(100), shares={TOKEN: Decimal(50)}, clock=clock)


def quote(
    bids: str, asks: str, *, health: TokenHealth = TokenHealth.LIVE, token: str = TOKEN
) -> AgedQuote:
    """Write a quote as ``"0.49x120 0.48x300"``, best first; an empty text is an empty side."""
    sides = [
        tuple(
            Level(Decimal(price), Decimal(size))
            for price, size in (rung.split("x") for rung in text.split())
        )
        for text in (bids, asks)
    ]
    best_bid, best_ask = (side[0].price if side else None for side in sides)
    top = Quote(
        token_id=token,
        best_bid=best_bid,
        best_ask=best_ask,
        bids=sides[0],
        asks=sides[1],
        last_trade_price=None,
        tick_size=MARKET.tick_size,
        exchange_at=None,
        received_at=NOW,
        seq=1,
        event_type="book",
    )
    return AgedQuote(top, 0.1, health, Source.DIRECT)


def place(
    paper: Paper,
    side: Side,
    price: str,
    size: str = "10",
    kind: TimeInForce = TimeInForce.GTC,
    *,
    post_only: bool | None = None,
    expires_at: float | None = None,
) -> Outcome:
    rests = kind in (TimeInForce.GTC, TimeInForce.GTD)
    order = NewOrder(
        TOKEN,
        side,
        Decimal(price),
        Decimal(size),
        kind,
        post_only=rests if post_only is None else post_only,
        expires_at=expires_at,
    )
    return paper.post(paper.sign(order, MARKET))


def summary(fills: list[Fill]) -> list[tuple[str, str]]:
    return [(f"{fill.price.normalize():f}", f"{fill.size.normalize():f}") for fill in fills]


def test_paper_is_an_exchange(paper: Paper) -> None:
    as_exchange: Exchange = paper

    assert as_exchange.open_orders() == []


def test_the_opposite_best_at_our_price_fills_nothing(paper: Paper) -> None:
    """Others may stand before us in the queue at that price."""
    paper.on_quote(quote("0.48x10", "0.52x10"))
    place(paper, BUY, "0.49")

    assert paper.on_quote(quote("0.48x10", "0.49x500")) == []


def test_the_opposite_best_through_our_price_fills_us_at_our_price(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    placed = place(paper, BUY, "0.49")
    assert isinstance(placed, Placed)

    (fill,) = paper.on_quote(quote("0.47x10", "0.48x1"))

    assert summary([fill]) == [("0.49", "10")]
    assert fill.order_id == placed.order_id
    assert fill.is_maker
    assert fill.fee == 0
    assert paper.balance() == Decimal("95.1")
    assert paper.open_orders() == []
    order = paper.order(placed.order_id)
    assert order is not None
    assert order.status == "MATCHED"
    assert order.size_matched == 10


def test_a_sell_fills_when_the_bid_goes_above_it(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    place(paper, SELL, "0.52")

    assert paper.on_quote(quote("0.52x10", "0.55x10")) == []
    assert summary(paper.on_quote(quote("0.53x10", "0.55x10"))) == [("0.52", "10")]
    assert paper.balance() == Decimal("105.2")


def test_a_missing_side_goes_through_nothing(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    place(paper, BUY, "0.49")
    place(paper, SELL, "0.52")

    assert paper.on_quote(quote("", "")) == []


@pytest.mark.parametrize(
    "health", [health for health in TokenHealth if not health.is_tradable], ids=str
)
def test_a_quote_that_may_not_be_traded_on_fills_and_takes_nothing(
    paper: Paper, health: TokenHealth
) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    place(paper, BUY, "0.49")

    assert paper.on_quote(quote("0.40x10", "0.41x10", health=health)) == []
    assert place(paper, BUY, "0.40") == Rejected(rules.NOT_READY, 400)


def test_a_quote_of_another_token_fills_nothing(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    place(paper, BUY, "0.49")

    assert paper.on_quote(quote("0.10x10", "0.11x10", token="7")) == []


def test_without_a_quote_nothing_is_placed(paper: Paper) -> None:
    assert place(paper, BUY, "0.49") == Rejected(rules.NOT_READY, 400)


@pytest.mark.parametrize(("side", "price"), [(BUY, "0.52"), (BUY, "0.60"), (SELL, "0.48")])
def test_a_post_only_order_that_would_cross_is_refused(
    paper: Paper, side: Side, price: str
) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))

    assert place(paper, side, price) == Rejected(rules.CROSSES, 400)
    assert paper.open_orders() == []


def test_fak_takes_what_is_displayed_within_its_price_and_drops_the_rest(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x3 0.53x4 0.55x100"))

    outcome = place(paper, BUY, "0.53", "10", TimeInForce.FAK)

    assert isinstance(outcome, Placed)
    assert outcome.status == "matched"
    assert summary(paper.fills()) == [("0.52", "3"), ("0.53", "4")]
    assert outcome.trade_ids == tuple(fill.trade_id for fill in paper.fills())
    assert paper.open_orders() == []


def test_a_taker_pays_the_markets_fee(paper: Paper) -> None:
    """10 shares x 4 % x 0.48 x 0.52."""
    paper.on_quote(quote("0.48x10", "0.52x3"))

    place(paper, SELL, "0.48", "10", TimeInForce.FAK)

    (fill,) = paper.fills()
    assert fill.fee == Decimal("0.09984")
    assert paper.balance() == Decimal(100) + Decimal("4.8") - fill.fee


def test_a_level_is_taken_only_once(paper: Paper) -> None:
    """Until the market shows new size, what we took is gone."""
    paper.on_quote(quote("0.48x10", "0.52x6"))
    place(paper, BUY, "0.52", "5", TimeInForce.FAK)
    place(paper, BUY, "0.52", "5", TimeInForce.FAK)

    assert summary(paper.fills()) == [("0.52", "5"), ("0.52", "1")]
    assert place(paper, BUY, "0.52", "5", TimeInForce.FAK) == Rejected(rules.NO_MATCH, 400)

    paper.on_quote(quote("0.48x10", "0.52x6"))
    assert isinstance(place(paper, BUY, "0.52", "5", TimeInForce.FAK), Placed)


def test_fok_takes_all_or_nothing(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x6 0.53x4"))

    assert place(paper, BUY, "0.53", "11", TimeInForce.FOK) == Rejected(rules.NOT_FULLY, 400)
    assert paper.fills() == []
    assert isinstance(place(paper, BUY, "0.53", "10", TimeInForce.FOK), Placed)
    assert sum(fill.size for fill in paper.fills()) == 10


def test_a_gtc_order_that_may_cross_takes_and_rests_with_the_remainder(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x6"))

    outcome = place(paper, BUY, "0.52", "10", post_only=False)

    assert isinstance(outcome, Placed)
    (resting,) = paper.open_orders()
    assert resting.size_matched == 6
    assert resting.remaining == 4


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ((BUY, "0.40", "4.99"), "lower than the minimum: 5"),
        ((BUY, "0.52", "1", TimeInForce.FAK), "marketable BUY order"),
        ((BUY, "0.40", "251"), "not enough balance"),
        ((SELL, "0.60", "51"), "not enough balance"),
    ],
    ids=["minimum", "one dollar", "cash", "shares"],
)
def test_what_the_exchange_would_refuse_is_refused(
    paper: Paper, wanted: tuple[Side, str, str, TimeInForce], problem: str
) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))

    outcome = place(paper, *wanted)

    assert isinstance(outcome, Rejected)
    assert problem in outcome.reason


def test_resting_orders_lock_cash_and_shares(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    assert isinstance(place(paper, BUY, "0.40", "200"), Placed)  # 80 of 100 USD
    assert isinstance(place(paper, SELL, "0.60", "45"), Placed)  # 45 of 50 shares

    assert place(paper, BUY, "0.40", "51") == Rejected(rules.TOO_POOR, 400)
    assert place(paper, SELL, "0.60", "6") == Rejected(rules.TOO_POOR, 400)


def test_the_same_signed_order_is_taken_once(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    signed = paper.sign(NewOrder(TOKEN, BUY, Decimal("0.40"), Decimal(10)), MARKET)

    first, second = paper.post(signed), paper.post(signed)

    assert first == Placed(signed.order_id, "live")
    assert second == Placed(signed.order_id, "duplicate")
    assert len(paper.open_orders()) == 1


def test_ids_repeat_with_the_namespace_and_never_within_it() -> None:
    order = NewOrder(TOKEN, BUY, Decimal("0.40"), Decimal(10))

    def ids(namespace: str) -> list[str]:
        paper = Paper(cash=Decimal(1), namespace=namespace)
        return [paper.sign(order, MARKET).order_id for _ in range(3)]

    assert ids("a") == ids("a")
    assert len({*ids("a"), *ids("b")}) == 6


def test_cancel_says_what_it_did_id_by_id(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    first, second = place(paper, BUY, "0.40"), place(paper, BUY, "0.49")
    assert isinstance(first, Placed)
    assert isinstance(second, Placed)
    paper.on_quote(quote("0.47x10", "0.48x10"))

    result = paper.cancel([first.order_id, second.order_id, "0xnever"])
    again = paper.cancel([first.order_id])

    assert result.canceled == (first.order_id,)
    assert result.not_canceled == {second.order_id: rules.MATCHED, "0xnever": rules.GONE}
    assert again.not_canceled == {first.order_id: rules.GONE}


def test_a_canceled_order_is_not_filled(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    placed = place(paper, BUY, "0.49")
    assert isinstance(placed, Placed)
    paper.cancel([placed.order_id])

    assert paper.on_quote(quote("0.10x10", "0.11x10")) == []


def test_a_good_till_date_order_ends(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    placed = place(paper, BUY, "0.49", kind=TimeInForce.GTD, expires_at=NOW + 300)
    assert isinstance(placed, Placed)

    HandClock.at = NOW + 300

    assert paper.open_orders() == []
    order = paper.order(placed.order_id)
    assert order is not None
    assert order.status == "CANCELED_EXPIRED_ORDER"


def test_fills_are_read_since_a_time(paper: Paper) -> None:
    paper.on_quote(quote("0.48x10", "0.52x10"))
    place(paper, BUY, "0.52", "5", TimeInForce.FAK)
    HandClock.at = NOW + 10
    place(paper, BUY, "0.52", "5", TimeInForce.FAK)

    assert len(paper.fills()) == 2
    assert len(paper.fills(after=NOW + 5)) == 1


def test_a_restart_goes_on_with_the_orders_it_is_given(clock: HandClock) -> None:
    resting = OpenOrder(
        order_id="0xold",
        token_id=TOKEN,
        condition_id=MARKET.condition_id,
        side=BUY,
        price=Decimal("0.49"),
        size=Decimal(10),
        size_matched=Decimal(4),
        status="LIVE",
        created_at=NOW - 100,
    )
    told: list[Fill] = []
    paper = Paper(cash=Decimal(10), clock=clock, open_orders=[resting], on_fill=told.append)

    fills = paper.on_quote(quote("0.40x10", "0.41x10"))

    assert [fill.order_id for fill in fills] == ["0xold"]
    assert summary(fills) == [("0.49", "6")]
    assert told == fills


tops = st.tuples(st.integers(1, 98), st.integers(1, 99)).filter(lambda top: top[0] < top[1])
moves = st.lists(
    st.one_of(
        tops,
        st.tuples(st.sampled_from(list(Side)), st.integers(1, 99), st.integers(5, 60)),
    ),
    max_size=40,
)


@given(moves)
def test_money_and_shares_always_add_up(
    played: list[tuple[int, int] | tuple[Side, int, int]],
) -> None:
    """Neither is made or lost but by fills, and neither is ever negative."""
    paper = Paper(cash=Decimal(50), shares={TOKEN: Decimal(20)})
    for move in played:
        if len(move) == 2:
            paper.on_quote(quote(f"0.{move[0]:02}x7", f"0.{move[1]:02}x7"))
        else:
            place(paper, move[0], f"0.{move[1]:02}", str(move[2]), post_only=False)

    cash, shares = Decimal(50), Decimal(20)
    for fill in paper.fills():
        sign = 1 if fill.side is BUY else -1
        cash -= sign * fill.price * fill.size + fill.fee
        shares += sign * fill.size
    assert paper.balance() == cash
    assert shares >= 0
    assert cash >= -sum((fill.fee for fill in paper.fills()), Decimal(0))
    for order in paper.open_orders():
        assert 0 < order.remaining <= order.size
