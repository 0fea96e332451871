"""The exchange's text becomes typed events, whatever its spelling, and never an exception."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core import subscription, wire
from POLYMARKET_MAKER.core.events import (
    BestBidAsk,
    BookSnapshot,
    Change,
    Event,
    LastTrade,
    MarketResolved,
    NewMarket,
    Notice,
    Pong,
    PriceChange,
    Skipped,
    TickSizeChange,
    Unknown,
    Unreadable,
)
from POLYMARKET_MAKER.core.model import Level
from tests.support import market_text as market
from tests.support.market_text import MARKET, NO, YES, text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def one(message: object) -> Event:
    events = wire.parse(text(message))
    assert len(events) == 1
    return events[0]


def test_snapshot_array_gives_one_book_an_element() -> None:
    """The answer to a subscription is an array with a line feed at its end."""
    events = wire.parse(text([market.book(YES), market.book(NO)]) + "\n")

    assert [event.token_ids for event in events] == [(YES,), (NO,)]
    first = events[0]
    assert isinstance(first, BookSnapshot)
    assert first.bids[-1] == Level(Decimal("0.49"), Decimal(120))
    assert first.tick_size == Decimal("0.01")
    assert first.last_trade_price == ""
    assert first.exchange_at == 1_790_766_981.628


def test_old_spelling_of_a_book_is_the_same_book() -> None:
    """Old documents say buys and sells."""
    message = market.book()
    message["buys"], message["sells"] = message.pop("bids"), message.pop("asks")

    assert one(message) == one(market.book())


def test_book_after_a_trade_has_neither_tick_size_nor_last_trade() -> None:
    event = one(market.book(tick_size=None, last_trade_price=None))

    assert isinstance(event, BookSnapshot)
    assert event.tick_size is None
    assert event.last_trade_price is None


def test_book_of_a_protocol_v2_position_says_so() -> None:
    event = one(market.book(bids=[], asks=[], version="v2"))

    assert isinstance(event, BookSnapshot)
    assert (event.bids, event.asks, event.version) == ((), (), "v2")


def test_price_change_names_both_tokens() -> None:
    event = one(
        market.price_change(
            market.change("0.46", "918.34"),
            market.change("0.54", "918.34", "SELL", token=NO, best=("0.49", "0.5")),
        )
    )

    assert isinstance(event, PriceChange)
    assert event.market == MARKET
    assert event.token_ids == (YES, NO)
    assert event.changes[0].size == Decimal("918.34")
    assert event.changes[1].best_ask == Decimal("0.5")


def test_price_change_with_changes_is_read_without_best_prices() -> None:
    """The form until 2025-09-15."""
    event = one(
        {
            "asset_id": YES,
            "changes": [
                {"price": "0.4", "side": "SELL", "size": "3300"},
                {"price": "0.5", "side": "SELL", "size": "3400"},
            ],
            "event_type": "price_change",
            "market": MARKET,
            "timestamp": "1729084877448",
            "hash": "3cd4",
        }
    )

    assert isinstance(event, PriceChange)
    assert [each.token_id for each in event.changes] == [YES, YES]
    assert event.changes[1].best_bid is None
    assert event.changes[1].hash == "3cd4"


def test_flat_price_change_is_read() -> None:
    """The form of August 2024."""
    event = one(
        {
            "asset_id": YES,
            "event_type": "price_change",
            "hash": "bf32",
            "market": MARKET,
            "price": "0.514",
            "side": "SELL",
            "size": "21574.08",
            "timestamp": "1723967931411",
        }
    )

    assert isinstance(event, PriceChange)
    assert event.changes == (
        Change(Decimal("0.514"), Decimal("21574.08"), "SELL", token_id=YES, hash="bf32"),
    )


def test_best_bid_ask_trade_tick_and_end_are_typed() -> None:
    best = one(market.best_bid_ask("0.63", "0.638"))
    trade = one(market.last_trade("0.51"))
    tick = one(market.tick_size_change("0.001"))
    end = one(market.resolved(YES, NO))

    assert isinstance(best, BestBidAsk)
    assert (best.best_bid, best.best_ask) == (Decimal("0.63"), Decimal("0.638"))
    assert isinstance(trade, LastTrade)
    assert trade.price == Decimal("0.51")
    assert isinstance(tick, TickSizeChange)
    assert tick.tick_size == Decimal("0.001")
    assert isinstance(end, MarketResolved)
    assert end.token_ids == (YES, NO)
    assert end.winner == YES


def test_an_array_may_mix_types() -> None:
    events = wire.parse(text([market.best_bid_ask("0.4", "0.6"), market.last_trade("0.5")]))

    assert [event.kind for event in events] == ["best_bid_ask", "last_trade_price"]


def test_a_new_market_is_recognised_without_being_read() -> None:
    flood = {"event_type": "new_market", "description": "x" * 10_000, "id": float("nan")}

    assert wire.parse(text(flood)) == [NewMarket()]
    assert wire.parse(text(flood | {"id": 1, "description": ""})) == [NewMarket()]


def test_a_market_called_new_market_is_no_new_market() -> None:
    message = market.resolved(YES) | {"slug": "new_market", "description": "x" * 2000}

    assert isinstance(one(message), MarketResolved)


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ("PONG", Pong()),
        ("PONG\n", Pong()),
        ("INVALID OPERATION", Notice("INVALID OPERATION")),
        ("NO NEW ASSETS", Notice("NO NEW ASSETS")),
        ("", Notice("")),
        ("17", Notice("17")),
    ],
)
def test_frames_that_are_not_json_are_notices(frame: str, event: Event) -> None:
    assert wire.parse(frame) == [event]


def test_leading_blanks_do_not_hide_json() -> None:
    assert isinstance(wire.parse("  " + text(market.book()))[0], BookSnapshot)
    assert [e.kind for e in wire.parse("\n" + text([market.book(), market.book(NO)]))] == [
        "book"
    ] * 2


def test_an_unknown_type_keeps_its_name() -> None:
    event = one({"event_type": "fee_change", "market": MARKET, "asset_id": YES})

    assert isinstance(event, Unknown)
    assert event.event_type == "fee_change"
    assert YES in event.sample


@pytest.mark.parametrize(
    "message",
    [
        market.book() | {"asset_id": ""},
        {k: v for k, v in market.book().items() if k != "bids"},
        market.book(bids=[("NaN", "1")]),
        market.book(bids=[("0.4", "Infinity")]),
        market.book(bids=[("0.4", "-1")]),
        market.book(bids=[("cheap", "1")]),
        market.price_change(market.change("0.4", "1", "HOLD")),
        market.price_change(market.change("0.4", "NaN")),
        market.price_change(market.change("NaN", "1")),
        market.price_change(market.change("0.4", "-1")),
        market.price_change(market.change("0.4", "1", token="")),
        market.price_change(market.change("0.4", "1", best=("NaN", "0.5"))),
        {"event_type": "price_change", "market": MARKET},
        market.last_trade("Infinity"),
        market.tick_size_change("0"),
        market.tick_size_change("NaN"),
    ],
)
def test_values_that_cannot_be_are_unreadable(message: dict[str, object]) -> None:
    event = one(message)

    assert isinstance(event, Unreadable)
    assert event.reason
    assert event.sample


def test_one_bad_element_spoils_only_itself() -> None:
    events = wire.parse(text([market.book(), {"event_type": "book"}, market.last_trade("0.5"), 7]))

    assert [event.kind for event in events] == [
        "book",
        "unreadable",
        "last_trade_price",
        "unreadable",
    ]


def test_blank_and_bare_numbers_are_forgiven() -> None:
    """A number that is not quoted, or a blank where one is missing, is still readable."""
    bare = market.price_change(market.change("0.4", "1")) | {"timestamp": 1790766981628}
    blank = market.price_change(market.change("0.4", "1", best=("", "")))

    first, second = one(bare), one(blank)

    assert isinstance(first, PriceChange)
    assert first.exchange_at == 1_790_766_981.628
    assert isinstance(second, PriceChange)
    assert second.changes[0].best_bid is None


def test_a_book_of_nobody_is_skipped_before_it_is_parsed() -> None:
    broken_inside = text(market.book(NO)).replace('"0.47"', '"broken"')

    events = wire.parse(broken_inside, skip_book=lambda token: token == NO)

    assert events == [Skipped(NO)]
    assert wire.parse(text(market.book(YES)), skip_book=lambda token: token == NO)[0].kind == "book"


def test_a_price_change_is_never_skipped_as_a_book() -> None:
    frame = text(
        market.price_change(market.change("0.4", "1", token=NO), market.change("0.6", "1"))
    )

    assert wire.parse(frame, skip_book=lambda _token: True)[0].kind == "price_change"


def test_samples_carry_no_secret() -> None:
    """Owner fields are API key ids."""
    frame = text({"owner": "3e2c94ca-8124", "event_type": 7, "apiKey": "k-1", "order_owner": "o-2"})

    event = wire.parse(frame)[0]

    assert isinstance(event, Unreadable)
    for secret in ("3e2c94ca", "k-1", "o-2"):
        assert secret not in event.sample


def test_a_sample_is_short() -> None:
    event = wire.parse('{"event_type": "book", "market": "' + "x" * 100_000)[0]

    assert isinstance(event, Unreadable)
    assert len(event.sample) < 400


@pytest.mark.parametrize(
    "frame", ["[" * 100_000, '{"a":' * 100_000, "{" + "1" * 5000, '{"\ud800":1}']
)
def test_hostile_text_is_unreadable_and_not_an_exception(frame: str) -> None:
    assert [event.kind for event in wire.parse(frame)] == ["unreadable"]


@given(st.text() | JSON.map(json.dumps) | JSON.map(lambda value: json.dumps([value])))
def test_no_text_makes_the_parser_raise(frame: str) -> None:
    assert isinstance(wire.parse(frame), list)


@given(st.integers(0, len(text([market.book(), market.book(NO)])) - 1))
def test_a_truncated_frame_is_unreadable_as_a_whole(length: int) -> None:
    """Half a book must never be taken for a book."""
    events = wire.parse(text([market.book(), market.book(NO)])[:length])

    assert not [event for event in events if isinstance(event, BookSnapshot)]


def test_first_frame_is_what_the_exchange_documents() -> None:
    assert json.loads(subscription.first_frame([YES], custom_features=True)) == {
        "assets_ids": [YES],
        "type": "market",
        "custom_feature_enabled": True,
    }
    assert "custom_feature_enabled" not in subscription.first_frame([YES], custom_features=False)


def test_later_frames_name_their_operation() -> None:
    assert json.loads(subscription.subscribe([YES, NO], custom_features=True)) == {
        "assets_ids": [YES, NO],
        "operation": "subscribe",
        "custom_feature_enabled": True,
    }
    assert json.loads(subscription.unsubscribe([NO])) == {
        "assets_ids": [NO],
        "operation": "unsubscribe",
    }


def test_a_frame_is_never_empty_and_never_too_large() -> None:
    with pytest.raises(ValueError, match="had 0 ids, expected 1 to 100"):
        subscription.first_frame([], custom_features=True)
    with pytest.raises(ValueError, match="had 101 ids"):
        subscription.subscribe([str(number) for number in range(101)], custom_features=True)


def test_ids_are_cut_into_frames() -> None:
    ids = [str(number) for number in range(250)]

    assert [len(chunk) for chunk in subscription.chunks(ids)] == [100, 100, 50]
    assert [token for chunk in subscription.chunks(ids) for token in chunk] == ids
