"""Market frames written by hand, in the exchange's own spelling and order of keys."""

from __future__ import annotations

import hashlib
import json
from typing import Any

YES = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
NO = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
OTHER = "11015470973684177829729219287262166995141465048508201953575582100565462316088"
MARKET = "0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1"
AT_MS = 1_790_766_981_628

Levels = list[tuple[str, str]]

BIDS: Levels = [("0.47", "30"), ("0.48", "20.5"), ("0.49", "120")]
ASKS: Levels = [("0.53", "60"), ("0.52", "25"), ("0.51", "80")]


def rows(levels: Levels) -> list[dict[str, str]]:
    return [{"price": price, "size": size} for price, size in levels]


def book(
    token: str = YES,
    *,
    bids: Levels | None = None,
    asks: Levels | None = None,
    at_ms: int = AT_MS,
    **extra: Any,
) -> dict[str, Any]:
    """A snapshot as sent on subscription; pass ``tick_size=None`` for one that follows a trade."""
    body = {
        "market": MARKET,
        "asset_id": token,
        "timestamp": str(at_ms),
        "hash": "",
        "bids": rows(BIDS if bids is None else bids),
        "asks": rows(ASKS if asks is None else asks),
        "tick_size": "0.01",
        "event_type": "book",
        "last_trade_price": "",
        **extra,
    }
    return {key: value for key, value in body.items() if value is not None}


def rest_hash(message: dict[str, Any], *, last_trade_price: str = "", **fields: Any) -> str:
    """The hash of a book in its REST form, as the exchange's own client computes it."""
    whole = {
        "market": message["market"],
        "asset_id": message["asset_id"],
        "timestamp": message["timestamp"],
        "hash": "",
        "bids": message["bids"],
        "asks": message["asks"],
        "min_order_size": "5",
        "tick_size": "0.01",
        "neg_risk": False,
        "last_trade_price": last_trade_price,
    } | fields
    return hashlib.sha1(json.dumps(whole, separators=(",", ":")).encode()).hexdigest()  # noqa: S324


def change(
    price: str,
    size: str,
    side: str = "BUY",
    *,
    token: str = YES,
    best: tuple[str, str] | None = ("0.49", "0.51"),
    digest: str = "a",
) -> dict[str, str]:
    row = {"asset_id": token, "price": price, "size": size, "side": side, "hash": digest}
    return row if best is None else row | {"best_bid": best[0], "best_ask": best[1]}


def price_change(*changes: dict[str, str], at_ms: int = AT_MS) -> dict[str, Any]:
    return {
        "market": MARKET,
        "price_changes": list(changes),
        "timestamp": str(at_ms),
        "event_type": "price_change",
    }


def best_bid_ask(bid: str, ask: str, *, token: str = YES, at_ms: int = AT_MS) -> dict[str, Any]:
    return {
        "market": MARKET,
        "asset_id": token,
        "best_bid": bid,
        "best_ask": ask,
        "spread": "0.02",
        "timestamp": str(at_ms),
        "event_type": "best_bid_ask",
    }


def last_trade(price: str, *, token: str = YES, at_ms: int = AT_MS) -> dict[str, Any]:
    return {
        "market": MARKET,
        "asset_id": token,
        "price": price,
        "size": "20",
        "fee_rate_bps": "0",
        "side": "BUY",
        "timestamp": str(at_ms),
        "event_type": "last_trade_price",
        "transaction_hash": "0xe3c241e8",
    }


def tick_size_change(new: str, *, token: str = YES) -> dict[str, Any]:
    return {
        "event_type": "tick_size_change",
        "asset_id": token,
        "market": MARKET,
        "old_tick_size": "0.01",
        "new_tick_size": new,
        "timestamp": str(AT_MS),
    }


def resolved(*tokens: str) -> dict[str, Any]:
    return {
        "event_type": "market_resolved",
        "id": "1031769",
        "market": MARKET,
        "assets_ids": list(tokens),
        "winning_asset_id": tokens[0],
        "winning_outcome": "Yes",
        "timestamp": str(AT_MS),
        "tags": ["stocks"],
    }


def text(message: Any) -> str:
    """Write a message as a frame."""
    return json.dumps(message)
