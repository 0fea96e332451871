"""Hold the wallet against the ledger: book what left it, adopt what came if that is wanted.

Orders and fills tell what we traded. What was redeemed, or sold by hand on the exchange's
page, no fill of ours tells; without this a child would try for ever to sell it. Surplus
shares are foreign and stay so, unless ``adopt_wallet_positions`` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.core.model import ZERO, Side
from POLYMARKET_MAKER.core.order import Position
from POLYMARKET_MAKER.core.shares import SETTLED_S, Sighting, difference, is_pending
from POLYMARKET_MAKER.errors import MakerError, VenueError
from POLYMARKET_MAKER.exchange.data_api import PositionRow
from POLYMARKET_MAKER.exchange.protocol import Allowance
from POLYMARKET_MAKER.ledger import Ledger


class Balances(Protocol):
    """The exchange's own word for what the wallet holds."""

    def allowance(self, token_id: str | None = None) -> Allowance:
        """Read the balance of one token."""
        ...


class WalletWatch:
    """Looks at the wallet after each read of the account, in the same thread."""

    def __init__(
        self,
        balances: Balances,
        positions: Callable[[], Sequence[PositionRow]],
        ledger: Ledger,
        *,
        adopts: bool,
        ring: Callable[[str], object],
    ) -> None:
        """Look at nothing yet.

        Args:
            balances: Read for tokens of which something seems to be wrong.
            positions: Reads all that the wallet holds, by the data API.
            ledger: What is ours.
            adopts: Whether surplus shares become ours.
            ring: Wakes the child of a token.
        """
        self._balances = balances
        self._positions = positions
        self._ledger = ledger
        self._adopts = adopts
        self._ring = ring
        self._seen: dict[str, Sighting] = {}

    def look(self, now: float) -> None:
        """Compare everything once; *now* is epoch seconds.

        Raises:
            VenueError: The wallet could not be read; what was not compared is as before.
            LedgerError: The ledger could not be used.
        """
        rows = {row.token_id: row for row in self._positions()}
        held = {each.token_id: each for each in self._ledger.positions() if each.size > 0}
        foreign = 0
        for token_id in held.keys() | rows.keys():
            position = held.get(token_id) or Position(token_id)
            row = rows.get(token_id)
            said = ZERO if row is None else row.current_size
            if difference(position.size, said) > 0 and not self._adopts:
                foreign += 1
            elif difference(position.size, said) == 0 or self._is_pending(token_id, now):
                self._seen.pop(token_id, None)
            else:
                self._compare(position, row, said, now)
        if foreign and log.every(86_400, "foreign_shares", foreign):
            log.info("[ACCOUNT]", event="foreign_shares", tokens=foreign)

    def look_quietly(self, now: float) -> None:
        """The same beside other work: what cannot be compared now is compared later."""
        try:
            self.look(now)
        except MakerError as error:
            if log.every(600, "wallet_watch"):
                kind = "unreadable" if isinstance(error, VenueError) else "ledger"
                log.warning("[ACCOUNT]", event="wallet_not_compared", kind=kind, reason=str(error))

    def _is_pending(self, token_id: str, now: float) -> bool:
        view = self._ledger.view(token_id, now=now)
        if view.unresolved or view.unsettled:
            return True
        return any(is_pending(fill, now) for fill in self._ledger.fills(token_id))

    def _compare(
        self, position: Position, row: PositionRow | None, said: Decimal, now: float
    ) -> None:
        """Ask the exchange as well, and book what both say."""
        token_id = position.token_id
        balance = self._balances.allowance(token_id).balance
        more = difference(position.size, said, balance)
        before = self._seen.pop(token_id, None)
        if more == 0:
            return
        sighting = Sighting(position.size, -more, now)
        is_doubtful = more < 0 or self._is_buying(token_id, now)
        if is_doubtful and not sighting.confirms(before):
            # Of looks that follow each other closely the first one counts.
            first = before if sighting.is_same(before) else None
            self._seen[token_id] = first or sighting
        elif more < 0:
            self._book_shortfall(sighting, token_id)
        elif row is not None:
            self._adopt(row, more, now)

    def _is_buying(self, token_id: str, now: float) -> bool:
        """Whether a surplus may be a fill of ours that nobody has told yet."""
        orders = self._ledger.view(token_id, now=now).orders
        return any(order.side is Side.BUY for order in orders)

    def _book_shortfall(self, sighting: Sighting, token_id: str) -> None:
        bid = self._ledger.last_bid(token_id, since=sighting.at - SETTLED_S)
        self._ledger.record_external(
            f"left-{token_id}-{sighting.at}",
            token_id,
            Side.SELL,
            sighting.missing,
            price=bid,
            at=sighting.at,
        )
        log.error(
            "[POS]",
            "shares that the ledger held are not in the wallet: redeemed or sold elsewhere?",
            event="external_shortfall",
            token=token_id,
            held=sighting.held,
            missing=sighting.missing,
            price=bid,
        )
        self._ring(token_id)

    def _adopt(self, row: PositionRow, size: Decimal, now: float) -> None:
        """Make a surplus ours at what it cost; without a cost its profit could not be told."""
        if not row.avg_price:
            if log.every(86_400, "adopt", row.token_id):
                log.error("[POS]", event="not_adopted", token=row.token_id, reason="cost unknown")
            return
        name = f"adopted-{row.token_id}-{now}"
        self._ledger.record_external(
            name, row.token_id, Side.BUY, size, price=row.avg_price, at=now
        )
        log.warning("[POS]", event="adopted", token=row.token_id, size=size, price=row.avg_price)
        self._ring(row.token_id)
