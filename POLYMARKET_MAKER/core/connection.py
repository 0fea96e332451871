"""One connection to the exchange: is it alive, and when to dial again.

The rules, the same for the market channel and the user channel:

* Text ``PING`` every 10 s; any frame is a sign of life; 25 s without one is death.
* After a break the next dial waits 0.25 s to 30 s, doubling, with full jitter. The
  doubling starts again only after a connection that stood for a minute, so that a
  server which accepts and closes is not hammered. What the exchange asks to wait
  (HTTP 429) is waited.

What is subscribed on a market connection is :mod:`POLYMARKET_MAKER.core.feed`'s matter.
Nothing here waits or looks at a clock: *now* is a monotonic reading in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from POLYMARKET_MAKER.core import subscription

NEVER = math.inf


class LineState(StrEnum):
    """State of a connection, in the words of the snapshot's ``feed.state``."""

    IDLE = "idle"  # no token is wanted: healthy
    DOWN = "down"  # waiting to dial
    CONNECTING = "connecting"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Durations of one connection, in seconds."""

    ping_s: float = 10.0
    dead_s: float = 25.0
    backoff_min_s: float = 0.25
    backoff_max_s: float = 30.0
    stable_s: float = 60.0


class Connection:
    """What one connection has shown. Not thread-safe.

    The shell calls :meth:`dialling`, :meth:`opened`, :meth:`heard` and :meth:`closed` as
    these happen, sends what :meth:`to_send` returns, closes when :meth:`must_close` gives
    a reason, and comes back by :meth:`next_deadline`.

    Args:
        limits: The durations.
        dial_mono: Earliest time of the first dial.

    Attributes:
        state: Of the connection.
        connects: How often it opened.
        opened_mono: When it opened; None while it is not open.
        last_frame_mono: When a frame last arrived on any connection; None before the first.
        last_reason: Why it last closed.
        failures: Connections in a row that did not stand for a minute, dials included.
    """

    def __init__(
        self, limits: ConnectionLimits | None = None, *, dial_mono: float = -math.inf
    ) -> None:
        self.state = LineState.DOWN
        self.connects = 0
        self.opened_mono: float | None = None
        self.last_frame_mono: float | None = None
        self.last_reason = ""
        self.failures = 0
        self._pace = limits or ConnectionLimits()
        self._dial_mono = dial_mono
        self._ping_mono = NEVER

    def should_dial(self, now: float) -> bool:
        return self.state is LineState.DOWN and now >= self._dial_mono

    def dialling(self) -> None:
        self.state = LineState.CONNECTING

    def opened(self, now: float) -> None:
        """Note that the connection stands."""
        self.state = LineState.OPEN
        self.connects += 1
        self.opened_mono = self.last_frame_mono = now
        self._ping_mono = now + self._pace.ping_s

    def closed(
        self, now: float, reason: str, *, jitter: float, retry_after_s: float | None = None
    ) -> None:
        """Note that the connection is gone or was never made, and plan the next dial.

        Args:
            now: Monotonic reading.
            reason: For people.
            jitter: Random number, 0 <= jitter < 1.
            retry_after_s: What the exchange asked us to wait (HTTP 429).
        """
        pace = self._pace
        if self.opened_mono is not None and now - self.opened_mono >= pace.stable_s:
            self.failures = 0
        if self._is_failure(reason):
            self.failures += 1
        ceiling = min(pace.backoff_max_s, pace.backoff_min_s * 2.0 ** min(self.failures, 16))
        wait_s = pace.backoff_min_s + jitter * (ceiling - pace.backoff_min_s)
        self._dial_mono = now + max(wait_s, retry_after_s or 0.0)
        self.state = LineState.DOWN
        self.opened_mono = None
        self.last_reason = reason

    def heard(self, now: float) -> None:
        """Note a frame: any is a sign of life."""
        self.last_frame_mono = now

    def to_send(self, now: float) -> list[str]:
        """Return the texts that are due; the caller sends all of them, in order."""
        if self.state is not LineState.OPEN or now < self._ping_mono:
            return []
        self._ping_mono = now + self._pace.ping_s
        return [subscription.PING]

    def must_close(self, now: float) -> str | None:
        """Say why the shell has to close now; None when it has not."""
        if self.state is not LineState.OPEN or self.last_frame_mono is None:
            return None
        silent_s = now - self.last_frame_mono
        if silent_s <= self._pace.dead_s:
            return None
        return f"no frame for {silent_s:.1f} s, limit is {self._pace.dead_s:g} s"

    def next_deadline(self) -> float:
        """Return when to call again if nothing arrives before; infinite when never."""
        if self.state is LineState.DOWN:
            return self._dial_mono
        if self.state is not LineState.OPEN or self.last_frame_mono is None:
            return NEVER
        return min(self._ping_mono, self.last_frame_mono + self._pace.dead_s)

    def _is_failure(self, reason: str) -> bool:  # noqa: ARG002 - for those who close by intent
        """Whether a connection that closed for *reason* makes the next dial wait longer."""
        return True
