"""A child's cancels: at once, by id, and with a pause after one that took nothing away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from POLYMARKET_MAKER.account_sync import Cancelled, cancel_orders
from POLYMARKET_MAKER.calls import Calls
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.errors import MakerError, VenueUnreachable
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.request_budget import RequestBudget

CANCELS = ("cancel", "cancel_more")
"""Keys of the requests: while one hangs, what is to go since then does not wait for it."""
FIRST_S = 0.25
LONGEST_S = 5.0
HURRY_S = 1.0
"""Longest pause while nothing of ours may stay on the book: one request a second and child."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """An order that cancels did not take away so far.

    Attributes:
        times: How many did not, in a row.
        at_mono: When the last one ended.
        asked_s: How long the exchange asked us to wait then.
    """

    times: int
    at_mono: float
    asked_s: float

    def until_mono(self, *, in_hurry: bool) -> float:
        pause_s = max(self.asked_s, min(FIRST_S * 2.0 ** (self.times - 1), LONGEST_S))
        return self.at_mono + (min(pause_s, HURRY_S) if in_hurry else pause_s)


class Cancelling:
    """Cancels by id; used by the loop only, :meth:`_cancel` apart."""

    def __init__(
        self,
        exchange: AccountReader,
        ledger: Ledger,
        calls: Calls,
        budget: RequestBudget,
        clock: Clock,
    ) -> None:
        """Cancel nothing yet."""
        self._exchange = exchange
        self._ledger = ledger
        self._calls = calls
        self._budget = budget
        self._clock = clock
        self._asked: dict[str, frozenset[str]] = {}  # key of the request -> orders
        self._failed: dict[str, _Failed] = {}

    @property
    def under_way(self) -> frozenset[str]:
        """Ids whose cancel was sent and is not answered."""
        return frozenset().union(*self._asked.values())

    def begin(self, order_ids: Collection[str], *, in_hurry: bool) -> bool:
        """Begin to cancel those of *order_ids* that it is time for.

        Args:
            order_ids: What should go; ask again at every turn.
            in_hurry: Whether a pause may be a second at most.

        Returns:
            Whether a request was begun.
        """
        due = [each for each in order_ids if self._is_due(each, in_hurry=in_hurry)]
        key = next((each for each in CANCELS if each not in self._asked), None)
        if not due or key is None:
            return False
        self._asked[key] = frozenset(due)
        self._calls.submit(key, partial(self._cancel, due))
        return True

    def answered(self, key: str, done: Cancelled) -> None:
        """Take in the answer: what it left where it was is not asked for again at once."""
        self._end(key, taken_away=frozenset(done.result.canceled), asked_s=0.0)

    def failed(self, key: str, error: MakerError) -> None:
        """Take in that there was no answer that can be used; any request's key may be told."""
        if key not in self._asked:
            return
        asked_s = error.retry_after_s if isinstance(error, VenueUnreachable) else None
        if isinstance(error, VenueUnreachable) and error.code == "rate_limited":
            self._budget.refused(Kind.CANCEL, asked_s)
        self._end(key, taken_away=frozenset(), asked_s=asked_s or 0.0)

    def _end(self, key: str, *, taken_away: frozenset[str], asked_s: float) -> None:
        mono, ended = self._clock.mono(), self._asked.pop(key, frozenset())
        # Nobody asks any more for what was not tried again for so long.
        forgotten_mono = mono - 2 * LONGEST_S
        self._failed = {
            each: failed
            for each, failed in self._failed.items()
            if each not in taken_away and failed.until_mono(in_hurry=False) > forgotten_mono
        }
        for order_id in ended - taken_away:
            before = self._failed.get(order_id)
            times = 1 if before is None else before.times + 1
            self._failed[order_id] = _Failed(times, mono, asked_s)

    def _is_due(self, order_id: str, *, in_hurry: bool) -> bool:
        if order_id in self.under_way:
            return False
        failed = self._failed.get(order_id)
        return failed is None or self._clock.mono() >= failed.until_mono(in_hurry=in_hurry)

    def _cancel(self, order_ids: list[str]) -> Cancelled:
        """In the request's thread."""
        try:
            return cancel_orders(self._exchange, self._ledger, order_ids, clock=self._clock)
        finally:
            self._budget.cancelled(len(order_ids))
