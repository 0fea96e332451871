"""A child's own connection: when it may be dialled, when it must be given up.

The exchange answers too many dials with HTTP 429, and a hundred children lose the
snapshot at the same moment. So three numbers bound them together: how many dial at
once, how many have a line at all, and a pause that one who is refused sets for all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.model import AgedQuote
from POLYMARKET_MAKER.line import LineStats
from POLYMARKET_MAKER.slots import Pause, Slot, Slots

DIAL_LIMIT_S = 20.0
"""Longest time that one child keeps a place among the diallers: others wait for it."""
NEXT_TRY_S = 5.0
LONGEST_BACKOFF_S = 60.0


class OwnQuotes(Protocol):
    """A line that has been dialled, as :class:`~POLYMARKET_MAKER.direct_quotes.DirectQuotes`."""

    def aged(self) -> AgedQuote | None: ...
    def stats(self) -> LineStats: ...
    def wait(self, timeout_s: float) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Places:
    """What the children of one data directory share.

    Attributes:
        dialling: Places among those who dial, held from dial to first tradable quote.
        connections: Places among those who have an own line.
        pause: Time before which nobody dials.
    """

    dialling: Slots
    connections: Slots
    pause: Pause


class OwnLine:
    """Opens, watches and closes the line; :meth:`keep` is to be called every turn.

    Attributes:
        refused: Why a line was wanted and could not be had; None when it could.
    """

    def __init__(self, dial: Callable[[], OwnQuotes], places: Places, clock: Clock) -> None:
        """Dial nobody yet.

        Args:
            dial: Opens a line.
            places: What bounds all children together.
            clock: The clock.
        """
        self.refused: str | None = None
        self._dial = dial
        self._places = places
        self._clock = clock
        self._quotes: OwnQuotes | None = None
        self._dialling: Slot | None = None
        self._connection: Slot | None = None
        self._dialled_mono = 0.0
        self._not_before_mono = 0.0
        self._refusals = 0

    @property
    def is_closed(self) -> bool:
        """Whether there is no line, nor a place that is held for one."""
        return self._quotes is None and self._dialling is None and self._connection is None

    def aged(self) -> AgedQuote | None:
        """Return the line's newest quote; None without a line or before the first."""
        return None if self._quotes is None else self._quotes.aged()

    def keep(self, *, wanted: bool, is_ready: bool) -> None:
        """Open, watch or close the line.

        Args:
            wanted: Whether there should be one.
            is_ready: Whether it has a tradable quote.
        """
        if not wanted:
            self.close()
        elif self._quotes is None:
            self._open()
        elif is_ready:
            self._refusals = 0
            self._leave_diallers()
        else:
            self._watch(self._quotes)

    def wait(self, timeout_s: float) -> bool:
        """Wait for news of the line; return at once, with False, when there is none."""
        if self._quotes is None:
            return False
        self._quotes.wait(timeout_s)
        return True

    def close(self) -> None:
        """Close the line, if there is one, and give back its places."""
        self.refused = None
        self._drop()

    def _open(self) -> None:
        self.refused = self._take_places()
        if self.refused is None:
            self._dialled_mono = self._clock.mono()
            self._quotes = self._dial()
        else:
            self._drop()

    def _take_places(self) -> str | None:
        """Take what a dial needs; return why it cannot be had."""
        places = self._places
        if places.pause.left_s(self._clock.boot()) > 0:
            return "exchange_asks_to_wait"
        if self._clock.mono() < self._not_before_mono:
            return "waits_for_next_try"
        try:
            self._dialling = self._dialling or places.dialling.take()
            if self._dialling is None:
                return "no_dialling_slot"
            self._connection = self._connection or places.connections.take()
        except OSError as error:
            if log.every(60, "slots"):
                log.error("[FALLBACK]", event="slots_unusable", reason=str(error))
            return "slots_unusable"
        return None if self._connection is not None else "no_connection_slot"

    def _watch(self, quotes: OwnQuotes) -> None:
        """Have a line without a quote be among the diallers, or be gone."""
        stats = quotes.stats()
        dials_too_long = self._clock.mono() - self._dialled_mono > DIAL_LIMIT_S
        if stats.state is LineState.OPEN:
            if dials_too_long:
                self._leave_diallers()  # its dial is over; the exchange has no book for us
        elif stats.retry_after_s is not None:
            self._back_off(stats.retry_after_s)
        elif self._dialling is None:
            # It broke and dials again, for which it needs a place as at the first time.
            self._dialled_mono = self._clock.mono()
            self.refused = self._take_places()
            if self.refused is not None:
                self._drop()
        elif dials_too_long:
            self.refused = "waits_for_next_try"
            self._not_before_mono = self._clock.mono() + NEXT_TRY_S * (0.5 + _jitter())
            self._drop()

    def _back_off(self, retry_after_s: float) -> None:
        """The exchange has had too many dials: nobody dials for a while."""
        wait_s = min(LONGEST_BACKOFF_S, retry_after_s * 2.0**self._refusals)
        self._refusals += 1
        self._places.pause.extend(wait_s, self._clock.boot())
        self._not_before_mono = self._clock.mono() + wait_s + _jitter()
        self.refused = "exchange_asks_to_wait"
        log.warning("[FALLBACK]", event="too_many_dials", wait_s=round(wait_s, 1))
        self._drop()

    def _leave_diallers(self) -> None:
        if self._dialling is not None:
            self._dialling.free()
            self._dialling = None

    def _drop(self) -> None:
        if self._quotes is not None:
            self._quotes.close()
            self._quotes = None
        self._leave_diallers()
        if self._connection is not None:
            self._connection.free()
            self._connection = None


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads dials, guards nothing
