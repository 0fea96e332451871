"""A seat knows what its token's quote is worth, and what has to be done about it."""

from __future__ import annotations

import json
from typing import Any

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.model import TokenHealth
from POLYMARKET_MAKER.core.witness import Step
from POLYMARKET_MAKER.exchange.public import RestBook
from POLYMARKET_MAKER.line import Frame
from POLYMARKET_MAKER.seats import Outcome, Seat
from tests.support import market_text as market
from tests.support.market_text import AT_MS, NO, YES, text

T0 = 1000.0  # an arbitrary monotonic reading
WALL = 1_795_187_463.0


def hear(seat: Seat, message: Any, now: float = T0) -> bool:
    events = wire.parse(text(message))
    frame = Frame(text(message), events, now, WALL + now - T0)
    told = [seat.apply(event, frame) for event in events]
    return any(told)


def health(seat: Seat, now: float) -> TokenHealth:
    seat.judge(now, line_alive=True)
    return seat.health


def rest(*, good: bool = True, **extra: Any) -> RestBook:
    message = market.book(**extra)
    message["hash"] = market.rest_hash(message) if good else "wrong"
    book = wire.parse(text(message))[0]
    assert isinstance(book, BookSnapshot)
    return RestBook(book, "5", neg_risk=False)


def seated() -> Seat:
    seat = Seat(YES, 0)
    hear(seat, market.book())
    return seat


def entry_of(seat: Seat) -> dict[str, Any]:
    """Return a seat's entry as readers see it."""
    text = seat.entry()
    assert text is not None
    return {**json.loads(text.versioned), **json.loads(text.rest)}


def test_a_seat_has_no_entry_before_its_first_quote() -> None:
    seat = Seat(YES, 3)

    assert seat.entry() is None
    assert seat.health is TokenHealth.PENDING
    assert hear(seat, market.book())
    entry = entry_of(seat)
    assert (entry["health"], entry["conn"]) == ("live", 3)


def test_health_alone_is_worth_publishing() -> None:
    seat = seated()

    assert not seat.judge(T0 + 30, line_alive=True)
    assert seat.judge(T0 + 31, line_alive=True)
    assert seat.health is TokenHealth.QUIET


def test_a_change_makes_nobody_live_whose_ladder_was_given_up_or_whose_market_is_over() -> None:
    given_up, over = seated(), seated()
    given_up.book.lose_line()
    over.book.closed = True
    told = [hear(seat, market.price_change(market.change("0.4", "1"))) for seat in (given_up, over)]

    assert told == [True, True]
    assert (given_up.health, over.health) == (TokenHealth.RESYNC, TokenHealth.CLOSED)


def test_a_lost_line_is_told_once() -> None:
    seat = seated()

    assert seat.lose_line()
    assert not seat.lose_line()
    assert seat.health is TokenHealth.RESYNC
    assert not Seat(NO, 0).lose_line(), "there is no quote that could be doubted"


def test_the_sibling_s_book_is_as_good_as_our_own() -> None:
    sibling = wire.parse(text(market.book(NO)))[0]
    assert isinstance(sibling, BookSnapshot)
    seat = Seat(YES, 0)

    assert seat.apply_mirror(sibling, Frame("", (sibling,), T0, WALL))
    assert seat.health is TokenHealth.LIVE
    assert not seat.needs_snapshot


def test_silence_is_asked_about_and_a_witness_ends_the_doubt() -> None:
    seat = seated()

    assert seat.look(T0 + 49, line_opened_mono=T0) is Step.WAIT
    assert seat.look(T0 + 50, line_opened_mono=T0) is Step.ASK_REST
    seat.look(T0 + 60, line_opened_mono=T0)
    assert health(seat, T0 + 60) is TokenHealth.SUSPECT

    assert seat.take_rest(rest(), now=T0 + 61, at=WALL) is Outcome.VOUCHED
    assert health(seat, T0 + 61) is TokenHealth.QUIET


def test_two_witnesses_that_differ_convict() -> None:
    seat = seated()
    seat.look(T0 + 55, line_opened_mono=T0)
    other = rest(bids=[("0.30", "1")], at_ms=AT_MS + 1)

    assert seat.take_rest(other, now=T0 + 56, at=WALL) is Outcome.DIFFERS
    assert health(seat, T0 + 56) is TokenHealth.SUSPECT
    assert seat.take_rest(other, now=T0 + 58, at=WALL) is Outcome.CONVICTED


def test_no_answer_is_no_verdict() -> None:
    seat = seated()
    seat.look(T0 + 60, line_opened_mono=T0)
    seat.no_answer(T0 + 61)
    seat.judge(T0 + 61, line_alive=True)

    assert seat.health is TokenHealth.SUSPECT
    assert seat.look(T0 + 70, line_opened_mono=T0) is Step.WAIT
    assert seat.look(T0 + 71, line_opened_mono=T0) is Step.ASK_REST


def test_a_proven_rest_book_mends_and_waits_for_the_line_s_word() -> None:
    """The ladder is the exchange's; whether the line delivers is not known yet."""
    seat = Seat(YES, 0)
    seat.look(T0, line_opened_mono=T0)
    assert seat.look(T0 + 40, line_opened_mono=T0) is Step.ASK_REST

    assert seat.take_rest(rest(), now=T0 + 41, at=WALL) is Outcome.MENDED
    assert health(seat, T0 + 41) is TokenHealth.SUSPECT
    assert seat.look(T0 + 60, line_opened_mono=T0) is Step.MOVE

    hear(seat, market.price_change(market.change("0.49", "1"), at_ms=AT_MS + 1), T0 + 61)
    assert health(seat, T0 + 61) is TokenHealth.LIVE
    assert seat.look(T0 + 62, line_opened_mono=T0) is Step.WAIT


def test_a_rest_book_that_is_not_proven_mends_nothing() -> None:
    seat = Seat(YES, 0)

    assert seat.take_rest(rest(good=False), now=T0, at=WALL) is Outcome.UNVERIFIED
    assert seat.entry() is None


def test_changes_that_a_rest_book_already_contains_are_not_applied_again() -> None:
    """REST may overtake the feed: an older total must not replace a newer one."""
    seat = Seat(YES, 0)
    seat.take_rest(rest(at_ms=AT_MS + 10), now=T0, at=WALL)

    hear(seat, market.price_change(market.change("0.49", "999"), at_ms=AT_MS + 9))
    assert seat.book.checks.old_changes == 1
    hear(seat, market.price_change(market.change("0.49", "7"), at_ms=AT_MS + 10))

    entry = entry_of(seat)
    assert entry["bid_size"] == 7.0


def wrong_batches(seat: Seat, number: int, now: float) -> None:
    for each in range(number + 1):
        frame = market.price_change(
            market.change("0.30", str(each + 1), best=("0.50", "0.51")),
            at_ms=AT_MS + int(now - T0) * 1000 + each + 1,
        )
        hear(seat, frame, now + each / 1000)


def test_a_ladder_that_disagrees_twice_is_given_up() -> None:
    seat = seated()
    wrong_batches(seat, 1, T0 + 1)
    assert seat.look(T0 + 2, line_opened_mono=T0) is Step.WAIT

    wrong_batches(seat, 2, T0 + 3)
    assert seat.look(T0 + 4, line_opened_mono=T0) is Step.ASK_REST
    assert health(seat, T0 + 4) is TokenHealth.RESYNC
    assert seat.look(T0 + 24, line_opened_mono=T0) is Step.MOVE


def test_a_ladder_is_not_given_up_for_ever() -> None:
    """Where the exchange's statements and ladders never agree, quotes still flow."""
    seat = seated()
    wrong_batches(seat, 2, T0 + 1)
    seat.look(T0 + 2, line_opened_mono=T0)
    hear(seat, market.book(at_ms=AT_MS + 60_000), T0 + 3)
    wrong_batches(seat, 2, T0 + 70)

    assert seat.look(T0 + 71, line_opened_mono=T0) is Step.ASK_REST
    hear(seat, market.book(at_ms=AT_MS + 90_000), T0 + 90)
    wrong_batches(seat, 2, T0 + 95)
    assert seat.look(T0 + 100, line_opened_mono=T0) is Step.WAIT
    assert seat.health is TokenHealth.LIVE


def test_who_leaves_or_is_closed_is_not_asked_after() -> None:
    leaving, closed = seated(), seated()
    leaving.leaves_mono = T0 + 120
    hear(closed, market.resolved(YES))

    assert leaving.look(T0 + 60, line_opened_mono=T0) is Step.WAIT
    assert closed.look(T0 + 60, line_opened_mono=T0) is Step.WAIT
    assert closed.health is TokenHealth.CLOSED


def test_without_a_living_line_no_witness_is_asked() -> None:
    seat = seated()

    assert seat.look(T0 + 60, line_opened_mono=None) is Step.WAIT
