"""The user channel's connection as a state machine: PING, death, and when to dial again.

The same rules and durations as a market connection (:mod:`POLYMARKET_MAKER.core.feed`):
text ``PING`` every 10 s; any frame is a sign of life; 25 s without one is death; after a
break the next dial waits 0.25 s to 30 s, doubling, with full jitter, and the doubling
starts again only after a connection that stood for a minute. There is nothing to
subscribe and nothing that confirms: a channel without news is silent but for ``PONG``.

Nothing here waits or looks at a clock: *now* is a monotonic reading in seconds.
"""

from __future__ import annotations

import math

from POLYMARKET_MAKER.core import wire
from POLYMARKET_MAKER.core.feed import FeedLimits, LineState

NEVER = math.inf


class UserLine:
    """What one connection has shown. Not thread-safe.

    Attributes:
        state: Of the connection: down, connecting or open.
        connects: How often it opened.
        last_reason: Why it last closed.
        failures: Connections in a row that did not stand for a minute, dials included.
    """

    def __init__(self, limits: FeedLimits | None = None) -> None:
        self.state = LineState.DOWN
        self.connects = 0
        self.last_reason = ""
        self.failures = 0
        self._limits = limits or FeedLimits()
        self._dial_mono = -math.inf
        self._opened_mono: float | None = None
        self._last_frame_mono = -math.inf
        self._ping_mono = NEVER

    def should_dial(self, now: float) -> bool:
        return self.state is LineState.DOWN and now >= self._dial_mono

    def dialling(self) -> None:
        self.state = LineState.CONNECTING

    def opened(self, now: float) -> None:
        """Note that the connection stands and the first frame was sent."""
        self.state = LineState.OPEN
        self.connects += 1
        self._opened_mono = self._last_frame_mono = now
        self._ping_mono = now + self._limits.ping_s

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
        limits = self._limits
        if self._opened_mono is not None and now - self._opened_mono >= limits.stable_s:
            self.failures = 0
        self.failures += 1
        ceiling = min(limits.backoff_max_s, limits.backoff_min_s * 2.0 ** min(self.failures, 16))
        wait_s = limits.backoff_min_s + jitter * (ceiling - limits.backoff_min_s)
        self._dial_mono = now + max(wait_s, retry_after_s or 0.0)
        self.state = LineState.DOWN
        self.last_reason = reason
        self._opened_mono = None

    def received(self, now: float) -> None:
        """Any frame is a sign of life."""
        self._last_frame_mono = now

    def to_send(self, now: float) -> str | None:
        """Return the ``PING`` that is due; the caller sends it."""
        if self.state is not LineState.OPEN or now < self._ping_mono:
            return None
        self._ping_mono = now + self._limits.ping_s
        return wire.PING

    def must_close(self, now: float) -> str | None:
        """Say why the shell has to close now; None when it has not."""
        silent_s = now - self._last_frame_mono
        if self.state is not LineState.OPEN or silent_s <= self._limits.dead_s:
            return None
        return f"no frame for {silent_s:.1f} s, limit is {self._limits.dead_s:g} s"

    def next_deadline(self) -> float:
        """Return when to call again if nothing arrives before."""
        if self.state is LineState.DOWN:
            return self._dial_mono
        if self.state is not LineState.OPEN:
            return NEVER
        return min(self._ping_mono, self._last_frame_mono + self._limits.dead_s)
