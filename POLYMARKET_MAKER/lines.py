"""How the aggregator's lines to the exchange are opened."""

from __future__ import annotations

import random
from collections.abc import Callable

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import CannotStart
from POLYMARKET_MAKER.line import Line, OnFrame, OnState, OpenLine
from POLYMARKET_MAKER.publisher import NOT_STARTED

STAGGER_S = 0.25
"""Longest time between the first dials of two lines: many at once are answered HTTP 429."""


def market_lines(url: str, clock: Clock) -> OpenLine:
    """Return how to open connections to *url*.

    Raises:
        CannotStart: websocket-client is not installed.
    """
    try:
        from POLYMARKET_MAKER.market_line import MarketLine  # noqa: PLC0415 - see Raises
    except ImportError as error:
        log.error("[WS]", NOT_STARTED, event="aggregator_start", reason=str(error))
        raise CannotStart(
            f"cannot import websocket-client ({error}); run: pip install -r requirements.txt"
        ) from error

    def open_line(
        conn: int, on_frame: OnFrame, on_state: OnState, *, skip_book: Callable[[str], bool]
    ) -> Line:
        return MarketLine(
            url,
            on_frame,
            on_state=on_state,
            name=f"market-{conn}",
            custom_features=True,
            skip_book=skip_book,
            clock=clock,
            delay_s=conn * STAGGER_S * random.random(),  # noqa: S311 - spreads dials
        )

    return open_line
