"""What wallets own: collateral (pUSD), shares, and what their shares cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from POLYMARKET_MAKER.sim.canonical import ONE, ZERO
from POLYMARKET_MAKER.sim.model import Order, Side


@dataclass(slots=True)
class Holding:
    """Shares of one token, with their cost by the average method."""

    size: Decimal = ZERO
    cost: Decimal = ZERO
    fees: Decimal = ZERO
    bought: Decimal = ZERO
    realized: Decimal = ZERO
    first_at: int = 0
    last_at: int = 0

    @property
    def average(self) -> Decimal:
        return self.cost / self.size if self.size else ZERO


@dataclass(frozen=True, slots=True)
class Posting:
    """One fill as it was booked, kept so that a failed trade can be undone exactly."""

    wallet: str
    token_id: str
    usd: Decimal
    shares: Decimal
    cost: Decimal
    realized: Decimal
    fee: Decimal


@dataclass(slots=True)
class Wallet:
    """One funded address.

    Open orders lock what they may spend: collateral for buys, shares for sells.
    """

    address: str
    usd: Decimal = ZERO
    holdings: dict[str, Holding] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)

    def holding(self, token_id: str) -> Holding:
        return self.holdings.setdefault(token_id, Holding())

    def shares(self, token_id: str) -> Decimal:
        held = self.holdings.get(token_id)
        return held.size if held else ZERO

    def free_usd(self) -> Decimal:
        locked = sum(
            (o.price * o.remaining for o in self.open_orders.values() if o.side is Side.BUY), ZERO
        )
        return self.usd - locked

    def free_shares(self, condition_id: str, token: int, token_id: str) -> Decimal:
        locked = sum(
            (
                order.remaining
                for order in self.open_orders.values()
                if order.side is Side.SELL
                and order.condition_id == condition_id
                and order.token == token
            ),
            ZERO,
        )
        return self.shares(token_id) - locked

    def book(
        self,
        token_id: str,
        side: Side,
        *,
        price: Decimal,
        size: Decimal,
        fee: Decimal = ZERO,
        at_s: int = 0,
    ) -> Posting:
        """Book one fill and return what it moved."""
        held = self.holding(token_id)
        if side is Side.BUY:
            posting = Posting(
                self.address, token_id, -price * size - fee, size, price * size, ZERO, fee
            )
            held.bought += size
        else:
            cost = held.average * size
            posting = Posting(
                self.address, token_id, price * size - fee, -size, -cost, price * size - cost, fee
            )
        held.first_at = held.first_at or at_s
        held.last_at = at_s
        self._move(posting, ONE)
        return posting

    def undo(self, posting: Posting) -> None:
        """Take back a fill whose trade failed on chain."""
        self._move(posting, -ONE)

    def _move(self, posting: Posting, sign: Decimal) -> None:
        held = self.holding(posting.token_id)
        self.usd += sign * posting.usd
        held.size += sign * posting.shares
        held.cost += sign * posting.cost
        held.realized += sign * posting.realized
        held.fees += sign * posting.fee
