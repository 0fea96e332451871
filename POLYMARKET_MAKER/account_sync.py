"""Bring the ledger up to what the exchange says: open orders first, then fills.

In that order nothing can fall between: an order that is missing from the list has
ended before the fills are read, so its fills are among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import CancelResult, Fill, OpenOrder
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.ledger import Ledger

OVERLAP_S = 600.0
"""How far back fills are read again: a trade may fail minutes after it was matched."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """What one round of reads found.

    Attributes:
        listed: Every open order of the account, ours and foreign.
        missing: Ids of ours that may be open, and that the exchange neither lists nor knows.
        ended: Ids of ours that the ledger had as open, and that are over.
        new_fills: Fills of our orders that the ledger did not have.
    """

    listed: tuple[OpenOrder, ...]
    missing: frozenset[str]
    new_fills: tuple[Fill, ...]
    ended: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancel that was answered.

    Attributes:
        asked: The ids it was sent for.
        result: What the exchange said of them.
        answered_boot: When, in seconds since boot.
    """

    asked: tuple[str, ...]
    result: CancelResult
    answered_boot: float


def read_account(
    reader: AccountReader, ledger: Ledger, *, now: float, token_id: str | None = None
) -> AccountView:
    """Read orders and fills, and take them into the ledger.

    Args:
        reader: The exchange.
        ledger: Where it goes.
        now: Epoch seconds.
        token_id: Take in only fills and lost orders of this token; of all when None.

    Raises:
        VenueError: The exchange could not be read. What was written before stays.
        LedgerError: The ledger could not be written.
    """
    live = {intent.order_id: intent for intent in ledger.live(token_id)}
    since = min([now, *(intent.created_at for intent in live.values())]) - OVERLAP_S
    listed = tuple(reader.open_orders())
    unlisted = frozenset(ledger.record_account(listed)) & live.keys()
    missing = frozenset(each for each in unlisted if not look_up(reader, ledger, each))
    fills = reader.fills(after=since)
    new_fills = tuple(
        ledger.take_fills(fill for fill in fills if token_id in (None, fill.token_id))
    )
    ledger.account_read(now)
    return AccountView(listed, missing, new_fills, unlisted - missing)


def look_up(reader: AccountReader, ledger: Ledger, order_id: str) -> bool:
    """Read one order by its id; return whether the exchange knows it."""
    found = reader.order(order_id)
    if found is None:
        return False
    ledger.record_order(found)
    return True


def cancel_orders(
    reader: AccountReader, ledger: Ledger, order_ids: Sequence[str], *, clock: Clock
) -> Cancelled:
    """Cancel by id, take the answer in, and read what traded before.

    Raises:
        VenueError: The exchange could not be asked, or not be read after.
        LedgerError: The ledger could not be written.
    """
    result = reader.cancel(order_ids)
    done = Cancelled(tuple(order_ids), result, clock.boot())
    for order_id in ledger.record_cancel(result):
        look_up(reader, ledger, order_id)
    return done
