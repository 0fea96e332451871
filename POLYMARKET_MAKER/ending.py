"""When a child ends, and the proofs that nothing of ours is open: at its end, and after a kill.

A child that is over goes on turning until the exchange has shown that none of its orders is
open. Only then it ends with the code of its reason; when that takes too long, with one that says
that orders may be open.
"""

from __future__ import annotations

from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo, TokenHealth
from POLYMARKET_MAKER.core.unknown import ARRIVAL_S
from POLYMARKET_MAKER.errors import ChildExit
from POLYMARKET_MAKER.ledger import Ledger, TokenView
from POLYMARKET_MAKER.orders import Orders
from POLYMARKET_MAKER.outlook import Surroundings
from POLYMARKET_MAKER.quotes import NoQuote

CLOSING_S = ARRIVAL_S + 3.0
"""How long the end waits for its proof: an order without an answer may take so long."""
STARVED_S = 600.0
"""So long without a source and without a place for an own line: better a fresh start."""


class Ending:
    """Whether one child is over, and whether that is proven.

    Attributes:
        is_asked: Somebody wants it to end; may be set by any thread or signal handler.
        is_killed: The kill switch was set at the last turn.
    """

    def __init__(
        self,
        market: MarketInfo,
        *,
        orders: Orders,
        ledger: Ledger,
        status: ChildStatus,
        clock: Clock,
    ) -> None:
        self.is_asked = False
        self.is_killed = False
        self._market = market
        self._orders = orders
        self._ledger = ledger
        self._status = status
        self._clock = clock
        self._code: ChildExit | None = None
        self._until = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether the child is over and waits for its proof."""
        return self._code is not None

    @property
    def needs_proof(self) -> bool:
        """Whether somebody waits for the proof that nothing of ours is open."""
        return self.has_begun or (self.is_killed and self._status.kill_proven_at is None)

    def begins(
        self, reading: AgedQuote | NoQuote, around: Surroundings, *, starved_s: float
    ) -> bool:
        """Whether the child is over since this turn.

        Args:
            reading: Its quote.
            around: What it knows beside that.
            starved_s: For how long it had neither a source nor a place for an own line.
        """
        if self._code is not None:
            return False
        health = reading.health if isinstance(reading, AgedQuote) else None
        view = around.view
        if self.is_asked:
            self._begin(ChildExit.DONE, "stopped")
        elif health is TokenHealth.CLOSED or self._market.closed:
            self._begin(ChildExit.MARKET_CLOSED, "market_closed")
        elif self._orders.venue.refused is not None:
            self._begin(ChildExit.REFUSED, "exchange_refuses_us")
        elif around.exiting and view.position.is_flat and not view.busy:
            self._begin(ChildExit.DONE, "sold_out")
        elif starved_s >= STARVED_S:
            self._begin(ChildExit.TEMPORARY, "no_source")
        return self.has_begun

    def note_kill(self, around: Surroundings) -> None:
        """Say when the exchange showed that nothing of ours is open since the kill."""
        was_killed, self.is_killed = self.is_killed, around.switches.killed
        if not self.is_killed:
            self._status.kill_proven_at = None
        elif not was_killed:
            self._orders.need_proof()
        elif self._status.kill_proven_at is None and self._orders.is_proven_clean(around.view):
            self._status.kill_proven_at = self._clock.now()
            self._status.touch()
            log.info("[RISK]", event="kill_proven", token=self._market.token_id)

    def closed(self, view: TokenView) -> ChildExit | None:
        """Return the exit code once nothing of ours is open, or when it takes too long."""
        if self._code is None:
            return None
        if self._orders.is_proven_clean(view):
            return self._code
        left = self._ledger.open_order_ids(self._market.token_id)
        if self._code is ChildExit.REFUSED and not left:
            return self._code  # an exchange that refuses us shows us nothing, either
        if self._clock.mono() < self._until:
            return None
        log.error("[EXIT]", event="orders_open", token=self._market.token_id, orders=left)
        return ChildExit.ORDERS_OPEN

    def _begin(self, code: ChildExit, reason: str) -> None:
        self._code = code
        self._until = self._clock.mono() + CLOSING_S
        self._orders.may_place = False
        self._status.enter("stopping")
        log.info("[EXIT]", token=self._market.token_id, reason=reason, code=int(code))


def ended_early(ledger_path: Path, token_id: str) -> ChildExit:
    """Return how a child ends that was asked to before it could ask the exchange anything.

    It has placed nothing; what an earlier life left may be open all the same.

    Raises:
        LedgerError: Nobody can say.
    """
    if not ledger_path.exists():
        return ChildExit.DONE
    with Ledger.open_existing(ledger_path) as ledger:
        left = ledger.open_order_ids(token_id)
    if not left:
        return ChildExit.DONE
    log.error("[EXIT]", event="orders_open", token=token_id, orders=left)
    return ChildExit.ORDERS_OPEN
