"""Rows of the ledger and the words of the program, in both directions."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from POLYMARKET_MAKER.core.model import ZERO, Side
from POLYMARKET_MAKER.core.money import SIZE_STEP
from POLYMARKET_MAKER.core.order import (
    Fill,
    FillStatus,
    NewOrder,
    OpenOrder,
    Position,
    SignedOrder,
    TimeInForce,
)


class IntentState(StrEnum):
    """Life of an order that we meant to send."""

    INTENDED = "intended"  # written; the request may or may not have left
    PLACED = "placed"  # the exchange took it, and has not said that it is over
    REJECTED = "rejected"  # the exchange refused it, or it is proven that it never got there
    UNKNOWN = "unknown"  # no usable answer
    CLOSED = "closed"  # it can trade no more


@dataclass(frozen=True, slots=True)
class Intent:
    """An order of ours as the ledger knows it.

    Attributes:
        signed: The order, its id, and the body to send the identical order again.
        matched: Most that the exchange, or the fills, said has traded.
        seen: Sum of its fills in the ledger, failed ones too.
        final: Whether *matched* is the exchange's last word.
        status: The exchange's last word for its state; empty before the first.
        reason: Why it was wanted.
        outcome: What the answer was, for people.
        written_boot_s: When it was written down to be sent, the last time, in seconds since
            boot; None when not noted.
    """

    signed: SignedOrder
    condition_id: str
    state: IntentState
    status: str
    matched: Decimal
    seen: Decimal
    final: bool
    reason: str
    outcome: str
    created_at: float
    written_boot_s: float | None = None

    @property
    def order_id(self) -> str:
        return self.signed.order_id

    @property
    def side(self) -> Side:
        return self.signed.order.side

    @property
    def is_live(self) -> bool:
        """Whether it may still trade, or has traded what no fill has shown yet."""
        if self.state is IntentState.REJECTED:
            return False
        return not (self.state is IntentState.CLOSED and self.final) or self.unseen > 0

    @property
    def unseen(self) -> Decimal:
        """What the exchange says has traded and no fill has shown; 0 below the step of sizes."""
        unseen = self.matched - self.seen
        return unseen if unseen >= SIZE_STEP else ZERO

    @property
    def at_stake(self) -> Decimal:
        """Shares that it has, or may still have, traded beyond the fills in the ledger."""
        if not self.is_live:
            return ZERO
        over = self.state is IntentState.CLOSED and self.final
        return self.unseen if over else self.signed.order.size - self.seen

    def as_open_order(self) -> OpenOrder:
        """Return it as the exchange would list it; fills that came ahead are in *matched*."""
        order = self.signed.order
        return OpenOrder(
            self.order_id,
            order.token_id,
            self.condition_id,
            order.side,
            order.price,
            order.size,
            self.matched,
            "DELAYED" if self.status == "DELAYED" else "LIVE",
            self.created_at,
        )


def intent_of(row: sqlite3.Row) -> Intent:
    """Return the intent of a row of the table ``intents``."""
    order = NewOrder(
        row["token_id"],
        Side(row["side"]),
        Decimal(row["price"]),
        Decimal(row["size"]),
        TimeInForce(row["time_in_force"]),
        bool(row["post_only"]),
    )
    return Intent(
        SignedOrder(order, row["order_id"], row["body"]),
        row["condition_id"],
        IntentState(row["state"]),
        row["status"],
        Decimal(row["matched"]),
        Decimal(row["seen"]),
        bool(row["final"]),
        row["reason"],
        row["outcome"],
        row["created_at"],
        row["written_boot_s"],
    )


def open_order_of(row: sqlite3.Row) -> OpenOrder:
    """Return the order of a row of the table ``foreign_orders``."""
    return OpenOrder(
        row["order_id"],
        row["token_id"],
        row["condition_id"],
        Side(row["side"]),
        Decimal(row["price"]),
        Decimal(row["size"]),
        Decimal(row["size_matched"]),
        row["status"],
        row["created_at"],
    )


def position_of(row: sqlite3.Row) -> Position:
    """Return the position of a row of the table ``positions``."""
    entry = None if row["entry_price"] is None else Decimal(row["entry_price"])
    return Position(row["token_id"], Decimal(row["size"]), entry, Decimal(row["realised"]))


def fill_of(row: sqlite3.Row) -> Fill:
    """Return the fill of a row of the table ``fills`` whose kind is ``trade``."""
    return Fill(
        row["trade_id"],
        row["order_id"],
        row["token_id"],
        Side(row["side"]),
        Decimal(row["price"]),
        Decimal(row["size"]),
        Decimal(row["fee"]),
        bool(row["is_maker"]),
        FillStatus(row["status"]),
        row["at"],
    )


def is_over(order: OpenOrder) -> bool:
    """Whether the exchange says that the order can trade no more.

    UNMATCHED is not over: the exchange says it of a marketable order that it could
    not delay and has put on the book.
    """
    if order.remaining <= 0 or order.status in ("MATCHED", "INVALID"):
        return True
    return order.status.startswith("CANCEL")
