"""Verbs about the others: their orders, the markets, the clock of trades."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from POLYMARKET_MAKER.sim import frames
from POLYMARKET_MAKER.sim.flow import PERSONAS
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import Order, OrderType, Side
from POLYMARKET_MAKER.sim.venue import Venue

Verb = Callable[..., dict[str, Any] | None]


def view(venue: Venue, token: str) -> tuple[Market, int]:
    return venue.engine.by_token[token]


def pause(venue: Venue, *, token: str | None = None) -> None:
    """Stop the other traders, of one market or of all."""
    _set_paused(venue, token, paused=True)


def resume(venue: Venue, *, token: str | None = None) -> None:
    """Let the other traders go on, on both sides of the book."""
    _set_paused(venue, token, paused=False)


def _set_paused(venue: Venue, token: str | None, *, paused: bool) -> None:
    chosen = list(venue.flows) if token is None else [view(venue, token)[0].spec.condition_id]
    for condition_id in chosen:
        venue.flows[condition_id].paused = paused
        if not paused:
            venue.flows[condition_id].banned.clear()


def empty_side(venue: Venue, *, token: str, side: str) -> None:
    """Take all quotes of others off one side of a token's book, until ``resume``."""
    market, index = view(venue, token)
    flow = venue.flows[market.spec.condition_id]
    flow.clear(venue.engine, is_bid=(Side(side) is Side.BUY) == (index == 0), now_ms=venue.now_ms())


def clear_book(venue: Venue, *, token: str) -> None:
    """Empty a book but for clients' orders, and keep the others from quoting."""
    market, _ = view(venue, token)
    flow = venue.flows[market.spec.condition_id]
    flow.paused = True
    for is_bid in (True, False):
        flow.clear(venue.engine, is_bid=is_bid, now_ms=venue.now_ms())


def quote(venue: Venue, *, token: str, side: str, price: str, size: str) -> dict[str, Any]:
    """Rest an order of another trader, or match it when it crosses."""
    return _others_order(venue, token, side, price, size, OrderType.GTC)


def trade(
    venue: Venue, *, token: str, side: str, size: str, price: str | None = None
) -> dict[str, Any]:
    """Let another trader take; without a price, whatever the other side offers."""
    worst = {"BUY": "0.99", "SELL": "0.01"}[side]
    return _others_order(venue, token, side, price or worst, size, OrderType.FAK)


def _others_order(  # noqa: PLR0917 - the columns of an order
    venue: Venue, token: str, side: str, price: str, size: str, kind: OrderType
) -> dict[str, Any]:
    order = _order(venue, token, side, price, size)
    order.wallet, order.owner = PERSONAS[0].wallet, PERSONAS[0].owner
    order.type, order.is_flow = kind, True
    return _place(venue, order)


def foreign_order(
    venue: Venue, *, wallet: str, token: str, side: str, price: str, size: str
) -> dict[str, Any]:
    """Rest an order of a client's own wallet that another program posted under another key."""
    order = _order(venue, token, side, price, size)
    order.wallet, order.owner = wallet, PERSONAS[1].owner
    return _place(venue, order)


def _order(venue: Venue, token: str, side: str, price: str, size: str) -> Order:
    market, index = view(venue, token)
    venue.stats.count("control", "orders")
    number = venue.stats.of("control", "orders")
    return Order(
        id=f"0x{'c0' * 8}{number:048x}",
        wallet="",
        owner="",
        condition_id=market.spec.condition_id,
        token=index,
        side=Side(side),
        price=Decimal(price),
        size=Decimal(size),
    )


def _place(venue: Venue, order: Order) -> dict[str, Any]:
    trades = venue.engine.place(order, venue.now_ms())
    venue.commit(venue.engine.markets[order.condition_id])
    return {"order_id": order.id, "trades": [trade.id for trade in trades]}


def tick(venue: Venue, *, token: str, tick: str) -> None:
    """Change the tick size of a market."""
    venue.engine.set_tick(view(venue, token)[0], Decimal(tick), venue.now_ms())


def taker_delay(venue: Venue, *, token: str, seconds: float) -> None:
    """Hold clients' taking orders back so long, as on live sports: they are ``delayed``."""
    view(venue, token)[0].taker_delay_ms = int(seconds * 1000)


def resolve(venue: Venue, *, token: str, event: bool = True) -> None:
    """End a market in favour of *token*, announced or silently."""
    market, index = view(venue, token)
    venue.engine.resolve(market, index, venue.now_ms(), announced=event)


def new_markets(venue: Venue, *, count: int = 1) -> None:
    """Broadcast announcements of markets that nobody asked for, 10 KB each."""
    for number in range(count):
        text = frames.new_market(6_000_000 + number, venue.now_ms())
        venue.market_channel.broadcast(text, kind="new_market", custom=True)


def locked_batch(venue: Venue, *, token: str, size: str = "7") -> dict[str, Any]:
    """Hit the best bid with more than it holds: the book is locked inside the batch."""
    market, _ = view(venue, token)
    best = market.book.best(is_bid=True)
    if best is None:
        raise ValueError("no bid to hit")
    total = market.book.size_at(best, is_bid=True) + Decimal(size)
    primary = market.spec.tokens[0]
    return _others_order(venue, primary, "SELL", str(best), str(total), OrderType.GTC)


MARKET_VERBS: dict[str, Verb] = {
    "pause": pause,
    "resume": resume,
    "empty_side": empty_side,
    "clear_book": clear_book,
    "quote": quote,
    "trade": trade,
    "foreign_order": foreign_order,
    "tick": tick,
    "taker_delay": taker_delay,
    "resolve": resolve,
    "new_markets": new_markets,
    "locked_batch": locked_batch,
}
