"""Trade on paper: live quotes, no network, and no luck.

A resting order fills only when the opposite best trades *strictly through* its
price: at its own price it may stand behind others in the queue, so that does not
count. What takes at once takes from the levels that are displayed, and from each
level only once. Refusals have the exchange's own texts.

All state lives in this object. A restart hands in what the ledger knows: open
orders, shares, cash.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import ZERO, AgedQuote, Level, MarketInfo, Quote, Side
from POLYMARKET_MAKER.core.money import fee_per_share
from POLYMARKET_MAKER.core.order import (
    CancelResult,
    Fill,
    FillStatus,
    NewOrder,
    OpenOrder,
    Outcome,
    Placed,
    Rejected,
    SignedOrder,
)
from POLYMARKET_MAKER.exchange import paper_rules as rules
from POLYMARKET_MAKER.exchange.amounts import IMMEDIATE, amounts


class _Body(msgspec.Struct):
    """A signed order of paper: everything that posting it needs, so that it can be posted again."""

    order: NewOrder
    market: MarketInfo
    serial: int


class Paper:
    """One paper account, an ``Exchange``. Safe to share between threads.

    Args:
        clock: Stamps orders and fills, and ends GTD orders.
        cash: Collateral in USD at the start.
        shares: Token to shares held at the start.
        open_orders: Orders of an earlier life that still rest.
        namespace: Goes into every id. The same namespace gives the same ids, so
            a process that continues a ledger passes one that it has not used.
        on_fill: Called with each fill, under the lock: it must not call back.
    """

    def __init__(
        self,
        *,
        cash: Decimal,
        clock: Clock | None = None,
        shares: Mapping[str, Decimal] | None = None,
        open_orders: Iterable[OpenOrder] = (),
        namespace: str = "paper",
        on_fill: Callable[[Fill], None] | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._cash = cash
        self._shares = dict(shares or {})
        self._orders = {order.order_id: order for order in open_orders}
        self._expires_at: dict[str, float] = {}
        self._fills: list[Fill] = []
        self._quotes: dict[str, Quote] = {}
        self._taken: dict[tuple[str, Side, Decimal], Decimal] = {}
        self._namespace = namespace
        self._serial = 0
        self._on_fill = on_fill
        self._lock = threading.RLock()

    def on_quote(self, aged: AgedQuote) -> list[Fill]:
        """Take notice of a quote and return the fills that it made.

        A quote that may not be traded on fills nothing and is not traded against.
        """
        quote = aged.quote
        with self._lock:
            self._expire()
            if self._taken:
                for key in [key for key in self._taken if key[0] == quote.token_id]:
                    del self._taken[key]
            if not aged.health.is_tradable:
                self._quotes.pop(quote.token_id, None)
                return []
            self._quotes[quote.token_id] = quote
            if not self._orders:
                return []
            through = [
                order for order in self._live(quote.token_id) if rules.is_through(order, quote)
            ]
            return [
                self._fill(order, order.price, order.remaining, is_maker=True) for order in through
            ]

    def sign(self, order: NewOrder, market: MarketInfo) -> SignedOrder:
        """Give the order an id, without placing it. The same call twice gives two orders.

        Raises:
            ValueError: Price or size is off the market's grid.
        """
        checked = amounts(order, market).order
        with self._lock:
            self._serial += 1
            serial = self._serial
        digest = hashlib.sha256(f"{self._namespace}/{serial}".encode()).hexdigest()
        return SignedOrder(
            checked, f"0x{digest}", msgspec.json.encode(_Body(checked, market, serial))
        )

    def post(self, signed: SignedOrder) -> Outcome:
        """Place a signed order against the quote of this moment."""
        body = msgspec.json.decode(signed.body, type=_Body)
        with self._lock:
            self._expire()
            if signed.order_id in self._orders:
                return Placed(signed.order_id, "duplicate")
            quote = self._quotes.get(body.order.token_id)
            if quote is None:
                return Rejected(rules.NOT_READY, 400)
            levels = self._displayed(body.order, quote)
            free = self._free(body.order)
            refusal = rules.refusal(body.order, body.market, quote, levels, free)
            if refusal is not None:
                return Rejected(refusal, 400)
            return self._place(signed.order_id, body, levels)

    def open_orders(self) -> list[OpenOrder]:
        """List what rests."""
        with self._lock:
            self._expire()
            return [order for order in self._orders.values() if order.is_open]

    def order(self, order_id: str) -> OpenOrder | None:
        """Read one order in any state; None when it was never placed here."""
        with self._lock:
            self._expire()
            return self._orders.get(order_id)

    def fills(self, *, after: float | None = None) -> list[Fill]:
        """List the fills of this object's life since *after* (epoch seconds)."""
        with self._lock:
            return [fill for fill in self._fills if after is None or fill.at >= after]

    def balance(self) -> Decimal:
        """Return the collateral in USD, what open orders lock included."""
        with self._lock:
            return self._cash

    def cancel(self, order_ids: Sequence[str]) -> CancelResult:
        """Cancel by id."""
        canceled, kept = [], {}
        with self._lock:
            self._expire()
            for order_id in order_ids:
                order = self._orders.get(order_id)
                if order is not None and order.is_open:
                    self._orders[order_id] = replace(order, status="CANCELED")
                    canceled.append(order_id)
                else:
                    is_matched = order is not None and order.status == "MATCHED"
                    kept[order_id] = rules.MATCHED if is_matched else rules.GONE
        return CancelResult(tuple(canceled), kept)

    def _place(self, order_id: str, body: _Body, levels: list[Level]) -> Placed:
        order, now = body.order, self._clock.now()
        self._orders[order_id] = OpenOrder(
            order_id=order_id,
            token_id=order.token_id,
            condition_id=body.market.condition_id,
            side=order.side,
            price=order.price,
            size=order.size,
            size_matched=ZERO,
            status="LIVE",
            created_at=now,
        )
        if order.expires_at is not None:
            self._expires_at[order_id] = order.expires_at
        made = self._take(order_id, body.market, levels)
        resting = self._orders[order_id]
        if resting.is_open and order.time_in_force in IMMEDIATE:
            self._orders[order_id] = replace(resting, status="CANCELED")
        status = "matched" if made else "live"
        return Placed(order_id, status, tuple(fill.trade_id for fill in made))

    def _take(self, order_id: str, market: MarketInfo, levels: list[Level]) -> list[Fill]:
        """Fill a fresh order from displayed levels, best first, and remember what is used up."""
        made = []
        for level in levels:
            order = self._orders[order_id]
            size = min(level.size, order.remaining)
            if not size:
                break
            key = (order.token_id, order.side, level.price)
            self._taken[key] = self._taken.get(key, ZERO) + size
            fee = size * fee_per_share(level.price, market)
            made.append(self._fill(order, level.price, size, fee=fee, is_maker=False))
        return made

    def _fill(
        self,
        order: OpenOrder,
        price: Decimal,
        size: Decimal,
        *,
        is_maker: bool,
        fee: Decimal = ZERO,
    ) -> Fill:
        matched = order.size_matched + size
        status = "MATCHED" if matched == order.size else order.status
        self._orders[order.order_id] = replace(order, size_matched=matched, status=status)
        bought = order.side is Side.BUY
        self._cash += (-price * size if bought else price * size) - fee
        held = self._shares.get(order.token_id, ZERO)
        self._shares[order.token_id] = held + size if bought else held - size
        fill = Fill(
            trade_id=f"{self._namespace}-{len(self._fills) + 1}",
            order_id=order.order_id,
            token_id=order.token_id,
            side=order.side,
            price=price,
            size=size,
            fee=fee,
            is_maker=is_maker,
            status=FillStatus.CONFIRMED,
            at=self._clock.now(),
        )
        self._fills.append(fill)
        if self._on_fill is not None:
            self._on_fill(fill)
        return fill

    def _displayed(self, order: NewOrder, quote: Quote) -> list[Level]:
        """Return the levels that *order* would take, best first, less what was taken already."""
        untaken = (
            Level(price, size - self._taken.get((order.token_id, order.side, price), ZERO))
            for price, size in rules.reachable(order, quote)
        )
        return [level for level in untaken if level.size > 0]

    def _free(self, order: NewOrder) -> Decimal:
        """Return what no open order has locked: cash for a buy, shares for a sell."""
        resting = [each for each in self._orders.values() if each.is_open]
        if order.side is Side.BUY:
            buys = (each for each in resting if each.side is Side.BUY)
            return self._cash - sum((each.price * each.remaining for each in buys), ZERO)
        sells = (e for e in resting if e.side is Side.SELL and e.token_id == order.token_id)
        locked = sum((each.remaining for each in sells), ZERO)
        return self._shares.get(order.token_id, ZERO) - locked

    def _live(self, token_id: str) -> list[OpenOrder]:
        return [
            each for each in self._orders.values() if each.is_open and each.token_id == token_id
        ]

    def _expire(self) -> None:
        if not self._expires_at:
            return
        now = self._clock.now()
        for order_id in [each for each, at in self._expires_at.items() if at <= now]:
            del self._expires_at[order_id]
            order = self._orders[order_id]
            if order.is_open:
                self._orders[order_id] = replace(order, status="CANCELED_EXPIRED_ORDER")
