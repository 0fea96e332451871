"""One market as it stands: its book, its tick, and the batch that is being gathered."""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.sim.book import Book, book_hash
from POLYMARKET_MAKER.sim.canonical import ONE, ZERO, text, three_decimals
from POLYMARKET_MAKER.sim.model import LevelChange, MarketSpec, Trade

FEE_UNIT = Decimal("0.00001")


class Market:
    """The live state of a market.

    Attributes:
        last_trade_price: The primary token's; books of both tokens carry it.
        last_is_bid: The last taker bought the primary token, or sold the other.
        changed_at_ms: When the book last changed; a snapshot's timestamp.
        taker_delay_ms: How long a client's order that takes is held back first.
        top: Best bid and ask of the primary token after the last batch.
        changes: Levels touched since then, as (is_bid, price), in reporting order.
        trades: Trades since then.
    """

    def __init__(self, spec: MarketSpec) -> None:
        self.spec = spec
        self.book = Book()
        self.tick_size = spec.tick_size
        self.last_trade_price: Decimal | None = None
        self.last_is_bid = False
        self.changed_at_ms = 0
        self.taker_delay_ms = 0
        self.closed = False
        self.winner: int | None = None
        self.top: tuple[Decimal | None, Decimal | None] = (None, None)
        self.changes: dict[tuple[bool, Decimal], None] = {}
        self.trades: list[Trade] = []

    def note_level(self, is_bid: bool, price: Decimal, *, first: bool = False) -> None:  # noqa: FBT001
        """Remember that a level of the primary book changed, *first* ahead of the others."""
        key = (is_bid, price)
        if first:
            self.changes = {key: None, **self.changes}
        else:
            self.changes.setdefault(key)

    def reported_changes(self) -> tuple[LevelChange, ...]:
        """Return the levels that the batch reports one by one.

        A trade that leaves nothing resting is reported by the two books alone: the
        recording of 2026-09-30 shows no ``price_change`` for it. When levels changed
        otherwise, all changes are sent.
        """
        traded = {(not trade.is_bid, trade.book_price) for trade in self.trades}
        if traded.issuperset(self.changes):
            return ()
        return tuple(
            LevelChange(is_bid, price, self.book.size_at(price, is_bid=is_bid))
            for is_bid, price in self.changes
        )

    def close_batch(self) -> None:
        self.changes = {}
        self.trades = []

    def fee(self, price: Decimal, size: Decimal) -> Decimal:
        """Return the taker's fee in pUSD: shares x rate x (p (1 - p)) ^ exponent."""
        rate = self.spec.fee_rate
        if not rate:
            return ZERO
        fee: Decimal = size * rate * (price * (ONE - price)) ** self.spec.fee_exponent
        return fee.quantize(FEE_UNIT)

    def last_price_text(self) -> str:
        last = self.last_trade_price
        return "" if last is None else three_decimals(last)

    def last_side(self, token: int) -> str:
        """Return the side of the last trade as a taker of *token* would have had it."""
        return (
            ("BUY" if self.last_is_bid == (token == 0) else "SELL") if self.last_trade_price else ""
        )

    def hash(self, token: int) -> str:
        """Return the hash of one token's book as it stands."""
        spec = self.spec
        return book_hash(
            market=spec.condition_id,
            asset_id=spec.tokens[token],
            timestamp_ms=self.changed_at_ms,
            sides=self.book.sides_json(token),
            min_order_size=text(spec.min_order_size),
            tick_size=text(self.tick_size),
            neg_risk=spec.neg_risk,
            last_trade_price=self.last_price_text(),
            is_position=spec.is_position,
        )
