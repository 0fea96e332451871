"""The texts of the market channel.

Field order and blanks are those of recorded frames: a snapshot is an array in
compact JSON with a line end, everything later is an object with a blank after
each comma.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from POLYMARKET_MAKER.sim.book import Level
from POLYMARKET_MAKER.sim.canonical import ONE, ZERO, compact, spaced, text
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import LevelChange, Trade

LONG_TEXT = (
    "This market resolves to the first outcome if the described thing happens before the end "
    "date, otherwise to the second. The source is a consensus of credible reporting. "
)


def snapshot(views: Sequence[tuple[Market, int]]) -> str:
    """Return the answer to a subscription: one book for each token."""
    return compact([_full_book(market, token) for market, token in views]) + "\n"


def _full_book(market: Market, token: int) -> dict[str, Any]:
    spec = market.spec
    book: dict[str, Any] = {
        "market": spec.condition_id,
        "asset_id": spec.tokens[token],
        "timestamp": str(market.changed_at_ms),
        "hash": market.hash(token),
        "bids": levels(market.book.ladder(token, is_bid=True), token),
        "asks": levels(market.book.ladder(token, is_bid=False), token),
        "tick_size": text(market.tick_size),
        "event_type": "book",
        "last_trade_price": market.last_price_text(),
    }
    if spec.is_position:
        book["version"] = "v2"
    return book


def rest_book(market: Market, token: int) -> dict[str, Any]:
    """Return the answer of ``/book``, which has all that the hash is taken over."""
    spec = market.spec
    book = {
        "market": spec.condition_id,
        "asset_id": spec.tokens[token],
        "timestamp": str(market.changed_at_ms),
        "hash": market.hash(token),
        "bids": levels(market.book.ladder(token, is_bid=True), token),
        "asks": levels(market.book.ladder(token, is_bid=False), token),
        "min_order_size": text(spec.min_order_size),
        "tick_size": text(market.tick_size),
        "neg_risk": spec.neg_risk,
        "last_trade_price": market.last_price_text(),
    }
    if spec.is_position:
        book["version"] = "v2"
    return book


def levels(ladder: Sequence[Level], token: int) -> list[dict[str, str]]:
    return [
        {"price": text(ONE - level.price if token else level.price), "size": text(level.total)}
        for level in ladder
    ]


def traded_book(market: Market, token: int) -> str:
    """Return the book that follows a trade: without tick size and last trade price."""
    return spaced(
        {
            "market": market.spec.condition_id,
            "asset_id": market.spec.tokens[token],
            "bids": levels(market.book.ladder(token, is_bid=True), token),
            "asks": levels(market.book.ladder(token, is_bid=False), token),
            "hash": market.hash(token),
            "timestamp": str(market.changed_at_ms),
            "event_type": "book",
        }
    )


def price_changes(
    market: Market, changes: Sequence[LevelChange], at_ms: int, *, swapped: bool = False
) -> list[str]:
    """Return one frame for each changed level, both tokens in each.

    All frames of a batch carry the timestamp, the hashes and the best prices of
    its end. The buyer's token comes first; *swapped* turns the pair.
    """
    ends = [
        {
            "hash": market.hash(token),
            "best_bid": text(_or(market.book.top(token)[0], ZERO)),
            "best_ask": text(_or(market.book.top(token)[1], ONE)),
        }
        for token in (0, 1)
    ]
    frames = []
    for change in changes:
        order = (0, 1) if change.is_bid != swapped else (1, 0)
        pair = [_change(market, change, token, ends[token]) for token in order]
        frames.append(
            spaced(
                {
                    "market": market.spec.condition_id,
                    "price_changes": pair,
                    "timestamp": str(at_ms),
                    "event_type": "price_change",
                }
            )
        )
    return frames


def _change(market: Market, change: LevelChange, token: int, end: dict[str, str]) -> dict[str, str]:
    price = ONE - change.price if token else change.price
    return {
        "asset_id": market.spec.tokens[token],
        "price": text(price),
        "size": text(change.size),
        "side": "BUY" if change.is_bid == (token == 0) else "SELL",
        **end,
    }


def _or(price: Decimal | None, empty: Decimal) -> Decimal:
    return empty if price is None else price


def best_bid_ask(market: Market, token: int, at_ms: int) -> str:
    bid, ask = market.book.top(token)
    best_bid, best_ask = _or(bid, ZERO), _or(ask, ONE)
    return spaced(
        {
            "market": market.spec.condition_id,
            "asset_id": market.spec.tokens[token],
            "best_bid": text(best_bid),
            "best_ask": text(best_ask),
            "spread": text(best_ask - best_bid),
            "timestamp": str(at_ms),
            "event_type": "best_bid_ask",
        }
    )


def last_trade_price(market: Market, trade: Trade, at_ms: int) -> str:
    return spaced(
        {
            "market": market.spec.condition_id,
            "asset_id": market.spec.tokens[trade.token],
            "price": text(trade.price),
            "size": text(trade.size),
            "fee_rate_bps": "0",
            "side": trade.side.value,
            "timestamp": str(at_ms),
            "event_type": "last_trade_price",
            "transaction_hash": trade.transaction_hash,
        }
    )


def tick_size_change(market: Market, token: int, old: Decimal, at_ms: int) -> str:
    return spaced(
        {
            "market": market.spec.condition_id,
            "asset_id": market.spec.tokens[token],
            "old_tick_size": text(old),
            "new_tick_size": text(market.tick_size),
            "timestamp": str(at_ms),
            "event_type": "tick_size_change",
        }
    )


def market_resolved(market: Market, winner: int, at_ms: int) -> str:
    spec = market.spec
    return spaced(
        {
            "id": market_id(market),
            "market": spec.condition_id,
            "assets_ids": list(spec.tokens),
            "winning_asset_id": spec.tokens[winner],
            "winning_outcome": spec.outcomes[winner],
            "timestamp": str(at_ms),
            "event_type": "market_resolved",
            "tags": [],
        }
    )


def market_id(market: Market) -> str:
    """Return the number under which Gamma knows a market."""
    return str(5_000_000 + market.spec.number)


def new_market(number: int, at_ms: int) -> str:
    """Return the announcement of a market that nobody asked for, about 10 KB of it."""
    condition_id = f"0x{number:064x}"
    slug = f"some-other-market-{number}"
    tokens = [str((1 << 250) + 2 * number), str((1 << 250) + 2 * number + 1)]
    long_text = LONG_TEXT * 28
    return compact(
        {
            "id": str(number),
            "question": f"Some other market {number}?",
            "market": condition_id,
            "slug": slug,
            "description": long_text,
            "assets_ids": tokens,
            "outcomes": ["Yes", "No"],
            "event_message": {
                "id": str(number),
                "ticker": slug,
                "slug": slug,
                "title": "Some other market",
                "description": long_text,
            },
            "timestamp": str(at_ms),
            "event_type": "new_market",
            "tags": [],
            "condition_id": condition_id,
            "active": True,
            "clob_token_ids": tokens,
            "sports_market_type": "",
            "line": "",
            "game_start_time": "",
            "order_price_min_tick_size": "0.01",
            "group_item_title": "",
            "taker_base_fee": "1000",
            "fees_enabled": True,
            "fee_schedule": {
                "exponent": "1",
                "rate": "0.04",
                "taker_only": True,
                "rebate_rate": "0.25",
            },
        }
    )
