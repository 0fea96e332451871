"""A line that does nothing but note what it is told."""

from __future__ import annotations

from collections.abc import Iterable

from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.health import LineFacts
from POLYMARKET_MAKER.line import LineStats

NO_FACTS = LineFacts(None, None)


class StillLine:
    """A line for tests of what stands above lines.

    Attributes:
        lingers: Unsubscribing has its grace, and only then a line without tokens goes idle.
        opened_mono: When it opened, as far as its stats say.
    """

    def __init__(self, *, opened_mono: float) -> None:
        self.wanted: tuple[str, ...] = ()
        self.renewed: list[str] = []
        self.started = False
        self.lingers = False
        self.opened_mono = opened_mono

    def start(self) -> None:
        self.started = True

    def want(self, token_ids: Iterable[str]) -> None:
        self.wanted = tuple(token_ids)

    def renew(self, reason: str) -> None:
        self.renewed.append(reason)

    def stop(self, timeout_s: float = 1.0) -> None: ...

    def stats(self) -> LineStats:
        is_open = bool(self.wanted) or self.lingers
        return line_stats(
            LineState.OPEN if is_open else LineState.IDLE,
            facts=LineFacts(self.opened_mono if is_open else None, self.opened_mono),
            wanted=self.wanted,
        )


def line_stats(
    state: LineState,
    *,
    facts: LineFacts = NO_FACTS,
    connects: int = 1,
    wanted: tuple[str, ...] = (),
    retry_after_s: float | None = None,
) -> LineStats:
    """Return what a line says of itself on which nothing ever came."""
    return LineStats(
        state=state,
        opened_at=None,
        last_frame_at=None,
        facts=facts,
        connects=connects,
        wanted=wanted,
        sent=frozenset(),
        confirmed=frozenset(),
        frames=0,
        faults=0,
        refusals=0,
        last_reason="",
        retry_after_s=retry_after_s,
    )
