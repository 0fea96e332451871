"""A child's posts: one request a side, and a rest after one that was not taken."""

from __future__ import annotations

from functools import partial

from POLYMARKET_MAKER.calls import Calls
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import AgedQuote, MarketInfo, Side
from POLYMARKET_MAKER.core.order import NewOrder, Outcome
from POLYMARKET_MAKER.holds import Holds
from POLYMARKET_MAKER.ledger import Intent
from POLYMARKET_MAKER.sending import Decided, Sender

_KEYS = {side: f"post_{side.value}" for side in Side}


class Placing:
    """Begins requests that carry an order; used by the loop only."""

    def __init__(self, sender: Sender, calls: Calls, clock: Clock) -> None:
        """Send through *sender*, in the threads of *calls*."""
        self._sender = sender
        self._calls = calls
        self._clock = clock
        self._holds = Holds(clock)
        self._resending: dict[str, str] = {}  # key of the request -> order

    @property
    def under_way(self) -> frozenset[Side]:
        """The sides whose request has not been collected yet."""
        return frozenset(side for side, key in _KEYS.items() if self._calls.is_running(key))

    @property
    def busy(self) -> frozenset[Side]:
        """The sides on which nothing may be placed now."""
        return self.under_way | self._holds.held

    @property
    def sent_again(self) -> frozenset[str]:
        """Orders whose identical body is under way."""
        return frozenset(self._resending.values())

    def begin(self, order: NewOrder, aged: AgedQuote, market: MarketInfo, reason: str) -> bool:
        """Begin to place a new order; False while its side has a request under way."""
        if order.side in self.under_way:
            return False
        decided = Decided(order, aged, market, reason, self._clock.boot())
        self._calls.submit(_KEYS[order.side], partial(self._sender.send, decided))
        return True

    def begin_again(self, intent: Intent, aged: AgedQuote) -> bool:
        """Begin to send the identical body; False while its side has a request under way."""
        if intent.side in self.under_way:
            return False
        key, boot_s = _KEYS[intent.side], self._clock.boot()
        self._resending[key] = intent.order_id
        self._calls.submit(key, partial(self._sender.send_again, intent, aged, boot_s))
        return True

    def ended(self, key: str) -> str | None:
        """Take in that a request ended; return the order that it had sent again, if it did."""
        return self._resending.pop(key, None)

    def failed(self, key: str) -> None:
        """Take in that a request ended with an error; any request's key may be told."""
        for side, posting in _KEYS.items():
            if key == posting:
                self._holds.failed(side)

    def refused(self, side: Side) -> None:
        """Take in that we held an order back ourselves at the last moment."""
        self._holds.failed(side)

    def answered(self, side: Side, outcome: Outcome) -> None:
        """Take in the exchange's answer."""
        self._holds.answered(side, outcome)
