"""Tell a quiet market from a dead feed.

Two facts are measured apart and never mixed. The *line* is proven alive by any frame,
PONG included; quotes are not needed for that. A *token's* last quote is then judged
together with its line: silence on a living line is a quiet market, and the quote stands.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.model import TokenHealth

GAPS_KEPT = 31
GAPS_NEEDED = 5
BURST_S = 1.0


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """Durations in seconds.

    Attributes:
        live_s: Age up to which a quote counts as LIVE.
        grace_s: Silence, PONGs included, after which a line counts as dead: 2.5 times
            the ping interval, so one lost PONG is forgiven.
        suspect_s: Shortest quiet time that raises a suspicion.
        suspect_gaps: The same in median gaps of the token itself.
        rejects_s: A run of rejected quotes that raises one.
        writer_s: Silence of a snapshot's writer that makes every quote STALE.
        ask_rest_s: Time without a snapshot after which REST is asked for one.
        move_s: The same after which the token moves to a fresh connection.
    """

    live_s: float = 30.0
    grace_s: float = 25.0
    suspect_s: float = 60.0
    suspect_gaps: float = 20.0
    rejects_s: float = 5.0
    writer_s: float = 10.0
    ask_rest_s: float = 40.0
    move_s: float = 60.0


DEFAULT_LIMITS = HealthLimits()


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What is known of one connection, on one monotonic clock.

    Attributes:
        opened_mono: When it opened; None when it is not open.
        last_frame_mono: When any frame last arrived.
    """

    opened_mono: float | None
    last_frame_mono: float | None

    def is_alive(self, now: float, *, grace_s: float) -> bool:
        if self.opened_mono is None or self.last_frame_mono is None:
            return False
        return now - self.last_frame_mono <= grace_s


def token_health(
    *,
    quote_mono: float | None,
    snapshot_mono: float | None,
    line_alive: bool,
    now: float,
    closed: bool = False,
    suspect: bool = False,
    limits: HealthLimits = DEFAULT_LIMITS,
) -> TokenHealth:
    """Judge the last quote of one token, all times on one monotonic clock.

    Args:
        quote_mono: When its last book event was applied; None if none ever was.
        snapshot_mono: When its ladder was last made whole; None since its line broke.
        line_alive: Whether its line is proven alive, see :meth:`LineFacts.is_alive`.
        now: Current reading.
        closed: The market is resolved.
        suspect: A witness is wanted, or disagrees.
        limits: The durations.
    """
    if closed:
        return TokenHealth.CLOSED
    if quote_mono is None:
        return TokenHealth.PENDING
    if snapshot_mono is None or not line_alive:
        return TokenHealth.RESYNC
    if suspect:
        return TokenHealth.SUSPECT
    return TokenHealth.LIVE if now - quote_mono <= limits.live_s else TokenHealth.QUIET


def snapshot_health(
    entry_health: TokenHealth | None,
    *,
    written_age_s: float,
    quote_age_s: float | None,
    line_state: LineState,
    line_silent_s: float | None,
    limits: HealthLimits = DEFAULT_LIMITS,
) -> TokenHealth:
    """Judge an entry of another process's snapshot.

    Args:
        entry_health: What the writer said; None when the token has no entry.
        written_age_s: Since the writer's last sign of life.
        quote_age_s: Since the quote's last book event.
        line_state: Of the token's connection.
        line_silent_s: Since that connection's last frame; None if it never had one.
        limits: The durations.
    """
    if written_age_s > limits.writer_s:
        return TokenHealth.STALE
    if entry_health is None:
        return TokenHealth.PENDING
    if entry_health not in (TokenHealth.LIVE, TokenHealth.QUIET):
        return entry_health
    silent = line_silent_s is None or line_silent_s > limits.grace_s
    if line_state is not LineState.OPEN or silent:
        return TokenHealth.RESYNC
    if quote_age_s is not None and quote_age_s <= limits.live_s:
        return TokenHealth.LIVE
    return TokenHealth.QUIET


class Distrust:
    """For how long a child's quote has not been tradable.

    One doubt that follows another (SUSPECT, then RESYNC) is the same outage: what rests
    is not kept for the hold-down of each in turn.

    Args:
        now: Monotonic reading of the start.
    """

    def __init__(self, now: float) -> None:
        self._since = now
        self._was_tradable = True

    def for_s(self, health: TokenHealth, now: float) -> float:
        """Take the health as it is now; return the seconds since it was last tradable."""
        if health.is_tradable or self._was_tradable:
            self._since = now
        self._was_tradable = health.is_tradable
        return now - self._since


class Rhythm:
    """How often one token usually speaks.

    Attributes:
        median_gap_s: Median of its last gaps; 0 while too few are known.
    """

    def __init__(self) -> None:
        self.median_gap_s = 0.0
        self._gaps: deque[float] = deque(maxlen=GAPS_KEPT)
        self._last_mono: float | None = None

    def heard(self, now: float) -> None:
        """Note a book event; events of one burst count once."""
        last = self._last_mono
        if last is not None and now - last < BURST_S:
            return
        self._last_mono = now
        if last is not None:
            self._gaps.append(now - last)
            if len(self._gaps) >= GAPS_NEEDED:
                self.median_gap_s = statistics.median(self._gaps)

    def suspect_after_s(self, limits: HealthLimits) -> float:
        """Return how long a silence has to be before it is remarkable for this token."""
        return max(limits.suspect_s, limits.suspect_gaps * self.median_gap_s)
