"""Whether a market has ended, for a line that is not told: it is asked for, in no one's way."""

from __future__ import annotations

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import MarketInfo
from POLYMARKET_MAKER.core.witness import EndWatch
from POLYMARKET_MAKER.errors import VenueError
from POLYMARKET_MAKER.exchange.public import RestBook
from POLYMARKET_MAKER.rest_reader import MarketReads, RestReader


class MarketEnd:
    """Asks each minute once the announced end is over, before that hardly ever.

    Args:
        token_id: Of the market.
        reads: The exchange.
        end_at: The announced end in epoch seconds; None when none is announced.
        clock: Scales the minute.

    Attributes:
        is_over: Whether the exchange has said so.
    """

    def __init__(
        self, token_id: str, reads: MarketReads, *, end_at: float | None, clock: Clock
    ) -> None:
        self.is_over = False
        self._token_id = token_id
        self._reads = reads
        self._clock = clock
        self._watch = EndWatch(every_s=clock.real_s(EndWatch().every_s))
        self._watch.answered(clock.boot(), clock.now(), end_at=end_at)
        self._reader: RestReader | None = None

    def look(self) -> bool:
        """Return whether it is over, as far as is known; ask again when that is due."""
        if not self.is_over and self._watch.look(self._clock.boot()):
            self._ask()
        return self.is_over

    def close(self) -> None:
        """Ask nobody any more."""
        if self._reader is not None:
            self._reader.stop()

    def _ask(self) -> None:
        if self._reader is None:  # most lines are closed again long before the end
            self._reader = RestReader(self._reads, _no_book, self._on_market, clock=self._clock)
            self._reader.start()
        self._reader.ask_market(self._token_id)

    def _on_market(self, _token_id: str, answer: MarketInfo | VenueError) -> None:
        if isinstance(answer, VenueError):
            return
        self._watch.answered(self._clock.boot(), self._clock.now(), end_at=answer.end_at)
        self.is_over = answer.closed


def _no_book(_token_id: str, _answer: RestBook | VenueError) -> None:
    """Only the market is asked for."""
