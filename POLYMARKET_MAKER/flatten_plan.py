"""What ``--flatten`` would do: what the ledger holds, what that would bring, and its floors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import without_own
from POLYMARKET_MAKER.core.exiting import floor_of_exit, take_bid
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo
from POLYMARKET_MAKER.core.money import floor_size
from POLYMARKET_MAKER.core.order import Position
from POLYMARKET_MAKER.errors import UsageError, VenueRefused
from POLYMARKET_MAKER.exchange.protocol import MarketReader
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.seller import QuoteSource, Sale
from POLYMARKET_MAKER.settings import Settings

QUOTE_S = 15.0
"""So long a token may take to its first quote; a market that is dead never sends one."""
LOOK_S = 0.05
CLOSED = "its market is closed; redeem it on the exchange's page"


@dataclass(frozen=True, slots=True)
class Planned:
    """One holding, and what is going to happen to it.

    Attributes:
        position: What the ledger holds.
        bid: Best bid of others; None when nobody bids, or it is not known.
        sale: How it is sold; None when it cannot be.
        why_not: The reason for that; empty otherwise.
        is_for_good: Whether nothing that this program does could ever sell it.
    """

    position: Position
    bid: Decimal | None = None
    sale: Sale | None = None
    why_not: str = ""
    is_for_good: bool = False


def choose(held: Sequence[Position], said: str | None) -> Sequence[Position]:
    """Return what is meant: all, or one token by its id, or by its first or last digits.

    Raises:
        UsageError: It is no token that is held, or more than one.
    """
    if said is None:
        return held
    exact = [each for each in held if each.token_id == said]
    meant = exact or [each for each in held if _is_meant(each.token_id, said)]
    if len(meant) != 1:
        known = ", ".join(log.short(each.token_id) for each in held) or "nothing"
        what = "more than one token" if meant else "nothing that the ledger holds"
        raise UsageError(f"--token: {said!r} is {what}; held: {known}")
    return meant


def _is_meant(token_id: str, said: str) -> bool:
    return said == log.short(token_id) or token_id.startswith(said) or token_id.endswith(said)


class Appraiser:
    """Finds out what holdings would bring, each on a connection of its own."""

    def __init__(
        self,
        markets: MarketReader,
        ledger: Ledger,
        settings: Settings,
        *,
        clock: Clock,
        lines: ExitStack,
    ) -> None:
        """Ask nobody yet; *lines* closes the connections, on which is sold later."""
        self._markets = markets
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._lines = lines

    def look(self, position: Position) -> Planned:
        """Read market and quote of one holding; the floor of its exit is fixed here.

        Raises:
            VenueUnreachable: The exchange does not answer.
        """
        try:
            market = self._markets.market_info(position.token_id)
        except VenueRefused as error:
            return Planned(position, why_not=str(error))
        if market.closed:
            return Planned(position, why_not=CLOSED, is_for_good=True)
        # Here, not above: who only looks at the help needs no websocket-client.
        from POLYMARKET_MAKER.direct_quotes import DirectQuotes  # noqa: PLC0415

        url = self._settings.urls.ws_market
        quotes = DirectQuotes(url, position.token_id, clock=self._clock)
        self._lines.callback(quotes.close)
        aged = self._first_quote(quotes.aged, quotes.wait)
        if aged is None:
            return Planned(position, why_not=f"no quote within {QUOTE_S:.0f} s")
        return self._judge(position, market, quotes, aged)

    def _judge(
        self, position: Position, market: MarketInfo, quotes: QuoteSource, aged: AgedQuote
    ) -> Planned:
        own = [*self._ledger.our_orders(), *self._ledger.foreign_orders()]
        others = without_own(aged.quote, own, market.sibling_id, age_s=aged.age_s)
        grid = others.tick_size or market.tick_size
        held = floor_size(position.size)
        slippage = self._settings.maker.exit_slippage
        floor = floor_of_exit(others, grid, slippage)
        if floor is None:
            return Planned(position, why_not="nobody bids")
        if take_bid(others, held, "flatten") is None:
            why = "worth less than an order must be"
            return Planned(position, others.best_bid, why_not=why, is_for_good=True)
        return Planned(position, others.best_bid, Sale(market, quotes, floor))

    def _first_quote(
        self, aged: Callable[[], AgedQuote | None], wait: Callable[[float], object]
    ) -> AgedQuote | None:
        until = self._clock.mono() + QUOTE_S
        while self._clock.mono() < until:
            found = aged()
            if found is not None and found.health.is_tradable:
                return found
            wait(LOOK_S)
        return None
