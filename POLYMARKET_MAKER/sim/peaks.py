"""The most that every wallet ever had at stake: what caps of a client are judged by."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from POLYMARKET_MAKER.sim.canonical import ZERO, text
from POLYMARKET_MAKER.sim.model import Side
from POLYMARKET_MAKER.sim.wallets import Wallet


class Peaks:
    """Highest values since the start, looked at after every event of a wallet."""

    def __init__(self) -> None:
        self._exposure: dict[str, Decimal] = {}
        self._orders: dict[str, int] = {}

    def look(self, wallet: Wallet) -> None:
        """Remember the wallet's present exposure and orders if they are its highest."""
        address = wallet.address
        self._exposure[address] = max(self._exposure.get(address, ZERO), exposure(wallet))
        sides = Counter(
            (order.condition_id, order.token, order.side) for order in wallet.open_orders.values()
        )
        most = max(sides.values(), default=0)
        self._orders[address] = max(self._orders.get(address, 0), most)

    def as_json(self) -> dict[str, Any]:
        """Return by wallet: highest exposure, and most orders on one side of one token."""
        return {
            address: {"exposure_usd": text(value), "orders_a_side": self._orders[address]}
            for address, value in self._exposure.items()
        }


def exposure(wallet: Wallet) -> Decimal:
    """Return what a wallet has at stake: its resting buys and the cost of its shares."""
    buys = sum(
        (o.price * o.remaining for o in wallet.open_orders.values() if o.side is Side.BUY), ZERO
    )
    return buys + sum((held.cost for held in wallet.holdings.values()), ZERO)
