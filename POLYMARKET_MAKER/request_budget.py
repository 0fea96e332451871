"""The exchange's budget of requests, counted in the ledger for all children of the account."""

from __future__ import annotations

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.budget import Kind
from POLYMARKET_MAKER.core.gate import Reason
from POLYMARKET_MAKER.errors import IntentRefused, LedgerError
from POLYMARKET_MAKER.exchange.http import RateLimit
from POLYMARKET_MAKER.ledger import Ledger

KINDS = {
    "POST /order": Kind.ORDER,
    "POST /orders": Kind.ORDER,
    "DELETE /order": Kind.CANCEL,
    "DELETE /orders": Kind.CANCEL,
}
REFUSED_S = 1.0
"""How long a 429 that does not say it holds."""


class RequestBudget:
    """Takes, and learns, what the exchange grants this account; from any thread.

    A cancel never waits for it, nor for the ledger: it is only counted, after it was sent.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Count in *ledger*."""
        self._ledger = ledger
        self._clock = clock

    def wait_s(self) -> float:
        """Return how long to wait until one more order may be sent; 0 when it may be now."""
        return self._ledger.budget_wait_s(boot_s=self._clock.boot())

    def take_order(self) -> None:
        """Take one order.

        Raises:
            IntentRefused: None is left. Do not send it.
            LedgerError: It could not be counted. Do not send it.
        """
        wait_s = self._ledger.take_budget(Kind.ORDER, 1, boot_s=self._clock.boot())
        if wait_s > 0:
            raise IntentRefused(Reason.BUDGET, f"the next order may be sent in {wait_s:.2f} s")

    def cancelled(self, count: int) -> None:
        """Count cancels that were sent."""
        try:
            self._ledger.take_budget(Kind.CANCEL, count, boot_s=self._clock.boot())
        except LedgerError as error:
            _tell(error)

    def heard(self, bucket: str, limit: RateLimit) -> None:
        """Take in what an answer said of one of our buckets."""
        kind = KINDS.get(bucket)
        if kind is None or limit.remaining is None:
            return
        try:
            self._ledger.learn_budget(kind, limit.remaining, boot_s=self._clock.boot())
        except LedgerError as error:
            _tell(error)

    def refused(self, kind: Kind, retry_after_s: float | None) -> None:
        """Take in a 429, and what the exchange asked us to wait."""
        wait_s = REFUSED_S if retry_after_s is None else retry_after_s
        try:
            self._ledger.learn_refusal(kind, wait_s, boot_s=self._clock.boot())
        except LedgerError as error:
            _tell(error)


def _tell(error: LedgerError) -> None:
    """Say that a count is lost: the exchange's own count remains."""
    if log.every(60, "budget"):
        log.warning("[ORDER]", event="budget_not_counted", reason=str(error))
