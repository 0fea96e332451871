"""Bring the ledger up to what the exchange says: open orders first, then fills.

In that order nothing can fall between: an order that is missing from the list has
ended before the fills are read, so its fills are among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.order import CancelResult, Fill, OpenOrder
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.ledger import Ledger

OVERLAP_S = 600.0
"""How far back fills are read again: a trade may fail minutes after it was matched."""
NOTED_EVERY_S = 1.0
"""How often children that read for themselves note it: each note has all others look anew."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """What one round of reads found.

    Attributes:
        listed: Every open order of the account, ours and foreign.
        missing: Ids of ours that may be open, and that the exchange neither lists nor knows.
        ended: Ids of ours that the ledger had as open, and that are over.
        new_fills: Fills of our orders that the ledger did not have.
        began_boot: When the first request was sent, in seconds since boot.
    """

    listed: tuple[OpenOrder, ...]
    missing: frozenset[str]
    new_fills: tuple[Fill, ...]
    ended: frozenset[str]
    began_boot: float


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


@dataclass(frozen=True, slots=True)
class Found:
    """The orders that the exchange knows, of those that were looked up one by one."""

    order_ids: tuple[str, ...]


def read_account(
    reader: AccountReader, ledger: Ledger, *, clock: Clock, token_id: str | None = None
) -> AccountView:
    """Read orders and fills, and take them into the ledger.

    Args:
        reader: The exchange.
        ledger: Where it goes.
        clock: The clock.
        token_id: Take in only fills and lost orders of this token; of all when None.

    Raises:
        VenueError: The exchange could not be read. What was written before stays.
        LedgerError: The ledger could not be written.
    """
    now, began_boot = clock.now(), clock.boot()
    live = {intent.order_id: intent for intent in ledger.live(token_id)}
    since = min([now, *(intent.created_at for intent in live.values())]) - OVERLAP_S
    listed = tuple(reader.open_orders())
    unlisted = frozenset(ledger.record_account(listed)) & live.keys()
    missing = frozenset(each for each in unlisted if not look_up(reader, ledger, each))
    fills = reader.fills(after=since)
    new_fills = tuple(
        ledger.take_fills(fill for fill in fills if token_id in (None, fill.token_id))
    )
    noted_boot = ledger.account_read_boot_s()
    if token_id is None or noted_boot is None or began_boot - noted_boot >= NOTED_EVERY_S:
        ledger.account_read(now, boot_s=began_boot)
    return AccountView(listed, missing, new_fills, unlisted - missing, began_boot)


def look_up(reader: AccountReader, ledger: Ledger, order_id: str) -> bool:
    """Read one order by its id; return whether the exchange knows it."""
    found = reader.order(order_id)
    if found is None:
        return False
    ledger.record_order(found)
    return True


def look_up_each(reader: AccountReader, ledger: Ledger, order_ids: Sequence[str]) -> Found:
    """Read single orders; return those that the exchange knows."""
    return Found(tuple(each for each in order_ids if look_up(reader, ledger, each)))


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
