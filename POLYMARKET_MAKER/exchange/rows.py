"""The exchange's rows of orders and trades, turned into the program's words.

Numbers arrive as strings or as JSON numbers and become ``Decimal`` without ever
being a float. A row that cannot be understood raises ``ValueError``; it is never
skipped, because a missing order or fill would be an error posing as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final, Generic, TypeVar

import msgspec

from POLYMARKET_MAKER.core.model import ZERO
from POLYMARKET_MAKER.core.order import Fill, OpenOrder
from POLYMARKET_MAKER.core.order_words import (
    fill_status,
    finite,
    maker_side,
    order_status,
    side_of,
)

Row = TypeVar("Row")

POSITION_MASK: Final = (
    (1 << 64) - 1
) << 40  # these bits are 0 in a position id (polymarket-client)


class OrderRow(msgspec.Struct, frozen=True):
    """One row of ``/data/orders``, or the answer of ``/data/order/{id}``."""

    id: str
    status: str
    market: str
    asset_id: str
    side: str
    original_size: Decimal
    size_matched: Decimal
    price: Decimal
    created_at: int | str


class MakerRow(msgspec.Struct, frozen=True):
    """One resting order that a trade filled; its asset may be the complementary token."""

    order_id: str
    matched_amount: Decimal
    price: Decimal
    asset_id: str
    owner: str | None = None
    maker_address: str | None = None
    side: str | None = None


class TradeRow(msgspec.Struct, frozen=True):
    """One row of ``/data/trades``; its own price, size and asset are the taker's."""

    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: str
    size: Decimal
    price: Decimal
    status: str
    match_time: int | str
    fee_rate_bps: str | float | None = None
    owner: str | None = None
    maker_address: str | None = None
    trader_side: str | None = None
    maker_orders: list[MakerRow] | None = None


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """One page of a list of at most *limit* rows; the cursor ``LTE=`` ends it."""

    data: list[Row]
    next_cursor: str
    limit: int = 0


def open_order(row: OrderRow) -> OpenOrder:
    """Read an order row.

    Raises:
        ValueError: A word or number in it has no meaning.
    """
    return OpenOrder(
        order_id=row.id,
        token_id=row.asset_id,
        condition_id=row.market,
        side=side_of(row.side),
        price=finite(row.price),
        size=finite(row.original_size),
        size_matched=finite(row.size_matched),
        status=order_status(row.status),
        created_at=stamp(row.created_at),
    )


def fills(
    row: TradeRow, *, owner: str, funder: str, taker_fee: Callable[[TradeRow], Decimal]
) -> Iterator[Fill]:
    """Yield what one trade did to orders of ours.

    As taker it is the row itself. As maker it is each entry of ``maker_orders``
    that is ours; the others belong to strangers who were filled by the same taker.

    Args:
        row: The trade.
        owner: Our API key id.
        funder: Our wallet; it also finds orders placed under another key of the account.
        taker_fee: Tells what a taker paid; makers pay nothing.

    Raises:
        ValueError: A word or number in it has no meaning.
    """
    status = fill_status(row.status)
    at = stamp(row.match_time)
    if _is_taker(row, owner, funder):
        yield Fill(
            trade_id=row.id,
            order_id=row.taker_order_id,
            token_id=row.asset_id,
            side=side_of(row.side),
            price=finite(row.price),
            size=finite(row.size),
            fee=taker_fee(row),
            is_maker=False,
            status=status,
            at=at,
        )
    for maker in row.maker_orders or ():
        if _is_ours(maker.owner, maker.maker_address, owner, funder):
            yield Fill(
                trade_id=row.id,
                order_id=maker.order_id,
                token_id=maker.asset_id,
                side=maker_side(
                    maker.side, taker=row.side, is_same_token=maker.asset_id == row.asset_id
                ),
                price=finite(maker.price),
                size=finite(maker.matched_amount),
                fee=ZERO,
                is_maker=True,
                status=status,
                at=at,
            )


def stamp(value: float | str) -> float:
    """Read a time: epoch seconds as number or text, or ISO 8601."""
    try:
        return float(value)
    except ValueError:
        return datetime.fromisoformat(str(value)).timestamp()


def is_position_id(token_id: str) -> bool:
    """Whether an id is a position of a Protocol-V2 market, told by its zero bits."""
    return int(token_id) & POSITION_MASK == 0


def _is_taker(row: TradeRow, owner: str, funder: str) -> bool:
    if row.trader_side:
        return row.trader_side.upper() == "TAKER"
    return _is_ours(row.owner, row.maker_address, owner, funder)


def _is_ours(owner: str | None, address: str | None, our_owner: str, our_funder: str) -> bool:
    return owner == our_owner or (address or "").lower() == our_funder.lower()
