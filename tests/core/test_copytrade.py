"""What follows from the trades of watched accounts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.copytrade import (
    OVERLAP_S,
    SLICE_S,
    AccountTrade,
    Cursor,
    Following,
    Window,
    begin,
    follow,
    retry_after_s,
    take,
    window,
    without,
)
from POLYMARKET_MAKER.core.model import Side

T0 = 1_795_187_000.0
ALICE, BOB, TOKEN = "0xa11ce", "0xb0b", "71"


def trade(
    side: Side = Side.BUY,
    at: float = 0.0,
    *,
    account: str = ALICE,
    token_id: str = TOKEN,
    transaction: str | None = None,
    size: str = "25",
    price: str = "0.49",
) -> AccountTrade:
    return AccountTrade(
        account,
        T0 + at,
        f"0x{at:.0f}" if transaction is None else transaction,
        token_id,
        side,
        Decimal(size),
        Decimal(price),
        "0xc",
        "slug",
    )


def buy(at: float, account: str = ALICE) -> AccountTrade:
    return trade(Side.BUY, at, account=account)


def sell(at: float, account: str = ALICE) -> AccountTrade:
    return trade(Side.SELL, at, account=account)


def test_a_purchase_introduces_a_token() -> None:
    found = follow(Following(), [buy(1)])

    assert found.tokens["71"].buyers == {ALICE: T0 + 1}
    assert found.tokens["71"].condition_id == "0xc"
    assert found.signals == {}


def test_a_sale_of_a_token_that_nobody_introduced_means_nothing() -> None:
    """The account held it before we looked; so may the operator."""
    assert follow(Following(), [sell(1)]) == Following()


def test_a_sale_by_an_account_that_had_not_bought_means_nothing() -> None:
    assert follow(Following(), [buy(1), sell(2, BOB)]).signals == {}


def test_a_sale_of_an_introduced_token_is_a_signal() -> None:
    signal = follow(Following(), [buy(1), sell(2)]).signals["71"]

    assert (signal.account, signal.at) == (ALICE, T0 + 2)
    assert signal.signal_id.startswith("71:")


def test_further_sales_belong_to_the_same_signal() -> None:
    first = follow(Following(), [buy(1), sell(2)])
    second = follow(first, [sell(9)])

    assert second.signals["71"].signal_id == first.signals["71"].signal_id
    assert second.signals["71"].at == T0 + 9


def test_a_later_purchase_clears_the_signal_and_the_next_sale_is_a_new_one() -> None:
    first = follow(Following(), [buy(1), sell(2)])
    cleared = follow(first, [buy(3)])
    again = follow(cleared, [sell(4)])

    assert cleared.signals == {}
    assert again.signals["71"].signal_id != first.signals["71"].signal_id


def test_a_sale_told_late_that_lies_before_the_last_purchase_is_already_cleared() -> None:
    assert follow(Following(), [buy(1), buy(5), sell(3)]).signals == {}


def test_a_purchase_told_late_does_not_clear_a_later_sale() -> None:
    assert "71" in follow(Following(), [buy(1), sell(9), buy(5)]).signals


def test_in_the_same_second_the_order_of_the_exchange_decides() -> None:
    assert "71" in follow(Following(), [buy(1), sell(1)]).signals
    assert follow(Following(), [buy(0), sell(1), buy(1)]).signals == {}


def test_of_two_accounts_in_the_same_second_the_one_that_sells_counts() -> None:
    """Their order is not known; not to hold is the safer mistake."""
    assert "71" in follow(Following(), [buy(0), sell(1), buy(1, BOB)]).signals
    assert "71" in follow(Following(), [buy(0), buy(1, BOB), sell(1)]).signals


def test_a_closed_market_takes_its_signal_along() -> None:
    found = follow(Following(), [buy(1), sell(2), trade(token_id="72")])

    assert without(found, ["71"]) == follow(Following(), [trade(token_id="72")])


histories = st.lists(
    st.builds(
        trade,
        st.sampled_from(Side),
        st.integers(0, 12).map(float),
        account=st.sampled_from([ALICE, BOB]),
        token_id=st.sampled_from(["71", "72"]),
        transaction=st.sampled_from(["0x1", "0x2"]),
    ),
    max_size=14,
).map(lambda trades: sorted(trades, key=lambda each: each.at))


@given(histories, st.data())
def test_reading_the_last_trades_again_changes_nothing(
    history: list[AccountTrade], data: st.DataObject
) -> None:
    """A process that dies between any two writes reads from an older cursor."""
    once = follow(Following(), history)
    again = data.draw(st.integers(0, len(history)))
    # What shares a second is read again together: the window begins with whole seconds.
    start = history[again].at if again < len(history) else float("inf")

    assert follow(once, [each for each in history if each.at >= start]) == once


@given(histories)
def test_it_does_not_matter_which_account_is_read_first(history: list[AccountTrade]) -> None:
    """Only whole seconds are known, so this is said of histories without ties."""
    history = [replace(each, at=T0 + index) for index, each in enumerate(history)]
    alice = [each for each in history if each.account == ALICE]
    bob = [each for each in history if each.account == BOB]

    in_time = presence(follow(Following(), history))

    assert presence(follow(follow(Following(), alice), bob)) == in_time
    assert presence(follow(follow(Following(), bob), alice)) == in_time


def presence(following: Following) -> tuple[object, object]:
    """Return what the supervisor acts on: the tokens, and which of them are to be sold."""
    tokens = {key: dict(each.buyers) for key, each in following.tokens.items()}
    return tokens, {key: each.at for key, each in following.signals.items()}


# -- reading an account ----------------------------------------------------------


def read_all(
    cursor: Cursor, history: list[AccountTrade], now: float
) -> tuple[Cursor, list[AccountTrade]]:
    """Read as the shell does: windows until one has no end."""
    found = []
    for _ in range(1000):
        chosen = window(cursor, now)
        rows = [
            each
            for each in history
            if chosen.start <= each.at and (chosen.end is None or each.at <= chosen.end)
        ]
        cursor, new = take(cursor, chosen, rows)
        found += new
        if chosen.end is None:
            return cursor, found
    raise AssertionError("no end")


def test_an_account_counts_from_when_it_is_first_watched() -> None:
    cursor = begin(T0 + 0.7, lookback_s=0.0)

    _, new = read_all(cursor, [buy(-1), buy(0), buy(1)], T0 + 5)

    assert [each.at for each in new] == [T0, T0 + 1]


def test_a_lookback_lets_it_count_from_earlier() -> None:
    cursor = begin(T0, lookback_s=3600.0)

    assert window(cursor, T0) == Window(T0 - 3600.0, None)


def test_the_window_overlaps_the_last_one() -> None:
    cursor = Cursor(since=T0 - 9000, at=T0)

    assert window(cursor, T0 + 30) == Window(T0 - OVERLAP_S, None)


def test_equal_trades_of_one_transaction_are_told_apart_by_their_number() -> None:
    """A second fill of the same size in the same transaction arrives with the next read."""
    cursor = begin(T0, lookback_s=0.0)

    cursor, first = take(cursor, window(cursor, T0), [buy(1), buy(1)])
    cursor, nothing = take(cursor, window(cursor, T0), [buy(1), buy(1)])
    cursor, second = take(cursor, window(cursor, T0), [buy(1), buy(1), buy(1)])

    assert (len(first), len(nothing), len(second)) == (2, 0, 3)


def test_a_purchase_told_later_than_the_sale_after_it_is_followed_together_with_it() -> None:
    """Else the sale was nothing when it was told, and the purchase would be the last word."""
    cursor = begin(T0, lookback_s=0.0)

    cursor, early = take(cursor, window(cursor, T0), [sell(5)])
    found = follow(Following(), early)
    cursor, late = take(cursor, window(cursor, T0), [buy(2), sell(5)])
    found = follow(found, late)

    assert "71" in found.signals


def test_what_is_told_late_of_one_token_does_not_repeat_another() -> None:
    """Its market may be closed by now: it must not come back."""
    cursor = begin(T0, lookback_s=0.0)

    cursor, _ = take(cursor, window(cursor, T0), [trade(at=5, token_id="72")])
    _, late = take(cursor, window(cursor, T0), [buy(2), trade(at=5, token_id="72")])

    assert [each.token_id for each in late] == ["71"]


@pytest.mark.parametrize(
    "change",
    [
        {"transaction": "0x2"},
        {"token_id": "72"},
        {"side": Side.SELL},
        {"size": "26"},
        {"price": "0.5"},
    ],
)
def test_trades_of_the_same_second_that_differ_in_anything_are_both_taken(
    change: dict[str, str],
) -> None:
    cursor = begin(T0, lookback_s=0.0)
    side = Side(change.pop("side", Side.BUY))

    _, new = take(cursor, window(cursor, T0), [buy(1), trade(side, 1, **change)])

    assert len(new) == 2


def test_25_and_25_point_0_are_the_same_trade() -> None:
    cursor = begin(T0, lookback_s=0.0)

    cursor, _ = take(cursor, window(cursor, T0), [trade(size="25", price="0.5")])
    _, new = take(cursor, window(cursor, T0), [trade(size="25.0", price="0.50")])

    assert new == []


def test_trades_without_a_transaction_are_told_apart_by_their_second() -> None:
    """The field is not promised; then two equal trades of different times are two."""
    cursor = begin(T0, lookback_s=0.0)

    cursor, _ = take(cursor, window(cursor, T0), [trade(at=1, transaction="")])
    _, new = take(cursor, window(cursor, T0), [trade(at=2, transaction="")])

    assert len(new) == 1


def test_a_trade_told_late_within_the_overlap_is_taken() -> None:
    cursor = begin(T0, lookback_s=0.0)

    cursor, _ = take(cursor, window(cursor, T0), [buy(100)])
    _, new = read_all(cursor, [buy(2), buy(100)], T0 + 130)

    assert [each.at for each in new] == [T0 + 2, T0 + 100]


def test_after_a_long_absence_it_is_read_in_slices() -> None:
    cursor = Cursor(since=T0, at=T0)

    assert window(cursor, T0 + 10 * SLICE_S) == Window(T0, T0 + SLICE_S)


def test_the_memory_of_seen_trades_is_bounded_by_the_overlap() -> None:
    history = [buy(float(at)) for at in range(0, 20_000, 50)]

    cursor, new = read_all(begin(T0, lookback_s=0.0), history, T0 + 20_000)

    assert len(new) == len(history)
    assert len(cursor.seen) <= OVERLAP_S / 50 + 1


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 2)), max_size=40),
    st.lists(st.integers(1, 9000), min_size=1, max_size=6),
)
def test_every_trade_is_taken_exactly_once_however_often_it_is_looked(
    stamps: list[tuple[int, int]], pauses: list[int]
) -> None:
    """Same second, same everything, slices, pauses: nothing is lost and nothing twice."""
    history = sorted(
        (trade(at=float(at), transaction=f"0x{at}-{number}") for at, number in stamps),
        key=lambda each: each.at,
    )
    cursor, found, now = begin(T0, lookback_s=0.0), list[AccountTrade](), T0
    for pause in [*pauses, 30_000]:
        now += pause
        cursor, new = read_all(cursor, [each for each in history if each.at <= now], now)
        found += new

    assert sorted(found, key=repr) == sorted(history, key=repr)


def test_the_wait_after_failures_doubles_up_to_ten_minutes() -> None:
    waits = [retry_after_s(failures, None, jitter=0.0) for failures in (1, 2, 3, 99)]

    assert waits == [5.0, 10.0, 20.0, 600.0]


def test_the_exchange_may_ask_for_more_patience() -> None:
    assert retry_after_s(1, 42.0, jitter=0.0) == 42.0
    assert retry_after_s(1, 1.0, jitter=1.0) == 6.25
