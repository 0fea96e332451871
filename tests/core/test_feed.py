"""What one connection is told, and when it is given up, is decided without waiting."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core import subscription, wire
from POLYMARKET_MAKER.core.connection import NEVER, LineState
from POLYMARKET_MAKER.core.feed import Feed
from tests.support import market_text as market
from tests.support.market_text import NO, YES, text

T0 = 1000.0  # an arbitrary monotonic reading


def opened(*tokens: str, at: float = T0) -> Feed:
    feed = Feed(custom_features=True)
    feed.want(tokens, at)
    feed.dialling()
    feed.opened(at)
    return feed


def sent(feed: Feed, now: float) -> list[dict[str, Any]]:
    """Return the JSON frames that are due; PING is left out."""
    return [json.loads(each) for each in feed.to_send(now) if each != subscription.PING]


def hear(feed: Feed, message: Any, now: float) -> None:
    feed.received(wire.parse(message if isinstance(message, str) else text(message)), now)


def ids(number: int) -> list[str]:
    return [str(10**6 + each) for each in range(number)]


def test_nothing_is_dialled_until_a_token_is_wanted() -> None:
    feed = Feed()
    assert feed.state is LineState.IDLE
    assert not feed.should_dial(T0)
    assert feed.next_deadline() == NEVER

    feed.want([YES], T0)
    assert feed.should_dial(T0)

    feed.want([], T0)
    assert feed.state is LineState.IDLE
    assert not feed.should_dial(T0)


def test_one_first_frame_and_the_rest_in_chunks() -> None:
    feed = opened(*ids(250))

    frames = sent(feed, T0)

    assert [frame.get("type") for frame in frames] == ["market", None, None]
    assert [frame.get("operation") for frame in frames] == [None, "subscribe", "subscribe"]
    assert [len(frame["assets_ids"]) for frame in frames] == [100, 100, 50]
    assert [token for frame in frames for token in frame["assets_ids"]] == ids(250)
    assert all(frame["custom_feature_enabled"] for frame in frames)
    assert sent(feed, T0 + 1) == []


def test_a_later_token_is_a_subscribe_and_never_a_second_first_frame() -> None:
    """A second first frame is answered INVALID OPERATION."""
    feed = opened(YES)
    sent(feed, T0)

    feed.want([YES, NO], T0 + 5)

    assert sent(feed, T0 + 5) == [
        {"assets_ids": [NO], "operation": "subscribe", "custom_feature_enabled": True}
    ]


def test_a_new_connection_begins_with_a_first_frame_again() -> None:
    feed = opened(YES)
    sent(feed, T0)
    feed.closed(T0 + 5, "reset", jitter=0.0)
    feed.dialling()
    feed.opened(T0 + 6)

    assert sent(feed, T0 + 6)[0]["type"] == "market"
    assert feed.connects == 2


def test_sent_is_not_confirmed() -> None:
    feed = opened(YES, NO)
    sent(feed, T0)

    assert feed.sent == {YES, NO}
    assert feed.confirmed == frozenset()

    hear(feed, market.book(YES), T0 + 1)
    assert feed.confirmed == {YES}
    hear(feed, market.best_bid_ask("0.4", "0.6", token=NO), T0 + 1)
    assert feed.confirmed == {YES, NO}


def test_a_price_change_confirms_nothing() -> None:
    """It names the sibling too, whether that was asked for or not."""
    feed = opened(YES)
    sent(feed, T0)

    hear(feed, market.price_change(market.change("0.4", "1")), T0 + 1)

    assert feed.confirmed == frozenset()


def test_a_book_of_a_token_nobody_asked_for_confirms_nothing() -> None:
    feed = opened(YES)
    sent(feed, T0)

    hear(feed, market.book(NO), T0 + 1)

    assert feed.confirmed == frozenset()


def test_unconfirmed_tokens_are_asked_for_again_in_ever_smaller_frames() -> None:
    """One id that the exchange refuses must not hold up its neighbours."""
    tokens = ids(20)
    feed = opened(*tokens)
    sent(feed, T0)
    hear(feed, market.book(tokens[0]), T0 + 1)

    assert sent(feed, T0 + 19.9) == []
    again = sent(feed, T0 + 20)
    assert [len(frame["assets_ids"]) for frame in again] == [10, 9]
    assert all(frame["operation"] == "subscribe" for frame in again)
    assert [len(frame["assets_ids"]) for frame in sent(feed, T0 + 40)] == [1] * 19


def test_unconfirmed_tokens_are_named_by_age() -> None:
    feed = opened(YES, NO)
    sent(feed, T0)
    hear(feed, market.book(YES), T0 + 1)

    assert feed.unconfirmed(T0 + 39, older_than_s=40) == []
    assert feed.unconfirmed(T0 + 40, older_than_s=40) == [NO]


def test_a_token_that_leaves_is_unsubscribed_after_the_grace() -> None:
    feed = opened(YES, NO)
    sent(feed, T0)
    hear(feed, market.book(NO), T0 + 1)
    hear(feed, market.book(YES), T0 + 1)

    feed.want([YES], T0 + 10)

    assert sent(feed, T0 + 129.9) == []
    assert sent(feed, T0 + 130) == [{"assets_ids": [NO], "operation": "unsubscribe"}]
    assert sent(feed, T0 + 300) == []


def test_a_token_that_flickers_is_never_lost() -> None:
    """Unsubscribe and subscribe inside one flush lost the token in the program before this one."""
    feed = opened(YES, NO)
    sent(feed, T0)
    hear(feed, [market.book(YES), market.book(NO)], T0 + 1)

    feed.want([YES], T0 + 10)
    feed.want([YES, NO], T0 + 10)
    assert sent(feed, T0 + 400) == []
    assert feed.confirmed == {YES, NO}

    feed.want([YES], T0 + 400)
    assert sent(feed, T0 + 520) == [{"assets_ids": [NO], "operation": "unsubscribe"}]
    feed.want([YES, NO], T0 + 521)
    assert sent(feed, T0 + 521)[0]["operation"] == "subscribe"


def test_a_line_without_tokens_is_closed_after_the_grace() -> None:
    feed = opened(YES)
    sent(feed, T0)
    feed.want([], T0 + 1)
    hear(feed, "PONG", T0 + 121)

    assert feed.must_close(T0 + 120) is None
    sent(feed, T0 + 121)
    assert feed.must_close(T0 + 121) == "no token is wanted"
    feed.closed(T0 + 121, "no token is wanted", jitter=0.5)
    assert feed.state is LineState.IDLE


def test_ping_is_sent_every_ten_seconds() -> None:
    feed = opened(YES)

    pings = [now for now in range(61) if subscription.PING in feed.to_send(T0 + now)]

    assert pings == [10, 20, 30, 40, 50, 60]


def test_any_frame_is_a_sign_of_life() -> None:
    feed = opened(YES)
    for now in range(0, 600, 20):
        hear(feed, "PONG", T0 + now)
    assert feed.must_close(T0 + 580 + 25) is None

    hear(feed, "{broken", T0 + 600)
    assert feed.must_close(T0 + 625) is None


def test_25_seconds_without_a_frame_are_death() -> None:
    feed = opened(YES)
    hear(feed, "PONG", T0 + 10)

    assert feed.must_close(T0 + 35) is None
    assert feed.must_close(T0 + 35.1) == "no frame for 25.1 s, limit is 25 s"


def test_a_connection_that_never_speaks_is_dead_too() -> None:
    assert opened(YES).must_close(T0 + 25.1) is not None


def closes(feed: Feed, *, stood_s: float, at: float, jitter: float = 0.999_999) -> float:
    """Open, stand and close; return how long the next dial waits."""
    feed.dialling()
    feed.opened(at)
    feed.closed(at + stood_s, "closed", jitter=jitter)
    return feed.next_deadline() - (at + stood_s)


def test_dials_wait_ever_longer_up_to_half_a_minute() -> None:
    """A server that accepts and closes at once must not be hammered."""
    feed = Feed()
    feed.want([YES], T0)

    waits = [closes(feed, stood_s=1, at=T0 + 100 * number) for number in range(9)]

    assert waits == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30], rel=1e-4)


def test_a_stable_minute_starts_the_waiting_anew() -> None:
    feed = Feed()
    feed.want([YES], T0)
    for number in range(6):
        closes(feed, stood_s=1, at=T0 + 100 * number)

    assert closes(feed, stood_s=59, at=T0 + 1000) == pytest.approx(30, rel=1e-4)
    assert closes(feed, stood_s=60, at=T0 + 2000) == pytest.approx(0.5, rel=1e-4)


def test_jitter_is_full() -> None:
    feed = Feed()
    feed.want([YES], T0)
    for number in range(8):
        closes(feed, stood_s=1, at=T0 + 100 * number)

    assert closes(feed, stood_s=1, at=T0 + 1000, jitter=0.0) == pytest.approx(0.25)


def test_retry_after_is_respected() -> None:
    feed = Feed()
    feed.want([YES], T0)
    feed.dialling()
    feed.closed(T0, "HTTP 429", jitter=0.0, retry_after_s=17.0)

    assert not feed.should_dial(T0 + 16.9)
    assert feed.should_dial(T0 + 17)


def test_renewal_closes_an_open_line_once() -> None:
    feed = opened(YES)
    feed.renew("two tokens differ")
    assert feed.must_close(T0) == "two tokens differ"

    feed.closed(T0, "two tokens differ", jitter=0.0)
    feed.dialling()
    feed.opened(T0 + 1)
    assert feed.must_close(T0 + 1) is None


def test_a_renewal_is_no_failure() -> None:
    """The exchange did nothing wrong, so the next dial need not wait longer than the last."""
    feed = Feed()
    feed.want([YES], T0)
    for number in range(5):
        feed.dialling()
        feed.opened(T0 + number)
        feed.renew("two tokens differ")
        feed.closed(T0 + number, "two tokens differ", jitter=0.999_999)

        assert feed.next_deadline() - (T0 + number) <= 0.5


def test_refusals_are_counted() -> None:
    feed = opened(YES)
    hear(feed, "INVALID OPERATION", T0 + 1)
    hear(feed, "NO NEW ASSETS", T0 + 1)

    assert feed.refusals == 1


def test_a_refused_first_frame_is_tried_again_on_a_new_connection() -> None:
    """An operation on a connection without a first frame would be refused too."""
    feed = opened(*ids(250))
    sent(feed, T0)
    hear(feed, "INVALID OPERATION", T0 + 0.2)
    assert feed.must_close(T0 + 2.1) is None
    assert feed.next_deadline() == T0 + 2.2
    assert feed.must_close(T0 + 2.2) == "the first frame was answered INVALID OPERATION"

    feed.closed(T0 + 2.2, "refused", jitter=0.0)
    feed.dialling()
    feed.opened(T0 + 3)
    frames = sent(feed, T0 + 3)
    assert [len(frame["assets_ids"]) for frame in frames] == [10, 100, 100, 40]
    assert frames[0]["assets_ids"][0] == ids(250)[1], "another token leads"
    assert sorted(token for frame in frames for token in frame["assets_ids"]) == ids(250)


def test_one_bad_token_cannot_refuse_a_connection_for_ever() -> None:
    """Sooner or later a good token leads, alone in its first frame."""
    bad, *good = ids(5)
    feed = Feed()
    feed.want([bad, *good], T0)
    leaders = []
    for number in range(4):
        now = T0 + 10 * number
        feed.dialling()
        feed.opened(now)
        first = sent(feed, now)[0]["assets_ids"]
        leaders.append(first)
        if bad not in first:
            break
        hear(feed, "INVALID OPERATION", now)
        feed.closed(now + 3, "refused", jitter=0.0)

    assert bad not in leaders[-1]


def breaks(feed: Feed, at: float, *, after_s: float = 0.2, reason: str = "closed") -> list[int]:
    """Open a connection that breaks, and return how many ids each of its frames had."""
    feed.dialling()
    feed.opened(at)
    sizes = [len(frame["assets_ids"]) for frame in sent(feed, at)]
    feed.closed(at + after_s, reason, jitter=0.0)
    return sizes


def test_frames_shrink_while_a_connection_breaks_before_anything_is_confirmed() -> None:
    """An oversized frame is answered with a close, and nothing says so."""
    feed = Feed()
    feed.want(ids(120), T0)

    assert breaks(feed, T0) == [100, 20]
    assert breaks(feed, T0 + 10) == [10] * 12
    assert breaks(feed, T0 + 20) == [1] * 120
    assert breaks(feed, T0 + 30) == [1] * 120


def test_small_frames_stay_small_until_a_connection_stood_for_a_minute() -> None:
    feed = Feed()
    feed.want(ids(120), T0)
    breaks(feed, T0)

    feed.dialling()
    feed.opened(T0 + 10)
    sent(feed, T0 + 10)
    hear(feed, market.book(ids(1)[0]), T0 + 10.1)
    feed.closed(T0 + 20, "closed", jitter=0.0)
    assert breaks(feed, T0 + 30, reason="") == [10] * 12

    feed.dialling()
    feed.opened(T0 + 40)
    sent(feed, T0 + 40)
    hear(feed, market.book(ids(1)[0]), T0 + 40.1)
    feed.closed(T0 + 100, "closed", jitter=0.0)
    assert breaks(feed, T0 + 110) == [100, 20]


def test_a_connection_that_we_close_says_nothing_of_its_frames() -> None:
    feed = opened(*ids(120))
    sent(feed, T0)
    feed.renew("two tokens differ")
    reason = feed.must_close(T0 + 1)
    assert reason == "two tokens differ"
    feed.closed(T0 + 1, reason, jitter=0.0)

    assert breaks(feed, T0 + 2) == [100, 20]


def test_a_refusal_after_a_book_is_not_about_the_first_frame() -> None:
    feed = opened(YES, NO)
    sent(feed, T0)
    hear(feed, market.book(YES), T0 + 0.1)
    hear(feed, "INVALID OPERATION", T0 + 0.2)

    assert feed.must_close(T0 + 10) is None


def test_a_book_after_a_refusal_shows_that_the_first_frame_was_taken() -> None:
    feed = opened(YES, NO)
    sent(feed, T0)
    hear(feed, "INVALID OPERATION", T0 + 0.1)
    hear(feed, market.book(YES), T0 + 0.2)

    assert feed.must_close(T0 + 10) is None


TOKENS = st.lists(st.sampled_from(ids(8)), max_size=8)


@given(st.lists(st.tuples(TOKENS, st.floats(0, 200)), max_size=20))
def test_the_exchange_ends_up_with_the_wanted_tokens(steps: list[tuple[list[str], float]]) -> None:
    """Whatever was wanted in between; every frame is one that the exchange accepts."""
    feed = opened(YES)
    now = T0
    subscribed: set[str] = set()
    first_frames = 0
    for wanted, pause in [*steps, ([YES], 0.0), ([YES], 121.0)]:
        now += pause
        feed.want(wanted, now)
        for frame in sent(feed, now):
            assert 0 < len(frame["assets_ids"]) <= 100
            first_frames += frame.get("type") == "market"
            if frame.get("operation") == "unsubscribe":
                assert subscribed.issuperset(frame["assets_ids"])
                subscribed.difference_update(frame["assets_ids"])
            else:
                subscribed.update(frame["assets_ids"])
        assert subscribed.issuperset(wanted)

    assert first_frames == 1
    assert subscribed == {YES}
