"""Put a child's source of quotes together: the aggregator's snapshot and an own line."""

from __future__ import annotations

import random
from pathlib import Path

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import failover
from POLYMARKET_MAKER.core.model import MarketInfo
from POLYMARKET_MAKER.direct_quotes import DirectQuotes
from POLYMARKET_MAKER.market_end import MarketEnd
from POLYMARKET_MAKER.own_line import OwnLine, Places
from POLYMARKET_MAKER.quotes import Quotes
from POLYMARKET_MAKER.rest_reader import MarketReads
from POLYMARKET_MAKER.settings import RunParams
from POLYMARKET_MAKER.settings.groups import Scheduler
from POLYMARKET_MAKER.shared_quotes import SharedQuotes
from POLYMARKET_MAKER.slots import Pause, Slots


def open_quotes(
    params: RunParams, clock: Clock, *, market: MarketInfo, reads: MarketReads
) -> Quotes:
    """Return where the child's quotes come from; nothing is dialled before it has to be."""
    feed, shared = params.feed, None
    path = params.begin_shared or params.shared_ws_cache_path
    if path is not None:
        shared = SharedQuotes(
            Path(path), params.token_id, max_age_s=feed.quote_max_age_s, clock=clock
        )

    def dial() -> DirectQuotes:
        end = MarketEnd(params.token_id, reads, end_at=market.end_at, clock=clock)
        return DirectQuotes(params.urls.ws_market, params.token_id, clock=clock, end=end)

    own = OwnLine(dial, _places(params), clock)
    return Quotes(
        params.token_id,
        shared=shared,
        begin_shared=params.begin_shared is not None,
        own=own,
        limits=failover.Limits(
            after_s=feed.fallback_after_s,
            writer_s=feed.quote_max_age_s,
            jitter_s=random.uniform(0, feed.fallback_jitter_s),  # noqa: S311 - spreads dials
            return_after_s=feed.fallback_return_after_s,
        ),
        clock=clock,
    )


def _places(params: RunParams) -> Places:
    """Return what bounds the own lines of all children of this data directory."""
    feed, directory = params.feed, params.data_dir / "slots"
    # The supervisor writes the number; by hand it is the default of what it stands for.
    lines = feed.fallback_max_connections or Scheduler().max_concurrent_tasks
    places = Places(
        dialling=Slots(directory, "dial", feed.fallback_dial_concurrency),
        connections=Slots(directory, "line", lines),
        pause=Pause(directory / "pause"),
    )
    places.dialling.prepare()
    places.connections.prepare()
    return places
