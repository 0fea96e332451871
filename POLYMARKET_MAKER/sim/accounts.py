"""Orders and trades as their owners see them: REST rows and user-channel messages."""

from __future__ import annotations

from typing import Any

from POLYMARKET_MAKER.sim.canonical import text
from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.model import MakerFill, Order, OrderEvent, Trade, TradeEvent


def order_row(engine: Engine, order: Order) -> dict[str, Any]:
    """Return one order as ``/data/orders`` and ``/data/order/{id}`` list it."""
    spec = engine.markets[order.condition_id].spec
    return {
        "id": order.id,
        "status": order.status.value,
        "owner": order.owner,
        "maker_address": order.wallet,
        "market": order.condition_id,
        "asset_id": spec.tokens[order.token],
        "side": order.side.value,
        "original_size": text(order.size),
        "size_matched": text(order.matched),
        "price": text(order.price),
        "outcome": spec.outcomes[order.token],
        "expiration": str(order.expiration),
        "order_type": order.type.value,
        "associate_trades": list(order.trade_ids),
        "created_at": order.created_at_ms // 1000,
    }


def order_message(engine: Engine, event: OrderEvent) -> dict[str, Any]:
    """Return an ``order`` message of the user channel."""
    row = order_row(engine, event.order)
    return {
        "asset_id": row["asset_id"],
        "associate_trades": row["associate_trades"] or None,
        "created_at": str(row["created_at"]),
        "event_type": "order",
        "expiration": row["expiration"],
        "id": row["id"],
        "maker_address": row["maker_address"],
        "market": row["market"],
        "order_owner": row["owner"],
        "order_type": row["order_type"],
        "original_size": row["original_size"],
        "outcome": row["outcome"],
        "owner": row["owner"],
        "price": row["price"],
        "side": row["side"],
        "size_matched": text(event.matched),
        "status": event.status.value,
        "timestamp": str(event.at_ms),
        "type": event.kind,
    }


def trade_row(engine: Engine, trade: Trade, wallets: set[str]) -> dict[str, Any]:
    """Return one trade as ``/data/trades`` lists it for the owner of *wallets*.

    Top-level fields are the taker's. A maker finds its own part in
    ``maker_orders``, where the token may be the complementary one.
    """
    spec = engine.markets[trade.condition_id].spec
    is_taker = trade.wallet.lower() in wallets
    return {
        "id": trade.id,
        "taker_order_id": trade.taker_order_id,
        "market": trade.condition_id,
        "asset_id": spec.tokens[trade.token],
        "side": trade.side.value,
        "size": text(trade.size),
        "fee_rate_bps": "0",
        "price": text(trade.price),
        "status": f"TRADE_STATUS_{trade.status.value}",
        "match_time": str(trade.matched_at_ms // 1000),
        "last_update": str(trade.updated_at_ms // 1000),
        "outcome": spec.outcomes[trade.token],
        "bucket_index": trade.bucket_index,
        "owner": trade.owner,
        "maker_address": trade.wallet,
        "transaction_hash": _transaction_hash(trade),
        "maker_orders": [_maker_order(engine, trade, fill) for fill in trade.makers],
        "trader_side": "TAKER" if is_taker else "MAKER",
    }


def trade_message(engine: Engine, event: TradeEvent, wallets: set[str]) -> dict[str, Any]:
    """Return a ``trade`` message of the user channel; its status has no prefix there."""
    row = trade_row(engine, event.trade, wallets)
    row["status"] = event.status.value
    return {
        **row,
        "event_type": "trade",
        "type": "TRADE",
        "trade_owner": row["owner"],
        "timestamp": str(event.at_ms),
    }


def _transaction_hash(trade: Trade) -> str | None:
    mined = trade.status.value in ("MINED", "CONFIRMED")
    return trade.transaction_hash if mined else None


def _maker_order(engine: Engine, trade: Trade, fill: MakerFill) -> dict[str, Any]:
    spec = engine.markets[trade.condition_id].spec
    return {
        "order_id": fill.order_id,
        "owner": fill.owner,
        "maker_address": fill.wallet,
        "matched_amount": text(fill.size),
        "price": text(fill.price),
        "fee_rate_bps": "0",
        "asset_id": spec.tokens[fill.token],
        "outcome": spec.outcomes[fill.token],
        "outcome_index": fill.token,
        "side": fill.side.value,
    }
