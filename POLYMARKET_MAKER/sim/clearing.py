"""Who gets what: wallets, and trades on their way from matched to confirmed."""

from __future__ import annotations

from decimal import Decimal

from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import Order, Trade, TradeEvent, TradeStatus
from POLYMARKET_MAKER.sim.wallets import Posting, Wallet

MINED_AFTER_MS = 1_000
CONFIRMED_AFTER_MS = 3_000


class Clearing:
    """The money side of the exchange.

    Attributes:
        wallets: By address in lower case.
        trades: Every trade in which a client took part, by id, oldest first.
        fail_next: How many of the next trades fail on chain; their fills are undone.
    """

    def __init__(self, *, new_wallet_usd: Decimal) -> None:
        self.wallets: dict[str, Wallet] = {}
        self.trades: dict[str, Trade] = {}
        self.fail_next = 0
        self._new_wallet_usd = new_wallet_usd
        self._postings: dict[str, list[Posting]] = {}
        self._unsettled: dict[str, Trade] = {}

    def wallet(self, address: str) -> Wallet:
        """Return the wallet at *address*; a new one is funded."""
        key = address.lower()
        if key not in self.wallets:
            self.wallets[key] = Wallet(address, self._new_wallet_usd)
        return self.wallets[key]

    def wallet_orders(self, address: str) -> list[Order]:
        """Return what rests for the wallet at *address*, oldest first."""
        known = self.wallets.get(address.lower())
        return list(known.open_orders.values()) if known else []

    def open_orders(self) -> list[Order]:
        """Return what rests for all clients."""
        return [order for wallet in self.wallets.values() for order in wallet.open_orders.values()]

    def book(self, market: Market, trade: Trade) -> None:
        """Book a trade's fills of clients; those of simulated flow cost nobody anything."""
        self.trades[trade.id] = trade
        self._unsettled[trade.id] = trade
        at_s = trade.matched_at_ms // 1000
        tokens = market.spec.tokens
        postings = self._postings[trade.id] = []
        if not trade.taker_is_flow:
            posting = self.wallet(trade.wallet).book(
                tokens[trade.token],
                trade.side,
                price=trade.price,
                size=trade.size,
                fee=trade.fee,
                at_s=at_s,
            )
            postings.append(posting)
        for fill in trade.makers:
            if not fill.is_flow:
                posting = self.wallet(fill.wallet).book(
                    tokens[fill.token], fill.side, price=fill.price, size=fill.size, at_s=at_s
                )
                postings.append(posting)

    def settle(self, now_ms: int) -> list[TradeEvent]:
        """Move trades on: MATCHED, MINED after a second, CONFIRMED after three."""
        events = []
        for trade in list(self._unsettled.values()):
            age_ms = now_ms - trade.matched_at_ms
            if age_ms >= MINED_AFTER_MS and trade.status is TradeStatus.MATCHED:
                events.append(self._advance(trade, self._mined(trade), now_ms))
            elif age_ms >= CONFIRMED_AFTER_MS and trade.status is TradeStatus.MINED:
                events.append(self._advance(trade, TradeStatus.CONFIRMED, now_ms))
        return events

    def _mined(self, trade: Trade) -> TradeStatus:
        if self.fail_next == 0:
            return TradeStatus.MINED
        self.fail_next -= 1
        for posting in self._postings[trade.id]:
            self.wallet(posting.wallet).undo(posting)
        return TradeStatus.FAILED

    def _advance(self, trade: Trade, status: TradeStatus, now_ms: int) -> TradeEvent:
        trade.status = status
        trade.updated_at_ms = now_ms
        if status.is_final:
            del self._unsettled[trade.id]
            del self._postings[trade.id]
        return TradeEvent(trade, status, now_ms)
