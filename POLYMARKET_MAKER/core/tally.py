"""How late quotes are when a child acts on them, and how many it never saw."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from POLYMARKET_MAKER.core.model import AgedQuote, Source

LAGS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Lag:
    """Time from a quote's arrival in this machine to the turn that acts on it.

    Attributes:
        p50_ms: Median of the last quotes; None before the first.
        p99_ms: The same for the 99th of a hundred.
        count: How many were measured since the start.
    """

    p50_ms: float | None
    p99_ms: float | None
    count: int


class Tally:
    """Follows one token's quotes by their (source, epoch, seq).

    A reader takes the newest state, never a queue. What it skipped was *conflated*:
    seq says how many there were.

    Attributes:
        conflated: Quotes that were replaced by a newer one before they were read.
    """

    def __init__(self) -> None:
        self.conflated = 0
        self._count = 0
        self._lags: deque[float] = deque(maxlen=LAGS_KEPT)
        self._life: tuple[Source, int | None] | None = None
        self._seq = 0

    def took(self, aged: AgedQuote, epoch: int | None) -> bool:
        """Note a quote that was read; return whether it is another than the one before.

        The first one of a source or of a writer's life says nothing of what was missed,
        and its age nothing of how fast we are: it may have stood there for long.
        """
        life, seq = (aged.source, epoch), aged.quote.seq
        if life != self._life:
            self._life, self._seq = life, seq
            return True
        if seq == self._seq:
            return False
        self.conflated += max(0, seq - self._seq - 1)
        self._seq = seq
        self._count += 1
        self._lags.append(aged.age_s * 1000)
        return True

    def lag(self) -> Lag:
        """Return how late the last quotes were."""
        ordered = sorted(self._lags)
        if not ordered:
            return Lag(None, None, 0)
        last = len(ordered) - 1
        return Lag(ordered[last // 2], ordered[round(last * 0.99)], self._count)
