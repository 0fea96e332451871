"""What the ledger knows of an order, from the intent to the exchange's last word."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.gate import Reason
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import CancelResult, Outcome, Placed, Rejected, Unknown
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger import Identity, IntentState, Ledger
from tests.support.trading import SIBLING, T0, TOKEN, fill, resting, signed

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", Identity("demo", "http://h", 137, "0x")) as opened:
        yield opened


def place(ledger: Ledger, order_id: str, *order: object, **options: str) -> None:
    ledger.record_intent(signed(order_id, *order, **options), at=T0, reason="test")  # type: ignore[arg-type]
    ledger.record_outcome(order_id, Placed(order_id, "live"), at=T0, boot_s=T0)


def hold(ledger: Ledger, size: str, *, token: str = TOKEN) -> None:
    """Buy *size* at 0.50, completely."""
    order_id = f"bought-{token}-{size}"
    place(ledger, order_id, BUY, "0.50", size, token=token)
    ledger.record_fill(fill(f"t-{order_id}", order_id, BUY, "0.50", size, token=token))


def state(ledger: Ledger, order_id: str) -> IntentState:
    intent = ledger.intent(order_id)
    assert intent is not None
    return intent.state


def test_an_intent_keeps_the_exact_body_so_that_the_same_order_can_be_sent_again(
    ledger: Ledger,
) -> None:
    order = signed("a", BUY, "0.123", "7.01")
    ledger.record_intent(order, at=T0, reason="drop", condition_id="0xc", seq=3, src="shared")

    intent = ledger.intent("a")
    assert intent is not None
    assert intent.signed == order
    assert (intent.state, intent.reason, intent.condition_id, intent.created_at) == (
        IntentState.INTENDED, "drop", "0xc", T0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "expected", "live"),
    [
        (Placed("a", "live"), IntentState.PLACED, True),
        (Placed("a", "delayed"), IntentState.PLACED, True),
        (Placed("a", "matched"), IntentState.PLACED, True),
        (Rejected("not enough balance", 400), IntentState.REJECTED, False),
        (Unknown("timeout"), IntentState.UNKNOWN, True),
    ],
)
def test_the_answer_is_written_down(
    ledger: Ledger, outcome: Placed | Rejected | Unknown, expected: IntentState, *, live: bool
) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_outcome("a", outcome, at=T0 + 1, boot_s=T0 + 1)

    assert state(ledger, "a") is expected
    assert [intent.order_id for intent in ledger.live(TOKEN)] == (["a"] if live else [])


def test_an_order_in_flight_or_unknown_is_unresolved_and_on_the_list_of_a_stop(
    ledger: Ledger,
) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    assert [intent.order_id for intent in ledger.unresolved(TOKEN)] == ["a"]
    ledger.record_outcome("a", Unknown("timeout"), at=T0, boot_s=T0)

    assert [intent.order_id for intent in ledger.unresolved()] == ["a"]
    assert ledger.open_order_ids() == ["a"]
    assert ledger.our_orders(TOKEN) == []


def test_a_refused_resend_of_an_unknown_order_proves_nothing(ledger: Ledger) -> None:
    """The first one may have got there."""
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_outcome("a", Unknown("timeout"), at=T0, boot_s=T0)
    ledger.record_outcome("a", Rejected("Duplicated"), at=T0, boot_s=T0)

    assert state(ledger, "a") is IntentState.UNKNOWN


def test_an_answer_that_comes_after_better_news_changes_nothing(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_order(resting("a", BUY, "0.50", "10", status="CANCELED"))
    ledger.record_outcome("a", Placed("a", "live"), at=T0, boot_s=T0)

    assert state(ledger, "a") is IntentState.CLOSED


def test_what_a_dead_process_had_in_flight_is_unknown(ledger: Ledger) -> None:
    ledger.record_intent(signed("a"), at=T0, reason="test")
    ledger.record_intent(signed("b", token="8"), at=T0, reason="test")

    assert [intent.order_id for intent in ledger.record_lost(TOKEN)] == ["a"]
    assert state(ledger, "a") is IntentState.UNKNOWN
    assert state(ledger, "b") is IntentState.INTENDED


def test_news_of_the_exchange_settles_an_unknown_order(ledger: Ledger) -> None:
    for order_id, token in (("a", "1"), ("b", "2")):
        ledger.record_intent(signed(order_id, token=token), at=T0, reason="test")
        ledger.record_outcome(order_id, Unknown("timeout"), at=T0, boot_s=T0)

    ledger.record_order(resting("a", BUY, "0.50", "10", token="1"))
    ledger.record_order(resting("b", BUY, "0.50", "10", token="2", status="CANCELED"))

    assert state(ledger, "a") is IntentState.PLACED
    assert state(ledger, "b") is IntentState.CLOSED
    assert ledger.open_order_ids() == ["a"]


def test_late_news_never_opens_an_order_again_or_shrinks_what_traded(ledger: Ledger) -> None:
    place(ledger, "a")
    ledger.record_order(resting("a", BUY, "0.50", "10", matched="4", status="CANCELED"))
    ledger.record_order(resting("a", BUY, "0.50", "10", matched="1"))

    intent = ledger.intent("a")
    assert intent is not None
    assert (intent.state, intent.matched) == (IntentState.CLOSED, Decimal(4))


def test_an_order_that_is_shown_as_open_after_its_cancel_has_to_be_cancelled_again(
    ledger: Ledger,
) -> None:
    """The answer said that it was gone; only the order itself tells."""
    place(ledger, "a")
    ledger.record_cancel(CancelResult(("a",), {}))

    ledger.record_order(resting("a", BUY, "0.50", "10", matched="3"))

    assert ledger.open_order_ids() == ["a"]
    (order,) = ledger.our_orders()
    assert order.size_matched == 3


def test_an_unmatched_order_rests(ledger: Ledger) -> None:
    """The exchange says so of a marketable order that it put on the book."""
    place(ledger, "a")
    ledger.record_order(resting("a", BUY, "0.50", "10", status="UNMATCHED"))

    assert state(ledger, "a") is IntentState.PLACED


def test_a_cancelled_order_stays_live_until_its_last_word_is_known(ledger: Ledger) -> None:
    """It may have traded just before; a new order now could be one too many."""
    place(ledger, "a")

    assert ledger.record_cancel(CancelResult(("a",), {})) == ["a"]
    assert ledger.open_order_ids() == []
    view = ledger.view(TOKEN, now=T0)
    assert view.busy == {BUY}
    assert view.to_read == ("a",)
    with pytest.raises(IntentRefused, match="side_busy"):
        ledger.record_intent(signed("b"), at=T0, reason="test")

    ledger.record_order(resting("a", BUY, "0.50", "10", status="CANCELED"))
    assert ledger.view(TOKEN, now=T0).busy == frozenset()
    ledger.record_intent(signed("b"), at=T0, reason="test")


def test_an_order_that_could_not_be_cancelled_is_to_be_read_too(ledger: Ledger) -> None:
    place(ledger, "a")

    result = CancelResult((), {"a": "Order already matched", "foreign": "not yours"})

    assert ledger.record_cancel(result) == ["a"]
    assert state(ledger, "a") is IntentState.PLACED


def test_what_traded_without_a_fill_keeps_both_sides_busy(ledger: Ledger) -> None:
    place(ledger, "a")
    ledger.record_order(resting("a", BUY, "0.50", "10", matched="4", status="CANCELED"))

    view = ledger.view(TOKEN, now=T0)
    assert view.busy == set(Side)
    assert view.to_read == ()
    assert view.exposure.unknown == Decimal(2)

    ledger.record_fill(fill("t", "a", size="4"))
    view = ledger.view(TOKEN, now=T0)
    assert view.busy == frozenset()
    assert view.exposure.unknown == 0
    assert view.position.size == 4


def test_a_fill_that_comes_before_the_news_is_taken_off_the_order(ledger: Ledger) -> None:
    place(ledger, "a")
    ledger.record_fill(fill("t", "a", size="4"))

    order = ledger.our_orders(TOKEN)[0]
    assert (order.size_matched, order.remaining) == (Decimal(4), Decimal(6))


def test_a_gone_order_is_rejected_or_closed_with_what_it_traded(ledger: Ledger) -> None:
    place(ledger, "a", token="1")
    place(ledger, "b", token="2")
    ledger.record_fill(fill("t", "b", size="4", token="2"))
    for order_id in ("a", "b"):
        ledger.record_gone(order_id, reason="not found twice")

    assert state(ledger, "a") is IntentState.REJECTED
    assert state(ledger, "b") is IntentState.CLOSED
    assert ledger.live() == []


def test_a_complete_list_tells_foreign_orders_and_which_of_ours_to_read(ledger: Ledger) -> None:
    place(ledger, "a", token="1")
    place(ledger, "b", token="2")
    foreign = resting("f", BUY, "0.20", "100", token="3")

    missing = ledger.record_account([resting("a", BUY, "0.50", "10", token="1"), foreign])
    assert missing == ["b"]
    assert ledger.foreign_orders() == [foreign]
    assert not ledger.is_ours("f")
    assert ledger.total_exposure() == Decimal(30)

    ledger.record_account([])
    assert ledger.foreign_orders() == []
    assert ledger.open_order_ids() == ["a", "b"]


def test_a_foreign_order_that_is_over_is_forgotten(ledger: Ledger) -> None:
    ledger.record_order(resting("f", BUY, "0.20", "100"))
    ledger.record_order(resting("f", BUY, "0.20", "100", status="CANCELED"))

    assert ledger.foreign_orders() == []


@pytest.mark.parametrize("first", [None, Unknown("timeout")])
def test_a_refusal_of_the_second_sending_says_nothing_about_the_first(
    ledger: Ledger, first: Outcome | None
) -> None:
    """The balance that it misses is the one that the first one holds.

    The answer to the first was lost on its way, or could not be written down.
    """
    ledger.record_intent(signed("a"), at=T0, reason="test")
    if first is not None:
        ledger.record_outcome("a", first, at=T0, boot_s=T0)
    ledger.note_resend("a", boot_s=T0 + 20)
    ledger.record_outcome("a", Rejected("not enough balance", 400), at=T0, boot_s=T0 + 20)

    assert [intent.state for intent in ledger.unresolved()] == [IntentState.UNKNOWN]
    assert ledger.total_exposure() == Decimal(5)


def test_failed_orders_of_all_children_open_the_breaker(ledger: Ledger) -> None:
    answers: list[Outcome] = [
        Rejected("no"),
        Unknown("timeout"),
        Rejected("no"),
        Unknown("503"),
        Rejected("no"),
    ]
    for number, outcome in enumerate(answers):
        assert ledger.breaker_until(boot_s=T0 + 5) is None
        ledger.record_intent(signed(f"{number}", token=f"{number}"), at=T0, reason="test")
        ledger.record_outcome(f"{number}", outcome, at=T0 + number, boot_s=T0 + number)
    # What becomes of an unknown order later does not undo that it had no answer.
    ledger.record_order(resting("1", BUY, "0.50", "10", token="1"))

    assert ledger.breaker_until(boot_s=T0 + 5) == T0 + 304
    assert ledger.breaker_until(boot_s=T0 + 304) is None


# -- the rules that hold across children


def refused(ledger: Ledger, order_id: str, *order: object, **options: object) -> str | None:
    token = options.pop("token", TOKEN)
    try:
        ledger.record_intent(
            signed(order_id, *order, token=token),  # type: ignore[arg-type]
            at=T0,
            reason="test",
            **options,  # type: ignore[arg-type]
        )
    except IntentRefused as refusal:
        assert not ledger.is_ours(order_id)
        return refusal.reason
    return None


def test_a_side_takes_one_order(ledger: Ledger) -> None:
    hold(ledger, "10")
    place(ledger, "a", BUY, "0.40")

    assert refused(ledger, "b", BUY, "0.30") == Reason.SIDE_BUSY
    assert refused(ledger, "c", SELL, "0.60") is None
    assert refused(ledger, "d", BUY, "0.30", token="8") is None


def test_no_more_is_sold_than_is_held(ledger: Ledger) -> None:
    hold(ledger, "10")

    assert refused(ledger, "a", SELL, "0.60", "10.01") == Reason.NOT_HELD
    assert refused(ledger, "b", SELL, "0.60", "10", token="8") == Reason.NOT_HELD
    assert refused(ledger, "c", SELL, "0.60", "10") is None


def test_the_cap_of_a_token_counts_holdings_and_orders(ledger: Ledger) -> None:
    hold(ledger, "30")
    limits = Limits(Decimal(20), None, None)

    assert refused(ledger, "a", BUY, "0.50", "10.01", limits=limits) == Reason.CAP_TOKEN
    assert refused(ledger, "b", BUY, "0.50", "10", limits=limits) is None


def test_the_total_cap_counts_every_token_unknown_orders_and_foreign_ones(ledger: Ledger) -> None:
    limits = Limits(None, Decimal(20), None)
    hold(ledger, "10", token="1")  # 5 USD
    ledger.record_intent(signed("u", token="2"), at=T0, reason="test")  # 5 USD
    ledger.record_outcome("u", Unknown("timeout"), at=T0, boot_s=T0)
    ledger.record_order(resting("f", BUY, "0.50", "10", token="3"))  # 5 USD

    assert refused(ledger, "a", BUY, "0.50", "10.01", limits=limits) == Reason.CAP_TOTAL
    assert refused(ledger, "b", BUY, "0.50", "10", limits=limits) is None


def test_sells_are_never_held_back_by_caps(ledger: Ledger) -> None:
    hold(ledger, "100")

    limits = Limits(Decimal(1), Decimal(1), Decimal(1))
    assert refused(ledger, "a", SELL, "0.60", "100", limits=limits) is None


@pytest.mark.parametrize(
    ("side", "here", "there", "expected"),
    [
        (BUY, "0.48", "0.52", Reason.CROSSES_SIBLING),
        (BUY, "0.47", "0.52", None),
        (SELL, "0.52", "0.48", Reason.CROSSES_SIBLING),
        (SELL, "0.53", "0.48", None),
    ],
)
def test_orders_on_both_tokens_of_a_market_never_meet(
    ledger: Ledger, side: Side, here: str, there: str, expected: Reason | None
) -> None:
    hold(ledger, "10", token=SIBLING)
    hold(ledger, "10")
    place(ledger, "s", side, there, token=SIBLING)

    assert refused(ledger, "a", side, here, sibling_id=SIBLING) == expected
