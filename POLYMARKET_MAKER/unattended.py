"""Cancel what is open of a token that no process trades.

A child's orders are cancelled when it ends. What a power cut left is not: its token may wait
for a slot for hours, or nobody may want it any more, and meanwhile its orders would rest at
the prices of then. A child that is started before that joins them and keeps their place.
"""

from __future__ import annotations

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.desk import Desk
from POLYMARKET_MAKER.errors import LedgerError
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.ledger import IntentState, Ledger

GRACE_S = 15.0
"""How long orders may wait for a child: so long the first one may wait for quotes."""
LOOK_EVERY_S = 1.0


class Unattended:
    """Looks at the ledger every second; the cancels and their proof are the desk's."""

    def __init__(self, fleet: Fleet, desk: Desk, clock: Clock) -> None:
        """Look at nothing yet."""
        self._fleet = fleet
        self._desk = desk
        self._clock = clock
        self._since: dict[str, float] = {}  # token -> when nobody was seen to trade it
        self._looked_mono = float("-inf")

    def turn(self) -> None:
        """Have cancelled what was nobody's for too long."""
        ledger, mono = self._desk.ledger, self._clock.mono()
        if ledger is None or mono - self._looked_mono < LOOK_EVERY_S:
            return
        self._looked_mono = mono
        try:
            tokens = _with_open_orders(ledger)
        except LedgerError as error:
            if log.every(60, "unattended"):
                log.error("[ORDER]", event="ledger_not_read", reason=str(error))
            return
        nobodys = (token_id for token_id in tokens if not self._fleet.is_traded(token_id))
        self._since = {token_id: self._since.get(token_id, mono) for token_id in nobodys}
        for token_id, since in self._since.items():
            # The desk goes on until it is proven; what turns up after that is asked for again.
            if mono - since >= GRACE_S and self._desk.is_clear(token_id):
                log.warning("[ORDER]", event="unattended", token=token_id)
                self._desk.clear(token_id)
                self._since[token_id] = mono


def _with_open_orders(ledger: Ledger) -> set[str]:
    live = (intent for intent in ledger.live() if intent.state is not IntentState.CLOSED)
    return {intent.signed.order.token_id for intent in live}
