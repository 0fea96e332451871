"""Exposure, the day's result and the summary are sums that can be checked by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import CancelResult, Placed, Rejected, Unknown
from POLYMARKET_MAKER.core.risk import Exposure
from POLYMARKET_MAKER.ledger import Identity, Ledger, PnlRow, Summary
from tests.support.trading import T0, TOKEN, fill, resting, signed

BUY, SELL = Side.BUY, Side.SELL
DAY = 86_400.0
MIDNIGHT = T0 // DAY * DAY + DAY


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", Identity("demo", "http://h", 137, "0x")) as opened:
        yield opened


def trade(
    ledger: Ledger, name: str, side: Side, price: str, size: str, *, at: float = T0, fee: str = "0"
) -> None:
    ledger.record_intent(signed(name, side, price, size), at=at, reason="test")
    ledger.record_outcome(name, Placed(name, "live"), at=at, boot_s=at)
    ledger.record_fill(fill(f"t{name}", name, side, price, size, at=at, fee=fee))


def test_a_view_is_everything_about_a_token_at_one_moment(ledger: Ledger) -> None:
    trade(ledger, "a", BUY, "0.50", "10")
    ledger.record_intent(signed("s", SELL, "0.60"), at=T0, reason="test")
    ledger.record_outcome("s", Placed("s", "live"), at=T0, boot_s=T0)
    ledger.record_intent(signed("u", BUY, "0.40"), at=T0, reason="test")
    ledger.record_outcome("u", Unknown("timeout"), at=T0, boot_s=T0)
    ledger.record_intent(signed("o", BUY, "0.40", token="8"), at=T0, reason="test")

    view = ledger.view(TOKEN, now=T0)

    assert view.position.size == 10
    assert [order.order_id for order in view.orders] == ["s"]
    assert [intent.order_id for intent in view.unresolved] == ["u"]
    assert view.unsettled == ()
    assert view.busy == {BUY}
    assert view.to_read == ("u",)
    assert view.exposure == Exposure(Decimal(5), Decimal(4), Decimal(4), Decimal(0))


def test_foreign_buys_of_the_token_are_exposure_of_it(ledger: Ledger) -> None:
    ledger.record_order(resting("f", BUY, "0.50", "10"))

    assert ledger.exposure(TOKEN, now=T0) == Exposure(unknown=Decimal(5))


def test_a_resting_buy_is_no_exposure_of_its_own_token_because_it_is_replaced(
    ledger: Ledger,
) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_outcome("a", Placed("a", "live"), at=T0, boot_s=T0)

    assert ledger.exposure(TOKEN, now=T0) == Exposure()
    assert ledger.exposure("8", now=T0) == Exposure(others=Decimal(5))
    assert ledger.total_exposure() == Decimal(5)


def test_exposure_never_dips_between_the_fill_and_the_news_of_it(ledger: Ledger) -> None:
    """Whichever of the two comes first, ten shares at 0.50 stay 5 USD."""
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_outcome("a", Placed("a", "live"), at=T0, boot_s=T0)
    steps: list[Callable[[], object]] = [
        lambda: ledger.record_fill(fill("t1", "a", size="3")),
        lambda: ledger.record_order(resting("a", BUY, "0.50", "10", matched="6")),
        lambda: ledger.record_fill(fill("t2", "a", size="3")),
        lambda: ledger.record_cancel(CancelResult(("a",), {})),
    ]
    for step in steps:
        step()
        assert ledger.total_exposure() == Decimal(5)

    ledger.record_order(resting("a", BUY, "0.50", "10", matched="8", status="CANCELED"))
    assert ledger.total_exposure() == Decimal(4)


def test_the_day_counts_what_was_realised_and_what_is_held_at_the_bid(ledger: Ledger) -> None:
    trade(ledger, "a", BUY, "0.50", "10", fee="0.10")
    trade(ledger, "b", SELL, "0.60", "4", fee="0.02")
    ledger.mark(TOKEN, Decimal("0.40"), at=T0)

    # Entry 0.51: sold 4 x 0.09 - 0.02 = 0.34; open 6 x -0.11 = -0.66.
    assert ledger.realised_today(now=T0) == Decimal("0.34")
    assert ledger.day_result(now=T0) == Decimal("-0.32")
    assert ledger.view(TOKEN, now=T0).exposure.day_result == Decimal("-0.32")


def test_a_new_day_starts_at_nothing_and_does_not_count_yesterdays_loss(ledger: Ledger) -> None:
    trade(ledger, "a", BUY, "0.50", "10")
    ledger.mark(TOKEN, Decimal("0.30"), at=T0)
    assert ledger.day_result(now=T0) == Decimal(-2)

    assert ledger.day_result(now=MIDNIGHT) == 0
    ledger.mark(TOKEN, Decimal("0.25"), at=MIDNIGHT + 1)
    assert ledger.day_result(now=MIDNIGHT + 1) == Decimal("-0.50")
    trade(ledger, "b", SELL, "0.20", "10", at=MIDNIGHT + 2)
    assert ledger.day_result(now=MIDNIGHT + 2) == Decimal(-1)
    assert ledger.realised_today(now=MIDNIGHT + 2) == Decimal(-3)


def test_profit_by_token_names_what_has_no_bid(ledger: Ledger) -> None:
    trade(ledger, "a", BUY, "0.50", "10", fee="0.10")

    assert ledger.pnl_rows() == [
        PnlRow(TOKEN, Decimal(10), Decimal("0.51"), None, Decimal(0), None, Decimal("0.10"), 1)
    ]
    ledger.mark(TOKEN, Decimal("0.61"), at=T0)
    assert ledger.pnl_rows()[0].open_profit == Decimal("1.00")


def test_the_summary_counts_a_run(ledger: Ledger) -> None:
    trade(ledger, "a", BUY, "0.50", "10")
    ledger.record_intent(signed("b", SELL, "0.60"), at=T0, reason="test")
    ledger.record_outcome("b", Placed("b", "live"), at=T0, boot_s=T0)
    for number in range(2):
        ledger.record_fill(fill(f"tb{number}", "b", SELL, "0.60", "5"))
    ledger.record_intent(signed("c"), at=T0, reason="test")
    ledger.record_outcome("c", Rejected("no"), at=T0, boot_s=T0)
    ledger.record_intent(signed("d"), at=T0, reason="test")
    ledger.record_outcome("d", Placed("d", "live"), at=T0, boot_s=T0)
    ledger.record_order(resting("d", BUY, "0.50", "10", status="CANCELED"))
    ledger.record_intent(signed("e"), at=T0, reason="test")

    assert ledger.summary() == Summary(
        orders=3,
        rejected=1,
        unknown=1,
        fills=3,
        partial_fills=2,
        cancels=1,
        round_trips=1,
        realised=Decimal("1.00"),
        open_orders=1,
    )
