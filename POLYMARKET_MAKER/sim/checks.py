"""What the matching engine refuses before it touches the book."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from POLYMARKET_MAKER.sim import refusals
from POLYMARKET_MAKER.sim.book import Level
from POLYMARKET_MAKER.sim.canonical import ONE, ZERO
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import Order, OrderType, Side
from POLYMARKET_MAKER.sim.wallets import Wallet

SHARE_UNIT = Decimal("0.0001")


def check_order(market: Market, order: Order, wallet: Wallet | None, *, post_only: bool) -> bool:
    """Refuse what the exchange refuses; in which order it checks is not established.

    Args:
        market: Where the order goes.
        order: The order, not yet known to the engine.
        wallet: Who pays; None for simulated flow, which is never short.
        post_only: The order must not take.

    Returns:
        Whether the order takes, at least in part.

    Raises:
        Refused: With the exchange's own text.
    """
    if market.closed:
        raise refusals.not_ready()
    tick = market.tick_size
    if order.price % tick or not tick <= order.price <= ONE - tick:
        raise refusals.off_grid(order.id, order.price, tick)
    reachable = list(market.book.crossing(order.book_price, is_bid=order.is_bid))
    if reachable and post_only:
        raise refusals.crosses()
    _check_size(market, order, takes=bool(reachable) or not order.type.rests)
    if order.type is OrderType.FAK and not reachable:
        raise refusals.fak_unfilled()
    if order.type is OrderType.FOK and not fills_whole(order, reachable):
        raise refusals.fok_unfilled()
    if wallet is not None:
        _check_balance(market, order, wallet, takes=bool(reachable))
    return bool(reachable)


def _check_size(market: Market, order: Order, *, takes: bool) -> None:
    """Hold what rests to the market's minimum, and a buy that takes to one dollar.

    The exchange's text names buys only; whether it also minds a cheap sell
    that takes is not established, here it does not.
    """
    minimum = market.spec.min_order_size
    if not takes and order.size < minimum:
        raise refusals.too_small(order.id, order.size, minimum)
    notional = _cost(order)
    if takes and order.side is Side.BUY and notional < 1 and not order.is_flow:
        raise refusals.too_cheap(notional)


def _check_balance(market: Market, order: Order, wallet: Wallet, *, takes: bool) -> None:
    if order.side is Side.SELL:
        token_id = market.spec.tokens[order.token]
        free = wallet.free_shares(order.condition_id, order.token, token_id)
        enough = free >= order.size
    else:
        fee = market.fee(order.price, order.size) if takes else ZERO
        enough = wallet.free_usd() >= _cost(order) + fee
    if not enough:
        raise refusals.no_balance()


def _cost(order: Order) -> Decimal:
    return order.price * order.size if order.budget is None else order.budget


def shares_wanted(taker: Order, price: Decimal) -> Decimal:
    """Return how many shares the taker still wants at *price*."""
    if taker.budget is None:
        return taker.remaining
    return ((taker.budget - taker.spent) / price).quantize(SHARE_UNIT, ROUND_DOWN)


def fills_whole(order: Order, reachable: list[Level]) -> bool:
    """Tell whether the reachable levels fill a FOK order whole."""
    if order.budget is None:
        return sum((level.total for level in reachable), ZERO) >= order.size
    prices = [level.price if order.token == 0 else ONE - level.price for level in reachable]
    worth = (level.total * price for level, price in zip(reachable, prices, strict=True))
    return sum(worth, ZERO) >= order.budget
