"""Fills come late, twice and in any order; the position is right all the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import Fill, FillStatus, Position
from POLYMARKET_MAKER.core.position import Trade, replay
from POLYMARKET_MAKER.ledger import Identity, IntentState, Ledger
from tests.support.trading import T0, TOKEN, fill, signed

BUY, SELL = Side.BUY, Side.SELL
ME = Identity("demo", "http://h", 137, "0x")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", ME) as opened:
        yield opened


def test_a_fill_makes_a_position_once(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")

    assert ledger.record_fill(fill("t", "a", size="4", fee="0.04"))
    assert not ledger.record_fill(fill("t", "a", size="4", fee="0.04"))
    assert ledger.position(TOKEN) == Position(TOKEN, Decimal(4), Decimal("0.51"))


def test_one_trade_may_fill_two_of_our_orders(ledger: Ledger) -> None:
    for order_id, token in (("a", "1"), ("b", "2")):
        ledger.record_intent(signed(order_id, token=token), at=T0, reason="test")

    news = [fill("t", "a", size="4", token="1"), fill("t", "b", size="3", token="2")]

    assert len(ledger.take_fills(news)) == 2
    assert [position.size for position in ledger.positions()] == [Decimal(4), Decimal(3)]


def test_a_fill_of_a_foreign_order_is_not_ours(ledger: Ledger) -> None:
    assert not ledger.record_fill(fill("t", "foreign"))
    assert ledger.position(TOKEN).is_flat
    assert ledger.fills() == []


def test_a_failed_trade_is_undone(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_fill(fill("t", "a", size="4"))
    ledger.record_fill(fill("t", "a", size="4", status=FillStatus.FAILED))

    assert ledger.position(TOKEN).is_flat
    assert not ledger.record_fill(fill("t", "a", size="4"))  # late news of before
    assert ledger.position(TOKEN).is_flat


def test_a_trade_that_is_known_only_as_failed_counts_nothing(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_fill(fill("t", "a", size="4", status=FillStatus.FAILED))

    assert ledger.position(TOKEN).is_flat


def test_a_confirmed_trade_cannot_fail_any_more(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    for status in (FillStatus.MATCHED, FillStatus.CONFIRMED, FillStatus.FAILED):
        ledger.record_fill(fill("t", "a", size="4", status=status))

    assert ledger.position(TOKEN).size == 4
    assert [each.status for each in ledger.fills(TOKEN)] == [FillStatus.CONFIRMED]


def test_a_complete_fill_closes_the_order(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_fill(fill("t", "a", size="10"))

    intent = ledger.intent("a")
    assert intent is not None
    assert intent.state is IntentState.CLOSED
    assert ledger.view(TOKEN, now=T0).busy == frozenset()


def test_a_partial_fill_proves_that_an_unknown_order_got_there(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_fill(fill("t", "a", size="4"))

    assert ledger.unresolved() == []
    assert [order.remaining for order in ledger.our_orders()] == [Decimal(6)]


def test_shares_that_left_without_us_are_booked_once(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_fill(fill("t", "a", size="10"))

    for _ in range(2):
        ledger.record_external("redeemed-1", TOKEN, SELL, Decimal(4), price=None, at=T0 + 9)

    assert ledger.position(TOKEN) == Position(TOKEN, Decimal(6), Decimal("0.50"))
    ledger.record_external("sold-2", TOKEN, SELL, Decimal(6), price=Decimal("0.60"), at=T0 + 10)
    assert ledger.position(TOKEN) == Position(TOKEN, Decimal(0), None, Decimal("0.60"))


def test_adopted_shares_are_held_at_the_given_cost(ledger: Ledger) -> None:
    ledger.record_external("adopt", TOKEN, BUY, Decimal(7), price=Decimal("0.31"), at=T0)

    assert ledger.position(TOKEN) == Position(TOKEN, Decimal(7), Decimal("0.31"))
    assert ledger.fills() == []


news = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 50),
        st.integers(1, 99),
        st.sampled_from([FillStatus.MATCHED, FillStatus.CONFIRMED, FillStatus.FAILED]),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(trades=news, seed=st.integers(0, 2**32))
def test_the_order_of_news_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory,
    trades: list[tuple[Side, int, int, FillStatus]],
    seed: int,
) -> None:
    """Shuffled, repeated, each status in turn: the same as a plain replay in order of time."""
    told: list[Fill] = [
        fill(f"t{number}", f"o{number}", side, f"0.{cents:02d}", str(size),
             status=status, at=T0 + number)
        for number, (side, size, cents, last) in enumerate(trades)
        for status in dict.fromkeys((FillStatus.MATCHED, last))
    ]  # fmt: skip
    final = {each.trade_id: each.status for each in told}
    shuffled = told * 2
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - the same luck for the same seed
    # MATCHED after CONFIRMED or FAILED is late news; FAILED and CONFIRMED never both come.
    with Ledger.open(tmp_path_factory.mktemp("ledger") / "l.db", ME) as ledger:
        _intend(ledger, trades)
        new = len(ledger.take_fills(shuffled))

        held = [
            Trade(side, Decimal(size), Decimal(cents) / 100)
            for number, (side, size, cents, _) in enumerate(trades)
            if final[f"t{number}"] is not FillStatus.FAILED
        ]
        expected = replay(TOKEN, held)[-1] if held else Position(TOKEN)
        assert ledger.position(TOKEN) == expected
        assert new == len(trades)
        realised = ledger.realised_today(now=T0 + 20)
        assert realised == expected.realised


def _intend(ledger: Ledger, trades: list[tuple[Side, int, int, FillStatus]]) -> None:
    """Write the intents past the rules: the ledger has them however they came about."""
    with ledger._db.write() as db:
        for number, (side, size, cents, _) in enumerate(trades):
            db.execute(
                "INSERT INTO intents (order_id, token_id, condition_id, side, price, size,"
                " time_in_force, post_only, body, state, reason, created_at)"
                " VALUES (?, ?, '', ?, ?, ?, 'GTC', 1, x'', 'placed', 'test', ?)",
                (f"o{number}", TOKEN, side.value, f"0.{cents:02d}", str(size), T0),
            )
