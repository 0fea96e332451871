"""A quiet token is doubted in time, vouched for by REST, and convicted only by two answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.model import Quote
from POLYMARKET_MAKER.core.witness import (
    EndWatch,
    Recovery,
    Step,
    Suspicion,
    Verdict,
    compare,
    is_ghost,
    is_verified,
    top_of,
)
from tests.support import market_text as market
from tests.support.market_text import AT_MS, YES, text

T0 = 1000.0  # an arbitrary monotonic reading


def rest_book(**extra: Any) -> BookSnapshot:
    book = wire.parse(text(market.book(**extra)))[0]
    assert isinstance(book, BookSnapshot)
    return book


def ours(bid: str | None = "0.49", ask: str | None = "0.51") -> Quote:
    return Quote(
        token_id=YES,
        best_bid=None if bid is None else Decimal(bid),
        best_ask=None if ask is None else Decimal(ask),
        bids=(),
        asks=(),
        last_trade_price=None,
        tick_size=None,
        exchange_at=AT_MS / 1000,
        received_at=1.0,
        seq=0,
        event_type="book",
    )


def asks(suspicion: Suspicion, now: float, *, rejected: float | None = None) -> bool:
    return suspicion.look(now, quote_mono=T0, rejected_since_mono=rejected)


def test_the_same_top_of_book_vouches() -> None:
    assert compare(ours(), rest_book(), our_hash="", verified=False) is Verdict.SAME


def test_the_same_proven_book_vouches_whatever_we_published() -> None:
    verdict = compare(ours("0.4", "0.6"), rest_book(hash="h"), our_hash="h", verified=True)

    assert verdict is Verdict.SAME


def test_a_hash_that_is_not_of_its_own_levels_vouches_for_nothing() -> None:
    """A ghost book may carry the true book's hash."""
    ghost = rest_book(bids=[("0.01", "9")], asks=[("0.99", "9")], hash="h", at_ms=AT_MS + 1)

    assert compare(ours(), ghost, our_hash="h", verified=False) is Verdict.UNCLEAR


def test_another_top_differs() -> None:
    theirs = rest_book(bids=[("0.48", "9")], at_ms=AT_MS + 1)

    assert compare(ours(), theirs, our_hash="h", verified=False) is Verdict.DIFFERENT


def test_an_older_answer_proves_nothing() -> None:
    """REST may be behind the feed."""
    theirs = rest_book(bids=[("0.48", "9")], at_ms=AT_MS - 1)

    assert compare(ours(), theirs, our_hash="h", verified=True) is Verdict.UNCLEAR


def test_a_ghost_whose_hash_verifies_is_the_true_book() -> None:
    theirs = rest_book(bids=[("0.01", "9")], asks=[("0.99", "9")], at_ms=AT_MS + 1)

    assert compare(ours(), theirs, our_hash="h", verified=True) is Verdict.DIFFERENT


@pytest.mark.parametrize(
    ("bid", "ask", "ghost"),
    [
        ("0.01", "0.99", True),
        ("0.001", "0.999", True),
        (None, None, True),
        (None, "0.99", True),
        ("0.02", "0.99", False),
        ("0.01", "0.98", False),
        (None, "0.5", False),
    ],
)
def test_what_a_ghost_looks_like(bid: str | None, ask: str | None, *, ghost: bool) -> None:
    top = (None if bid is None else Decimal(bid), None if ask is None else Decimal(ask))

    assert is_ghost(top) is ghost


def test_top_of_a_snapshot_does_not_rely_on_order() -> None:
    theirs = rest_book(bids=[("0.4", "1"), ("0.45", "0"), ("0.1", "3")], asks=[])

    assert top_of(theirs) == (Decimal("0.4"), None)


@pytest.mark.parametrize("neg_risk", [False, True])
def test_a_rest_book_is_verified_by_its_own_fields(*, neg_risk: bool) -> None:
    message = market.book(last_trade_price="0.490")
    digest = market.rest_hash(message, last_trade_price="0.490", neg_risk=neg_risk)
    theirs = rest_book(last_trade_price="0.490", hash=digest)

    assert is_verified(theirs, min_order_size="5", neg_risk=neg_risk)
    assert not is_verified(theirs, min_order_size="15", neg_risk=neg_risk)
    assert not is_verified(rest_book(hash=digest), min_order_size="5", neg_risk=neg_risk)


def test_levels_in_another_order_verify_too() -> None:
    message = market.book()
    digest = market.rest_hash(message)
    theirs = rest_book(
        bids=list(reversed(market.BIDS)), asks=list(reversed(market.ASKS)), hash=digest
    )

    assert is_verified(theirs, min_order_size="5", neg_risk=False)


def test_a_silent_token_is_asked_after_before_it_is_suspect() -> None:
    """So a market that is truly quiet stays tradable all the time."""
    suspicion = Suspicion()

    assert not asks(suspicion, T0 + 49.9)
    assert asks(suspicion, T0 + 50)
    assert not suspicion.is_suspect
    assert not asks(suspicion, T0 + 56), "one question at a time"
    suspicion.answered(T0 + 56, Verdict.SAME)
    asks(suspicion, T0 + 61)
    assert not suspicion.is_suspect


def test_a_silent_token_that_nobody_vouches_for_is_suspect() -> None:
    suspicion = Suspicion()
    asks(suspicion, T0 + 55)
    asks(suspicion, T0 + 60)

    assert suspicion.is_suspect


def test_a_verdict_holds_for_a_minute() -> None:
    suspicion = Suspicion()
    asks(suspicion, T0 + 55)
    suspicion.answered(T0 + 56, Verdict.SAME)

    assert not asks(suspicion, T0 + 105)
    assert asks(suspicion, T0 + 106)
    asks(suspicion, T0 + 116)
    assert suspicion.is_suspect


def test_a_slow_token_is_doubted_later_and_vouched_for_longer() -> None:
    suspicion = Suspicion()
    for number in range(6):
        suspicion.heard(T0 - 500 + 100 * number)  # speaks every 100 s, last at T0

    assert not asks(suspicion, T0 + 1989)
    assert asks(suspicion, T0 + 1990)
    suspicion.answered(T0 + 1996, Verdict.SAME)
    assert not asks(suspicion, T0 + 2085)
    assert asks(suspicion, T0 + 2086)


def test_different_once_is_a_second_question() -> None:
    suspicion = Suspicion()
    asks(suspicion, T0 + 55)

    assert not suspicion.answered(T0 + 56, Verdict.DIFFERENT)
    assert suspicion.is_suspect
    assert not asks(suspicion, T0 + 56.9)
    assert asks(suspicion, T0 + 57)


def test_different_twice_convicts() -> None:
    suspicion = Suspicion()
    asks(suspicion, T0 + 55)
    suspicion.answered(T0 + 56, Verdict.DIFFERENT)
    asks(suspicion, T0 + 57)

    assert suspicion.answered(T0 + 58, Verdict.DIFFERENT)
    assert not asks(suspicion, T0 + 100), "a convicted token gets its time to recover"


def test_a_word_from_the_feed_ends_all_doubt() -> None:
    suspicion = Suspicion()
    asks(suspicion, T0 + 55)
    suspicion.answered(T0 + 56, Verdict.DIFFERENT)

    suspicion.heard(T0 + 56.5)

    assert not suspicion.is_suspect
    assert not suspicion.look(T0 + 57, quote_mono=T0 + 56.5, rejected_since_mono=None)
    assert not suspicion.answered(T0 + 58, Verdict.DIFFERENT), "the count began anew"


def test_no_verdict_is_asked_for_again_ever_less_often() -> None:
    suspicion = Suspicion()
    now, waits = T0 + 60, []
    assert asks(suspicion, now)
    for _ in range(7):
        suspicion.answered(now, Verdict.UNCLEAR)
        waits.append(next(wait for wait in range(400) if asks(suspicion, now + wait)))
        now += waits[-1]

    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert suspicion.is_suspect


def test_an_unanswered_question_is_asked_again() -> None:
    suspicion = Suspicion()

    assert asks(suspicion, T0 + 60)
    assert not asks(suspicion, T0 + 69.9)
    assert asks(suspicion, T0 + 70)


def test_five_seconds_of_refused_quotes_raise_a_doubt() -> None:
    suspicion = Suspicion()

    assert asks(suspicion, T0 + 8, rejected=T0 + 3)
    assert suspicion.is_suspect
    suspicion.answered(T0 + 9, Verdict.SAME)
    asks(suspicion, T0 + 10, rejected=T0 + 3)
    assert not suspicion.is_suspect


def steps(recovery: Recovery, until_s: int, *, opened: float | None = T0) -> list[tuple[int, Step]]:
    found: list[tuple[int, Step]] = []
    for second in range(until_s + 1):
        step = recovery.look(T0 + second, line_opened_mono=opened)
        if step is not Step.WAIT:
            found.append((second, step))
    return found


def test_a_book_that_never_comes_is_read_over_rest_then_the_token_moves() -> None:
    assert steps(Recovery(), 60) == [(40, Step.ASK_REST), (60, Step.MOVE)]


def test_moves_become_rarer() -> None:
    moves = [second for second, step in steps(Recovery(), 3000) if step is Step.MOVE]

    assert moves == [60, 180, 420, 900, 1500, 2100, 2700]


def test_a_whole_book_ends_the_waiting() -> None:
    recovery = Recovery()
    steps(recovery, 100)
    recovery.done()

    assert steps(recovery, 39) == []


def test_without_a_line_only_the_line_can_help() -> None:
    recovery = Recovery()

    assert steps(recovery, 500, opened=None) == []
    assert recovery.look(T0 + 500, line_opened_mono=T0 + 500) is Step.WAIT
    assert recovery.look(T0 + 540, line_opened_mono=T0 + 500) is Step.ASK_REST


def test_a_book_known_to_be_wrong_is_replaced_at_once() -> None:
    recovery = Recovery()
    recovery.hurry(T0)

    assert steps(recovery, 20) == [(0, Step.ASK_REST), (20, Step.MOVE)]


def test_a_market_s_end_is_asked_for_each_minute_once_it_is_due() -> None:
    watch = EndWatch()
    assert watch.look(T0)
    assert not watch.look(T0 + 59)
    assert watch.look(T0 + 60), "no answer yet"

    watch.answered(T0 + 61, 5000.0, end_at=5600.0)
    assert not watch.look(T0 + 660)
    assert watch.look(T0 + 661)
    watch.answered(T0 + 661, 5600.0, end_at=5600.0)
    assert not watch.look(T0 + 720)
    assert watch.look(T0 + 721)


def test_an_end_that_is_not_announced_is_asked_for_each_hour() -> None:
    watch = EndWatch()
    watch.answered(T0, 5000.0, end_at=None)
    assert not watch.look(T0 + 3599)
    assert watch.look(T0 + 3600)


def test_an_end_may_be_moved_forward() -> None:
    """An announced end far away is looked at again within the hour."""
    watch = EndWatch()
    watch.answered(T0, 5000.0, end_at=9_999_999.0)

    assert watch.look(T0 + 3600)
