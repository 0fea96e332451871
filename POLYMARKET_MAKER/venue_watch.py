"""Whether the exchange can be reached, whether it takes our orders, and whether it takes *us*.

A refusal with 401 or 403 is not yet a refusal of us: the documents name 401 for a wrong
API key, but what stands before the exchange refuses single requests in the same words, and
a clock that jumped makes one request look stale (exchange docs, 2026-09, do not say more).
So one more signed request, a read, decides: refused again means that we are. Where reads
work and orders go on being refused, the third in a row means it too.
"""

from __future__ import annotations

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.order import Outcome, Placed, Unknown
from POLYMARKET_MAKER.errors import (
    CannotStart,
    LedgerError,
    MakerError,
    SettingsError,
    VenueRefused,
    VenueUnreachable,
)
from POLYMARKET_MAKER.exchange.protocol import is_unauthorised, refuses_us
from POLYMARKET_MAKER.ledger import Ledger

CONFIRM_AFTER_S = 3.0
"""From a refusal of ourselves to the read that decides whether it was meant."""
REFUSED_ORDERS = 3
HOLD_S = 5.0
SHARED_STATES = {
    "post_only_mode": "post_only",
    "cancel_only": "cancel_only",
    "trading_disabled": "disabled",
    "engine_restarting": "restarting",
}
"""Codes of refusals that hold for every order of everybody, and what the ledger calls them."""


class VenueWatch:
    """What one child knows of the exchange; used by the loop only.

    Attributes:
        unreachable: Why the exchange could not be asked last time; None when it could.
        refused: Why it will not take any order of ours; None while it does.
        doubt: Why it may be so; a read after :attr:`confirm_mono` decides.
        confirm_mono: When to read.
    """

    def __init__(self, token_id: str, ledger: Ledger, clock: Clock) -> None:
        """Know nothing bad."""
        self.unreachable: str | None = None
        self.refused: str | None = None
        self.doubt: str | None = None
        self.confirm_mono = float("inf")
        self._refused_orders = 0
        self._token_id = token_id
        self._ledger = ledger
        self._clock = clock

    @property
    def trouble(self) -> str | None:
        """What the venue is besides what all children share; None when nothing is."""
        if self.unreachable is not None:
            return "unreachable"
        return None if self.doubt is None else "refusing"

    @property
    def must_confirm(self) -> bool:
        """Whether it is time for the read that decides whether we are refused."""
        return self._clock.mono() >= self.confirm_mono

    def answered(self) -> None:
        """Take in that a request was answered."""
        if self.unreachable is not None:
            log.info("[ORDER]", "venue answers again", token=self._token_id)
            self.unreachable = None

    def was_read(self) -> None:
        """Take in that a signed read was answered: the exchange knows us."""
        self.doubt, self.confirm_mono = None, float("inf")

    def answered_order(self, outcome: Outcome) -> None:
        """Take in what became of an order."""
        if isinstance(outcome, Placed):
            self._refused_orders = 0
        elif isinstance(outcome, Unknown):
            self._share(outcome.code, outcome.retry_after_s, outcome.reason)
        elif refuses_us(outcome):
            self._refuse(outcome.reason)
        elif is_unauthorised(outcome.status_code, outcome.reason):
            self._refused_orders += 1
            self._doubt(f"{outcome.reason} (HTTP {outcome.status_code})", from_read=False)

    def failed(self, key: str, error: MakerError, *, is_read: bool) -> None:
        """Take in the error that a request ended with.

        Args:
            key: Which request.
            error: Its error.
            is_read: Whether it asked a signed question and nothing else.
        """
        if isinstance(error, VenueUnreachable):
            self._share(error.code, error.retry_after_s, str(error))
            if self.unreachable is None:
                log.error("[ORDER]", event="venue_unreachable", reason=str(error))
            self.unreachable = str(error)
        elif isinstance(error, VenueRefused):
            if is_unauthorised(error.status_code, str(error)):
                self._doubt(f"{error} (HTTP {error.status_code})", from_read=is_read)
            elif log.every(60, "venue_refused", str(error)):
                log.error("[ORDER]", event="venue_refused", reason=str(error))
        elif isinstance(error, SettingsError | CannotStart):
            self._refuse(str(error))
        else:
            log.error("[ORDER]", event=key, reason=str(error))

    def _doubt(self, reason: str, *, from_read: bool) -> None:
        is_confirmed = from_read and self.must_confirm
        if is_confirmed or self._refused_orders >= REFUSED_ORDERS:
            self._refuse(reason)
        elif self.doubt is None:
            self.doubt, self.confirm_mono = reason, self._clock.mono() + CONFIRM_AFTER_S
            log.error("[ORDER]", event="refused_once", token=self._token_id, reason=reason)

    def _refuse(self, reason: str) -> None:
        if self.refused is None:
            self.refused = reason
            log.error("[ORDER]", event="refuses_us", token=self._token_id, reason=reason)

    def _share(self, code: str | None, retry_after_s: float | None, reason: str) -> None:
        """Tell all children of a state of the exchange, so that one of them finds out for all."""
        if code not in SHARED_STATES:
            return
        state, boot_s = SHARED_STATES[code], self._clock.boot()
        try:
            self._ledger.set_venue(
                state, for_s=retry_after_s or HOLD_S, boot_s=boot_s, reason=reason
            )
        except LedgerError as error:
            log.error("[ORDER]", event="venue_not_shared", reason=str(error))
