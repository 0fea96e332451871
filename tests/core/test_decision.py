"""Our own orders are not the market."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from msgspec.structs import replace

from POLYMARKET_MAKER.core.decision import blocked_by_quote, without_own
from POLYMARKET_MAKER.core.model import Level, Side, TokenHealth
from tests.support.trading import SIBLING, aged, quote, resting


def test_the_best_bid_without_us_is_the_next_level() -> None:
    market = replace(
        quote("0.49", "0.51"),
        bids=(Level(Decimal("0.49"), Decimal(10)), Level(Decimal("0.48"), Decimal(30))),
    )

    others = without_own(market, [resting("a", Side.BUY, "0.49", "12", matched="2")])

    assert others.best_bid == Decimal("0.48")
    assert others.best_ask == Decimal("0.51")


def test_a_level_shared_with_others_stays_with_their_size() -> None:
    others = without_own(quote("0.49", "0.51"), [resting("a", Side.BUY, "0.49", "30")])

    assert others.bids == (Level(Decimal("0.49"), Decimal(70)),)
    assert others.best_bid == Decimal("0.49")


def test_a_side_that_is_only_ours_is_missing_not_zero() -> None:
    others = without_own(quote("0.49", "0.51"), [resting("a", Side.SELL, "0.51", "100")])

    assert others.best_ask is None
    assert others.asks == ()
    assert others.mid is None


def test_our_buy_on_the_complement_shows_here_as_a_sell() -> None:
    own = resting("a", Side.BUY, "0.49", "100", token=SIBLING)

    assert without_own(quote("0.49", "0.51"), [own], SIBLING).best_ask is None
    assert without_own(quote("0.49", "0.51"), [own]).best_ask == Decimal("0.51")


def test_an_order_sent_after_the_quote_came_is_not_in_it() -> None:
    market = quote("0.49", "0.51")
    order = resting("a", Side.BUY, "0.49", "100")
    earlier = dataclasses.replace(order, created_at=market.received_at - 0.1)
    later = dataclasses.replace(order, created_at=market.received_at + 0.1)

    assert without_own(market, [earlier]).best_bid is None
    assert without_own(market, [later]) == market


def test_an_order_sent_before_the_clock_was_set_back_is_still_ours() -> None:
    """It would look newer than every quote for as long as the clock was set back."""
    market = quote("0.49", "0.51")
    ours = resting("a", Side.BUY, "0.49", "100", at=market.received_at + 3600)

    assert without_own(market, [ours], age_s=0.2).best_bid is None
    assert without_own(market, [ours], age_s=3600.0) == market


def test_a_level_smaller_than_our_order_does_not_hold_it_yet() -> None:
    market = quote("0.49", "0.51")  # 100 shares on each side

    assert without_own(market, [resting("a", Side.BUY, "0.49", "100.01")]) == market
    assert without_own(market, [resting("a", Side.BUY, "0.49", "100")]).best_bid is None


def test_orders_that_are_over_or_elsewhere_take_nothing_out() -> None:
    market = quote("0.49", "0.51")
    own = [
        resting("a", Side.BUY, "0.49", "100", status="CANCELED"),
        resting("b", Side.BUY, "0.49", "100", token="1"),
        resting("c", Side.BUY, "0.40", "100"),
    ]

    assert without_own(market, own) == market


def test_a_top_without_levels_is_left_as_it_is() -> None:
    bare = replace(quote("0.49", "0.51"), bids=(), asks=())

    assert without_own(bare, [resting("a", Side.BUY, "0.49", "100")]) == bare


def test_nothing_is_learnt_from_a_crossed_or_untrusted_quote() -> None:
    assert blocked_by_quote(aged("0.49", "0.51", health=TokenHealth.QUIET)) is None
    assert blocked_by_quote(aged("0.51", "0.51")) == "crossed"
    assert blocked_by_quote(aged("0.49", "0.51", health=TokenHealth.RESYNC)) == "resync"
