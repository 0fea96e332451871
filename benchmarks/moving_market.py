"""A market of two tokens whose book moves, as the frames that the exchange would send of it."""

from __future__ import annotations

import json
import random
from decimal import Decimal

from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.model import Level

MARKET = "0x2aaeb40ad2a1ad262d75d5c52bff1a9f801fb72e65774343729fe103ee9fa308"
TOKENS = (
    "58726851105893121441976415044785550794620582864839872973127370351200548678811",
    "71321045679252212594626385532706912750332728571942532289631379312455583992563",
)
LEVELS = 40
REMOVED = 0.1
"""Part of the changes that take a level away."""
CENT = Decimal("0.01")


class MovingMarket:
    """A market whose two books move as recorded ones do: most changes are near the top."""

    def __init__(self) -> None:
        self._random = random.Random(9)  # noqa: S311 - a load, not a secret
        self._bids = {CENT * (50 - n): self._size() for n in range(1, LEVELS)}
        self._asks = {CENT * (50 + n): self._size() for n in range(1, LEVELS)}
        self._now_ms = 1_790_766_966_313

    def books(self) -> list[BookSnapshot]:
        """Return both tokens' books."""
        yes = BookSnapshot(
            market=MARKET,
            timestamp=str(self._now_ms),
            token_id=TOKENS[0],
            bids=tuple(Level(*each) for each in self._bids.items()),
            asks=tuple(Level(*each) for each in self._asks.items()),
            hash="",
            tick_size=CENT,
            last_trade_price="0.500",
            version="",
        )
        return [yes, yes.mirrored(TOKENS[1])]

    def change(self) -> str:
        """Change one level, and write the frame that the exchange would send."""
        side = self._random.choice((self._bids, self._asks))
        steps = min(1 + int(self._random.expovariate(0.4)), LEVELS - 1)
        price = CENT * (50 - steps if side is self._bids else 50 + steps)
        size = Decimal(0) if self._random.random() < REMOVED else self._size()
        side[price] = size
        bid = max(price for price, size in self._bids.items() if size)
        ask = min(price for price, size in self._asks.items() if size)
        self._now_ms += 3
        is_bid = side is self._bids
        rows = [
            self._row(TOKENS[0], (price, size), (bid, ask), is_bid=is_bid),
            self._row(TOKENS[1], (1 - price, size), (1 - ask, 1 - bid), is_bid=not is_bid),
        ]
        frame = {
            "market": MARKET,
            "price_changes": rows,
            "timestamp": str(self._now_ms),
            "event_type": "price_change",
        }
        return json.dumps(frame, separators=(",", ":"))

    def _row(
        self,
        token: str,
        level: tuple[Decimal, Decimal],
        top: tuple[Decimal, Decimal],
        *,
        is_bid: bool,
    ) -> dict[str, str]:
        return {
            "asset_id": token,
            "price": str(level[0].normalize()),
            "size": str(level[1]),
            "side": "BUY" if is_bid else "SELL",
            "hash": f"{self._random.getrandbits(160):040x}",
            "best_bid": str(top[0].normalize()),
            "best_ask": str(top[1].normalize()),
        }

    def _size(self) -> Decimal:
        return Decimal(self._random.randrange(500, 500_000)) / 100
