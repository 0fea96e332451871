"""Cancel orders by id and prove that they are gone: a cancel that was sent proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import VenueError
from POLYMARKET_MAKER.exchange.protocol import AccountReader

RETRY_S = 0.5


def cancel_until_proven(
    reader: AccountReader,
    order_ids: Collection[str],
    *,
    deadline_s: float,
    clock: Clock,
    pause: Callable[[float], object],
) -> frozenset[str]:
    """Cancel and read until the exchange lists none of *order_ids*.

    Args:
        reader: The exchange.
        order_ids: Orders of ours; nothing else is touched.
        deadline_s: How long to try.
        clock: For the deadline.
        pause: Waits so many seconds between two tries.

    Returns:
        The ids that are not proven gone; empty is the proof. An exchange that does
        not answer leaves all of them.
    """
    left = frozenset(order_ids)
    deadline = clock.mono() + deadline_s
    while left:
        try:
            reader.cancel(sorted(left))
            left &= frozenset(order.order_id for order in reader.open_orders())
        except VenueError as error:
            if log.every(60, "cancel_until_proven"):
                log.error("[ORDER]", event="cancel_failed", orders=len(left), reason=str(error))
        if not left or clock.mono() >= deadline:
            break
        pause(RETRY_S)
    return left
