"""What fills add up to: shares held, their average cost, and what selling them brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from POLYMARKET_MAKER.core.model import ZERO, Side
from POLYMARKET_MAKER.core.order import Position


@dataclass(frozen=True, slots=True)
class Trade:
    """One change of a holding.

    Attributes:
        price: USD per share; None when shares left or came without a known price,
            which moves them at their average cost.
        fee: USD paid for it.
    """

    side: Side
    size: Decimal
    price: Decimal | None
    fee: Decimal = ZERO


def apply(position: Position, trade: Trade) -> Position:
    """Return the position after *trade*.

    A buy's fee raises the average cost, a sell's fee lowers what is realised. A
    sell of more than is held (its buy is not known yet) leaves nothing held and
    realises nothing for the surplus; replaying in order of time mends it later.
    """
    if trade.side is Side.BUY:
        return _bought(position, trade)
    return _sold(position, trade)


def _bought(position: Position, trade: Trade) -> Position:
    known = position.entry_price or ZERO
    price = known if trade.price is None else trade.price
    size = position.size + trade.size
    cost = known * position.size + price * trade.size + trade.fee
    entry = cost / size if size > 0 else None
    return Position(position.token_id, size, entry, position.realised)


def _sold(position: Position, trade: Trade) -> Position:
    covered = min(trade.size, position.size)
    entry = position.entry_price or ZERO
    price = entry if trade.price is None else trade.price
    left = position.size - covered
    realised = position.realised + (price - entry) * covered - trade.fee
    return Position(position.token_id, left, entry if left > 0 else None, realised)


def replay(token_id: str, trades: Iterable[Trade]) -> list[Position]:
    """Return the position after each trade, in the given order."""
    position, after = Position(token_id), []
    for trade in trades:
        position = apply(position, trade)
        after.append(position)
    return after


def round_trips(after: Iterable[Position]) -> int:
    """Count how often something was held and then sold, down to less than can be ordered."""
    count, held = 0, False
    for position in after:
        if held and position.is_flat:
            count += 1
        held = not position.is_flat
    return count
