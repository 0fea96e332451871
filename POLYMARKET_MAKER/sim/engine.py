"""The matching engine: price-time priority over mirrored books, pure and without a clock.

Verbs change the state and leave events behind; :meth:`Engine.take_events` hands
them over. Several verbs may form one batch: level changes and trades are
gathered per market until :meth:`Engine.commit`, as the exchange reports a mass
requote under one timestamp and one hash. *now_ms* is always an argument.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from POLYMARKET_MAKER.sim import refusals
from POLYMARKET_MAKER.sim.checks import check_order, fills_whole
from POLYMARKET_MAKER.sim.clearing import Clearing
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.matching import take_level, trade_of
from POLYMARKET_MAKER.sim.model import (
    BookBatch,
    Event,
    MarketSpec,
    Order,
    OrderEvent,
    OrderType,
    Resolved,
    Status,
    TickChanged,
    Trade,
    TradeEvent,
)

KEPT_TRADES = 20_000  # public history; a soak must not grow without end


class Engine:
    def __init__(
        self, specs: Iterable[MarketSpec], *, seed: int = 0, new_wallet_usd: Decimal = Decimal(1000)
    ) -> None:
        self.markets = {spec.condition_id: Market(spec) for spec in specs}
        self.by_token = {
            token_id: (market, token)
            for market in self.markets.values()
            for token, token_id in enumerate(market.spec.tokens)
        }
        self.orders: dict[str, Order] = {}
        self.clearing = Clearing(new_wallet_usd=new_wallet_usd)
        self.tape: deque[Trade] = deque(maxlen=KEPT_TRADES)
        # One source of ids for each market, so that none depends on the others' timing.
        self._random = {
            key: random.Random(f"{seed}/{market.spec.number}/trades")  # noqa: S311 - no secret
            for key, market in self.markets.items()
        }
        self._delayed: list[tuple[int, Order]] = []
        self._events: list[Event] = []

    # -- what the outside asks ------------------------------------------------

    def take_events(self) -> list[Event]:
        """Return what happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def market_of(self, token_id: str) -> tuple[Market, int]:
        """Return the market and the index of a token.

        Raises:
            Refused: No open market has it.
        """
        found = self.by_token.get(token_id)
        if found is None:
            raise refusals.unknown_token()
        return found

    # -- orders ---------------------------------------------------------------

    def place(self, order: Order, now_ms: int, *, post_only: bool = False) -> list[Trade]:
        """Take an order in: match what crosses, rest what may rest, kill the remainder.

        Returns:
            The trades it made at once.

        Raises:
            Refused: Nothing has changed.
        """
        market = self.markets[order.condition_id]
        if order.id in self.orders:
            raise refusals.duplicated(order.id)
        payer = None if order.is_flow else self.clearing.wallet(order.wallet)
        takes = check_order(market, order, payer, post_only=post_only)
        order.created_at_ms = now_ms
        self.orders[order.id] = order
        if takes and market.taker_delay_ms and not order.is_flow:
            order.status = Status.DELAYED
            self._delayed.append((now_ms + market.taker_delay_ms, order))
        self._tell(order, "PLACEMENT", now_ms)
        if order.status is Status.DELAYED:
            return []
        return self._execute(market, order, now_ms)

    def _execute(self, market: Market, order: Order, now_ms: int) -> list[Trade]:
        trades = self._match(market, order, now_ms)
        if order.type.rests and order.remaining > 0:
            self._rest(market, order)
        else:
            self._finish_taker(order, now_ms)
        return trades

    def cancel(self, order_id: str, now_ms: int, *, status: Status = Status.CANCELED) -> bool:
        """Take a resting order off the book; False when none of that id rests."""
        order = self.orders.get(order_id)
        if order is None or order.status is not Status.LIVE:
            return False
        market = self.markets[order.condition_id]
        market.book.reduce(order, order.remaining)
        self._note(market, order)
        order.status = status
        self._forget(order)
        self._tell(order, "CANCELLATION", now_ms)
        return True

    def release(self, now_ms: int) -> None:
        """Match delayed orders whose time has come, and commit.

        What such an order finds then is not what it saw; a FOK or FAK order
        that finds nothing is dead.
        """
        due = [order for at_ms, order in self._delayed if at_ms <= now_ms]
        self._delayed = [(at_ms, order) for at_ms, order in self._delayed if at_ms > now_ms]
        for order in due:
            market = self.markets[order.condition_id]
            order.status = Status.LIVE
            reachable = list(market.book.crossing(order.book_price, is_bid=order.is_bid))
            if market.closed or (order.type is OrderType.FOK and not fills_whole(order, reachable)):
                order.status = Status.CANCELED
                self._tell(order, "CANCELLATION", now_ms)
            else:
                self._execute(market, order, now_ms)
            self.commit(market, now_ms)

    def expire(self, now_ms: int) -> None:
        """Cancel what has outlived its GTD expiration and commit."""
        for order in self.clearing.open_orders():
            if order.expires_at is None or order.expires_at * 1000 > now_ms:
                continue
            self.cancel(order.id, now_ms, status=Status.CANCELED_EXPIRED_ORDER)
            self.commit(self.markets[order.condition_id], now_ms)

    def _match(self, market: Market, taker: Order, now_ms: int) -> list[Trade]:
        trades = []
        for level in market.book.crossing(taker.book_price, is_bid=taker.is_bid):
            fills = take_level(market, taker, level)
            if not fills:
                break
            trades.append(self._record(market, taker, level.price, fills, now_ms))
        return trades

    def _record(
        self,
        market: Market,
        taker: Order,
        book_price: Decimal,
        fills: list[tuple[Order, Decimal]],
        now_ms: int,
    ) -> Trade:
        ids = self._random[market.spec.condition_id]
        trade = trade_of(market, taker, book_price, fills, now_ms, ids=ids)
        market.last_trade_price = book_price
        market.last_is_bid = taker.is_bid
        market.trades.append(trade)
        self.tape.append(trade)
        market.note_level(not taker.is_bid, book_price)
        taker.trade_ids.append(trade.id)
        for maker, _ in fills:
            self._filled(maker, trade, now_ms)
        if trade.concerns_client:
            self.clearing.book(market, trade)
            self._events.append(TradeEvent(trade, trade.status, now_ms))
        return trade

    def _filled(self, maker: Order, trade: Trade, now_ms: int) -> None:
        maker.trade_ids.append(trade.id)
        if maker.remaining == 0:
            maker.status = Status.MATCHED
            self._forget(maker)
        self._tell(maker, "UPDATE", now_ms)

    def _rest(self, market: Market, order: Order) -> None:
        market.book.add(order)
        # Reported ahead of the levels it took: production adds the new ask
        # first and removes the bid it hit in the next frame (the book is locked
        # in between), then sends both books.
        market.note_level(order.is_bid, order.book_price, first=order.matched > 0)
        if not order.is_flow:
            self.clearing.wallet(order.wallet).open_orders[order.id] = order

    def _finish_taker(self, order: Order, now_ms: int) -> None:
        order.status = Status.MATCHED if order.matched else Status.CANCELED
        if not order.is_flow:
            self._tell(order, "UPDATE", now_ms)
        self._forget(order)

    def _forget(self, order: Order) -> None:
        """Drop the order from what locks balance; only clients' orders are remembered."""
        if order.is_flow:
            self.orders.pop(order.id, None)
        else:
            self.clearing.wallet(order.wallet).open_orders.pop(order.id, None)

    def _note(self, market: Market, order: Order) -> None:
        market.note_level(order.is_bid, order.book_price)

    def _tell(self, order: Order, kind: str, now_ms: int) -> None:
        if not order.is_flow:
            self._events.append(OrderEvent(order, kind, order.status, order.matched, now_ms))

    def settle(self, now_ms: int) -> None:
        """Move clients' trades on towards their end."""
        self._events.extend(self.clearing.settle(now_ms))

    # -- markets --------------------------------------------------------------

    def commit(self, market: Market, now_ms: int) -> None:
        """Close the market's batch: one timestamp and one hash per token for all of it."""
        if not market.changes and not market.trades:
            return
        top = market.book.top(0)
        market.changed_at_ms = max(now_ms, market.changed_at_ms)
        self._events.append(
            BookBatch(
                market.spec.condition_id,
                market.changed_at_ms,
                market.reported_changes(),
                tuple(market.trades),
                top != market.top,
            )
        )
        market.top = top
        market.close_batch()

    def set_tick(self, market: Market, tick: Decimal, now_ms: int) -> None:
        """Change the grid. Orders that no longer fit it stay, as on the exchange."""
        old, market.tick_size = market.tick_size, tick
        market.changed_at_ms = max(now_ms, market.changed_at_ms)
        self._events.append(TickChanged(market.spec.condition_id, old, tick, now_ms))

    def resolve(self, market: Market, winner: int, now_ms: int, *, announced: bool) -> None:
        """End the market: no order rests any longer, a winning share is worth one dollar."""
        for is_bid in (True, False):
            for order in list(market.book.orders(is_bid=is_bid)):
                self.cancel(order.id, now_ms, status=Status.CANCELED_MARKET_RESOLVED)
        market.closed = True
        market.winner = winner
        market.close_batch()
        market.changed_at_ms = max(now_ms, market.changed_at_ms)
        self._events.append(Resolved(market.spec.condition_id, winner, announced, now_ms))
