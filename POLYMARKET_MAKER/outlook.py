"""What a decision depends on beside the quote, read anew only when it may have changed.

Quotes come many times a second; orders, fills, brakes and the state of the exchange seldom
change. So these are read every :data:`~POLYMARKET_MAKER.brakes.LOOK_EVERY_S`, and at once before
something is placed, while a request of ours is under way, after this process wrote to the ledger
and when the account has news. Nothing is ever placed on what was read in an earlier turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from POLYMARKET_MAKER.brakes import LOOK_EVERY_S, Brakes, Signs
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.breaker import DEFAULT, Breaker
from POLYMARKET_MAKER.core.gate import Switches
from POLYMARKET_MAKER.core.model import MarketInfo, Side
from POLYMARKET_MAKER.core.order import OpenOrder
from POLYMARKET_MAKER.core.risk import Limits
from POLYMARKET_MAKER.ledger import Ledger, TokenView
from POLYMARKET_MAKER.orders import Orders


@dataclass(frozen=True, slots=True)
class Rules:
    """What bounds a child beside its strategy.

    Attributes:
        limits: The caps.
        exit_only: Sell what is held and end.
        exit_signal: When this file exists: the same.
        brakes: Kill and pause.
        sell_only_from: Epoch seconds from which nothing is bought; None for never.
        breaker: When failed orders, of all children together, stop the placing.
        look_every_s: Longest time between two looks at the files among these.
    """

    limits: Limits
    exit_only: bool
    exit_signal: Path
    brakes: Brakes
    sell_only_from: float | None
    breaker: Breaker = DEFAULT
    look_every_s: float = LOOK_EVERY_S


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that a decision depends on beside the quote, as of one moment.

    Attributes:
        view: What the ledger says of the token.
        siblings: Our resting orders of the complementary token.
        switches: What holds orders back.
        exiting: Whether what is held is to be sold.
        busy: Sides on which nothing may be placed now.
        cancelling: Ids whose cancel is under way.
    """

    view: TokenView
    siblings: tuple[OpenOrder, ...]
    switches: Switches
    exiting: bool
    busy: frozenset[Side]
    cancelling: frozenset[str]

    @property
    def is_live(self) -> bool:
        """Whether something of ours is open, or its fate is."""
        return bool(self.view.orders or self.view.unresolved or self.view.unsettled)


class Outlook:
    """Reads the surroundings of one child.

    Attributes:
        stopping: The child is over; as of the next :meth:`look`.
    """

    def __init__(
        self,
        market: MarketInfo,
        rules: Rules,
        *,
        orders: Orders,
        ledger: Ledger,
        clock: Clock,
        asking: Callable[[], bool],
        collect: Callable[[], object],
    ) -> None:
        """Look at nothing yet.

        Args:
            market: The token's market.
            rules: What bounds the child.
            orders: What is at the exchange.
            ledger: The account's memory.
            clock: The clock.
            asking: Whether a request is under way, or has ended and was not collected.
            collect: Takes what requests and the ledger have brought; called where there may be
                something, before it is looked at.
        """
        self.stopping = False
        self._market = market
        self._rules = rules
        self._orders = orders
        self._ledger = ledger
        self._clock = clock
        self._asking = asking
        self._collect = collect
        self._signs = Signs(rules.brakes, market.token_id, rules.exit_signal)
        self._seen: Surroundings | None = None
        self._ledger_version = (-1, -1)
        self._until_mono = float("-inf")

    def last(self) -> Surroundings | None:
        """Return what was read last, while it holds; else None.

        While the fate of an order is open it holds for one turn: that order may be sent again.
        """
        seen = self._seen
        if (
            seen is None
            or self._clock.mono() >= self._until_mono
            or self._ledger.writes != self._ledger_version[1]
            or seen.view.unresolved
            or self._asking()
        ):
            return None
        return seen

    def expire(self) -> None:
        """Let what was read last hold no longer."""
        self._until_mono = float("-inf")

    def look(self) -> Surroundings:
        """Read everything anew.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        now, mono = self._clock.now(), self._clock.mono()
        self._until_mono = mono + self._rules.look_every_s
        self._signs.look()
        version = self._ledger.version()
        if version != self._ledger_version or self._asking():
            self._ledger_version = version  # what is written from here on is news the next time
            self._collect()
        with self._ledger.one_moment(version):
            seen = self._read(now)
        if seen != self._seen:  # what follows from the old one is not to be worked out anew
            self._seen = seen
        return self._seen

    def _read(self, now: float) -> Surroundings:
        token_id, sibling_id = self._market.token_id, self._market.sibling_id
        view = self._ledger.view(token_id, now=now)
        return Surroundings(
            view,
            () if sibling_id is None else tuple(self._ledger.our_orders(sibling_id)),
            self._switches(now),
            self._rules.exit_only or self._signs.exiting,
            self._orders.busy(view),
            self._orders.cancelling,
        )

    def _switches(self, now: float) -> Switches:
        from_, breaker = self._rules.sell_only_from, self._rules.breaker
        boot_s = self._clock.boot()
        return Switches(
            killed=self._signs.killed,
            paused=self._signs.paused,
            stopping=self.stopping,
            sell_only=from_ is not None and now >= from_,
            account_fresh=self._orders.reading.is_fresh,
            breaker_open=self._ledger.breaker_until(boot_s=boot_s, breaker=breaker) is not None,
            venue=self._orders.venue.trouble or self._ledger.venue(boot_s=boot_s)[0],
            budget_wait_s=self._orders.budget_wait_s(),
        )
