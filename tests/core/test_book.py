"""A book publishes what the exchange states at once, and is judged when its batch is over."""

from __future__ import annotations

import json
import math
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.batch import BATCH_QUIET_S
from POLYMARKET_MAKER.core.book import Book
from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.model import Level, Quote
from tests.support import market_text as market
from tests.support.market_text import AT_MS, NO, YES, text

WALL = 1_795_187_463.0  # an arbitrary instant, in epoch seconds
NOW = 1000.0  # an arbitrary monotonic reading


def apply(book: Book, message: Any, *, now: float = NOW) -> Quote | None:
    quote = None
    for event in wire.parse(text(message)):
        quote = book.apply(event, now=now, at=WALL + now - NOW) or quote
    return quote


def snapped(**extra: Any) -> Book:
    book = Book(YES)
    apply(book, market.book(**extra))
    return book


def top(quote: Quote | None) -> tuple[str | None, str | None]:
    assert quote is not None
    return (
        None if quote.best_bid is None else str(quote.best_bid),
        None if quote.best_ask is None else str(quote.best_ask),
    )


def test_best_prices_are_the_extremes_of_an_unordered_book() -> None:
    """The exchange sends the best price last; nobody should rely on it."""
    quote = apply(
        Book(YES),
        market.book(
            bids=[("0.49", "1"), ("0.01", "9"), ("0.48", "0")], asks=[("0.52", "1"), ("0.51", "0")]
        ),
    )

    assert top(quote) == ("0.49", "0.52")


def test_a_snapshot_gives_the_whole_quote() -> None:
    quote = apply(Book(YES), market.book(last_trade_price="0.500"))

    assert quote == Quote(
        token_id=YES,
        best_bid=Decimal("0.49"),
        best_ask=Decimal("0.51"),
        bids=(
            Level(Decimal("0.49"), Decimal(120)),
            Level(Decimal("0.48"), Decimal("20.5")),
            Level(Decimal("0.47"), Decimal(30)),
        ),
        asks=(
            Level(Decimal("0.51"), Decimal(80)),
            Level(Decimal("0.52"), Decimal(25)),
            Level(Decimal("0.53"), Decimal(60)),
        ),
        last_trade_price=Decimal("0.5"),
        tick_size=Decimal("0.01"),
        exchange_at=AT_MS / 1000,
        received_at=WALL,
        seq=0,
        event_type="book",
    )


def test_an_empty_book_has_two_missing_sides() -> None:
    quote = apply(Book(YES), market.book(bids=[], asks=[]))

    assert top(quote) == (None, None)


def test_a_change_sets_the_total_of_one_level() -> None:
    book = snapped()

    quote = apply(book, market.price_change(market.change("0.49", "7", best=("0.49", "0.51"))))

    assert quote is not None
    assert quote.bids[0] == Level(Decimal("0.49"), Decimal(7))
    assert quote.event_type == "price_change"


def test_the_sibling_s_half_of_a_change_is_not_ours() -> None:
    book = snapped()

    quote = apply(
        book,
        market.price_change(
            market.change("0.60", "5", "SELL", token=NO, best=("0.1", "0.2")),
            market.change("0.40", "5", "BUY", best=("0.49", "0.51")),
        ),
    )

    assert top(quote) == ("0.49", "0.51")
    assert apply(book, market.price_change(market.change("0.6", "5", token=NO))) is None
    assert apply(book, market.book(NO)) is None
    assert apply(book, market.best_bid_ask("0.1", "0.2", token=NO)) is None


def test_stated_best_prices_are_published_before_the_ladder_agrees() -> None:
    """A crossing fill adds the new ask first and removes the hit bid in the next frame."""
    book = snapped(bids=[("0.62", "4"), ("0.63", "9")], asks=[("0.64", "3")])

    first = apply(
        book,
        market.price_change(market.change("0.63", "5", "SELL", best=("0.62", "0.63"))),
        now=NOW + 1,
    )
    locked = book.ladder_top
    second = apply(
        book,
        market.price_change(market.change("0.63", "0", "BUY", best=("0.62", "0.63"))),
        now=NOW + 1.001,
    )
    book.settle(NOW + 2)

    assert locked == (Decimal("0.63"), Decimal("0.63"))
    assert top(first) == top(second) == ("0.62", "0.63")
    assert first is not None
    assert first.bids == (Level(Decimal("0.62"), Decimal(4)),)
    assert first.asks[0] == Level(Decimal("0.63"), Decimal(5))
    assert (book.checks.top_ok, book.checks.top_bad) == (2, 0)


def test_a_batch_ends_with_the_next_frame_of_another_key() -> None:
    book = snapped()

    apply(book, market.price_change(market.change("0.48", "1"), at_ms=AT_MS + 5), now=NOW + 0.001)
    apply(book, market.price_change(market.change("0.47", "1"), at_ms=AT_MS + 5), now=NOW + 0.002)
    assert book.checks.top_ok == 1  # the snapshot

    apply(
        book,
        market.price_change(market.change("0.47", "2", digest="b"), at_ms=AT_MS + 5),
        now=NOW + 0.003,
    )
    assert book.checks.top_ok == 2


def test_a_batch_ends_when_it_is_quiet() -> None:
    book = snapped()
    apply(book, market.price_change(market.change("0.48", "1"), at_ms=AT_MS + 5), now=NOW + 1)

    book.settle(NOW + 1 + BATCH_QUIET_S - 0.001)
    assert book.in_batch
    book.settle(NOW + 1 + BATCH_QUIET_S)

    assert not book.in_batch
    assert book.checks.top_ok == 2


def test_a_ladder_that_disagrees_at_the_end_of_a_batch_is_counted() -> None:
    """A change was missed: the exchange states a best bid that our ladder does not have."""
    book = snapped()
    for number in (1, 2):
        apply(
            book,
            market.price_change(
                market.change("0.40", str(number), best=("0.5", "0.51")), at_ms=AT_MS + number
            ),
            now=NOW + number,
        )
    book.settle(NOW + 10)

    assert book.checks.top_bad == 2
    assert book.checks.bad_in_a_row == 2

    apply(book, market.book(at_ms=AT_MS + 3), now=NOW + 11)
    book.settle(NOW + 12)
    assert book.checks.bad_in_a_row == 0


def test_best_0_and_1_are_empty_sides() -> None:
    book = snapped()

    quote = apply(book, market.price_change(market.change("0.49", "0", best=("0", "0.51"))))
    assert top(quote) == (None, "0.51")
    assert quote is not None
    assert quote.bids == ()

    assert top(apply(book, market.best_bid_ask("0.49", "1"))) == ("0.49", None)


def test_a_quote_before_any_snapshot_has_no_levels() -> None:
    book = Book(YES)

    quote = apply(book, market.price_change(market.change("0.48", "5", best=("0.49", "0.51"))))

    assert top(quote) == ("0.49", "0.51")
    assert quote is not None
    assert (quote.bids, quote.asks) == ((), ())
    assert book.snapshot_mono is None


def test_a_trade_does_not_refresh_the_quote() -> None:
    """A last trade says nothing about who is waiting now."""
    book = snapped()

    quote = apply(book, market.last_trade("0.51"), now=NOW + 30)

    assert quote is not None
    assert quote.last_trade_price == Decimal("0.51")
    assert quote.received_at == WALL
    assert book.quote_mono == NOW


def test_a_trade_before_any_quote_is_remembered() -> None:
    book = Book(YES)

    assert apply(book, market.last_trade("0.51")) is None
    quote = apply(book, market.book(last_trade_price=None))

    assert quote is not None
    assert quote.last_trade_price == Decimal("0.51")


def test_a_new_grid_is_published_without_refreshing() -> None:
    book = snapped()

    quote = apply(book, market.tick_size_change("0.001"), now=NOW + 5)

    assert quote is not None
    assert quote.tick_size == Decimal("0.001")
    assert quote.received_at == WALL


def test_a_book_after_a_trade_keeps_the_grid() -> None:
    book = snapped()

    quote = apply(book, market.book(tick_size=None, last_trade_price=None, at_ms=AT_MS + 1))

    assert quote is not None
    assert quote.tick_size == Decimal("0.01")


def test_an_overtaken_snapshot_is_ignored() -> None:
    book = snapped()
    apply(book, market.price_change(market.change("0.48", "5"), at_ms=AT_MS + 5000))

    assert apply(book, market.book(at_ms=AT_MS + 3000)) is None
    assert book.checks.old_snapshots == 1
    assert apply(book, market.book(at_ms=AT_MS + 4500)) is not None


def test_after_a_break_an_old_snapshot_is_the_truth() -> None:
    """A snapshot carries the time of the last change of the book, which may be long ago."""
    book = snapped()
    apply(book, market.price_change(market.change("0.48", "5"), at_ms=AT_MS + 5000))
    book.lose_line()
    assert book.snapshot_mono is None

    quote = apply(book, market.book(at_ms=AT_MS), now=NOW + 60)

    assert quote is not None
    assert book.snapshot_mono == NOW + 60


def test_a_crossed_snapshot_is_refused_and_refreshes_nothing() -> None:
    book = snapped()

    quote = apply(
        book, market.book(bids=[("0.6", "1")], asks=[("0.5", "1")], at_ms=AT_MS + 1), now=NOW + 9
    )

    assert quote is None
    assert book.checks.rejected == 1
    assert book.quote_mono == NOW
    assert book.rejected_since_mono == NOW + 9


def test_a_good_quote_ends_a_run_of_refused_ones() -> None:
    book = snapped()
    for second in (1, 2, 3):
        apply(book, market.best_bid_ask("0.6", "0.5"), now=NOW + second)
    assert book.rejected_since_mono == NOW + 1

    apply(book, market.best_bid_ask("0.4", "0.5"), now=NOW + 4)
    assert book.rejected_since_mono is None
    assert book.checks.rejected == 3


def test_a_leap_is_published_when_the_ladder_bears_it_out() -> None:
    """News: the first frames of the batch state a price that no level shows yet."""
    book = snapped(bids=[("0.49", "1"), ("0.05", "4")], asks=[("0.51", "1"), ("0.95", "4")])
    leap = ("0.9", "0.95")

    assert apply(book, market.best_bid_ask(*leap)) is None
    assert apply(book, market.price_change(market.change("0.51", "0", "SELL", best=leap))) is None
    quote = apply(book, market.price_change(market.change("0.9", "3", best=leap)), now=NOW + 1)

    assert top(quote) == leap
    assert book.checks.rejected == 2
    assert book.rejected_since_mono is None


def test_a_ghost_of_a_quote_is_refused() -> None:
    book = snapped()

    assert apply(book, market.best_bid_ask("0.01", "0.99")) is None
    assert top(book.quote) == ("0.49", "0.51")


def test_old_changes_without_best_prices_are_quoted_from_the_ladder() -> None:
    book = snapped()
    old = market.price_change(market.change("0.5", "3", best=None))

    assert top(apply(book, old)) == ("0.5", "0.51")

    crossing = market.price_change(market.change("0.52", "3", best=None), at_ms=AT_MS + 1)
    assert apply(book, crossing) is None


def test_the_sibling_s_snapshot_mirrored_is_ours() -> None:
    """Both tokens of a market are one book: BUY p on one is SELL 1 - p on the other."""
    sibling = wire.parse(text(market.book(NO, bids=[("0.49", "80")], asks=[("0.52", "120")])))[0]
    assert isinstance(sibling, BookSnapshot)
    book = Book(YES)

    quote = book.apply_mirror(sibling, now=NOW, at=WALL)

    assert top(quote) == ("0.48", "0.51")
    assert quote is not None
    assert quote.asks[0].size == Decimal(80)
    assert book.snapshot_mono == NOW


def test_the_end_of_the_market_closes_the_book() -> None:
    book = snapped()

    assert apply(book, market.resolved(YES, NO)) is None
    assert book.closed


def test_a_proven_ladder_is_counted() -> None:
    message = market.book()
    book = Book(YES)
    book.hash_checks_due = 1

    apply(book, message | {"hash": market.rest_hash(message)})
    book.settle(NOW + 1)

    assert (book.checks.hash_ok, book.checks.hash_bad) == (1, 0)
    assert book.hash_checks_due == 0


def test_a_hash_that_never_matched_convicts_nobody() -> None:
    book = Book(YES)
    book.hash_checks_due = 3
    for number in range(3):
        apply(book, market.book(hash="other rule", at_ms=AT_MS + number), now=NOW + number)
    book.settle(NOW + 10)

    assert book.checks.hash_bad == 3
    assert book.checks.bad_in_a_row == 0


def test_a_hash_that_stops_matching_calls_for_a_new_snapshot() -> None:
    message = market.book()
    book = Book(YES)
    book.hash_checks_due = 3
    apply(book, message | {"hash": market.rest_hash(message)})
    for number in (1, 2):
        frame = market.price_change(market.change("0.4", "1"), at_ms=AT_MS + number)
        apply(book, frame, now=NOW + number)
    book.settle(NOW + 10)

    assert book.checks.bad_in_a_row == 2


PRICES = st.integers(1, 99).map(lambda cents: f"0.{cents:02d}")
CHANGES = st.lists(
    st.tuples(PRICES, st.sampled_from(["0", "1", "2.5"]), st.sampled_from(["BUY", "SELL"])),
    max_size=30,
)


@given(CHANGES, st.data())
def test_duplicates_and_order_within_a_batch_do_not_matter(
    changes: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    """Frames of a batch may be repeated; distinct levels may come in any order."""
    distinct = list({(price, side): (price, size, side) for price, size, side in changes}.values())
    shuffled = data.draw(st.permutations(distinct)) if distinct else []
    first, second = snapped(), snapped()

    for change in distinct:
        apply(first, market.price_change(market.change(*change)))
    for change in shuffled:
        frame = market.price_change(market.change(*change))
        apply(second, frame)
        apply(second, frame)

    assert first.ladder_top == second.ladder_top
    assert first.hash_prefix("0") == second.hash_prefix("0")


@given(st.lists(st.binary(max_size=200)))
def test_no_frame_makes_a_book_raise(frames: list[bytes]) -> None:
    book = snapped()
    for frame in frames:
        for event in wire.parse(frame.decode(errors="replace")):
            book.apply(event, now=NOW, at=WALL)

    assert book.quote is not None


def _recorded(path: Path) -> list[tuple[float, str]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        (
            datetime.fromisoformat(row.get("receivedAt", row.get("t"))).timestamp(),
            row.get("payloadUtf8", row.get("data")),
        )
        for row in rows
        if row.get("dir", "recv") == "recv"
    ]


def _replayed(path: Path) -> dict[str, Book]:
    """Apply a recording to a book for each token, with every batch's hash checked."""
    books: dict[str, Book] = {}
    for at, frame in _recorded(path):
        for book in books.values():
            book.settle(at)
        for event in wire.parse(frame):
            assert event.kind not in ("unreadable", "unknown")
            for token in event.token_ids:
                book = books.setdefault(token, Book(token))
                book.hash_checks_due = math.inf
                book.apply(event, now=at, at=at)
    for book in books.values():
        book.settle(math.inf)
    return books


def test_recorded_market_agrees_with_the_exchange_after_every_batch(frames: Path) -> None:
    """Best prices and the exchange's own hash, at the end of each batch of both tokens."""
    books = _replayed(frames / "market-ws-frames-2026-09-30.jsonl")

    checks = [book.checks for book in books.values()]
    assert sorted(each.top_ok for each in checks) == [15, 16]
    assert [each.top_bad for each in checks] == [0, 0]
    assert sorted(each.hash_ok for each in checks) == [15, 16]
    assert [each.hash_bad for each in checks] == [0, 0]


def test_recorded_position_id_has_an_empty_book_whose_hash_matches(frames: Path) -> None:
    """One snapshot, no change and no trade: batches and trade prices cannot be shown by it."""
    (book,) = _replayed(frames / "ws-market-v2-session-2026-10-05.jsonl").values()

    assert book.quote is not None
    assert (book.quote.best_bid, book.quote.best_ask) == (None, None)
    assert (book.checks.hash_ok, book.checks.hash_bad) == (1, 0)
    assert book.proof.version == "v2"
