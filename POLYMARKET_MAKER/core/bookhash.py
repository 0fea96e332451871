"""The exchange's hash of a book: proof that our ladder is the exchange's ladder.

The hash is the SHA-1 of the book's REST form as compact JSON with an empty
``hash`` (seen on recorded frames of 2026-09 and 2026-10, and in the ``py-clob-client``
from 0.34.4). A ``price_change`` carries the hash of each asset's book *after* its
batch. Three of the hashed fields are not on the WebSocket: they come from REST or
are tried. The rule has changed before, so a hash that never matches proves nothing
and is called unsupported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from POLYMARKET_MAKER.core.model import Level

NEVER_TRADED = ""
UNSUPPORTED_AFTER = 5
"""So many mismatches without one match mean that we do not know this book's rule."""

_THREE_DECIMALS = tuple(f"{thousandths / 1000:.3f}" for thousandths in range(1001))


@dataclass(slots=True)
class HashProof:
    """What is known of one token's hashed fields, and how often its hash has matched.

    Attributes:
        min_order_size: As REST writes it; 5 shares wherever it was seen.
        neg_risk: None until known; both are tried then.
        last_trade_price: Three decimals, "" before the first trade; None when not
            known. A book sent after a trade holds that trade's price before the event
            of the trade arrives, so a known value may be one trade old.
        version: "v2" for a position id of a Protocol-V2 market.
    """

    min_order_size: str = "5"
    neg_risk: bool | None = None
    last_trade_price: str | None = None
    version: str = ""
    ok: int = 0
    bad: int = 0

    @property
    def is_unsupported(self) -> bool:
        return self.ok == 0 and self.bad >= UNSUPPORTED_AFTER

    def check(self, prefix: bytes, tick_size: Decimal, expected: str, *, search: bool) -> bool:
        """Compare a ladder with the exchange's hash of it, and learn the fields that matched.

        Args:
            prefix: The ladder, from :func:`hash_prefix`.
            tick_size: Current grid.
            expected: The exchange's hash.
            search: Also try every last trade price of three decimals, about 1 ms when
                none matches.
        """
        if self._matches(prefix, tick_size, expected, self._likely()) or (
            search and self._matches(prefix, tick_size, expected, _THREE_DECIMALS)
        ):
            self.ok += 1
            return True
        self.bad += 1
        return False

    def _likely(self) -> tuple[str, ...]:
        if self.last_trade_price is None:
            return (NEVER_TRADED,)
        return (self.last_trade_price, NEVER_TRADED)

    def _matches(
        self, prefix: bytes, tick_size: Decimal, expected: str, prices: Iterable[str]
    ) -> bool:
        for neg_risk in (False, True) if self.neg_risk is None else (self.neg_risk,):
            middle = _middle(self.min_order_size, tick_size, neg_risk=neg_risk)
            common = hashlib.sha1(prefix + middle, usedforsecurity=False)
            for price in prices:
                digest = common.copy()
                digest.update(_ending(price, self.version))
                if digest.hexdigest() == expected:
                    self.neg_risk, self.last_trade_price = neg_risk, price
                    return True
        return False


def book_hash(
    prefix: bytes,
    *,
    tick_size: Decimal,
    last_trade_price: str,
    min_order_size: str = "5",
    neg_risk: bool = False,
    version: str = "",
) -> str:
    """Return the exchange's hash of a book whose fields are all known."""
    middle = _middle(min_order_size, tick_size, neg_risk=neg_risk)
    whole = prefix + middle + _ending(last_trade_price, version)
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def hash_prefix(
    market: str, token_id: str, timestamp: str, bids: Iterable[Level], asks: Iterable[Level]
) -> bytes:
    """Write the first six keys of the hashed object.

    Args:
        market: Condition id.
        token_id: Outcome token or position id.
        timestamp: The batch's milliseconds, as sent.
        bids: Ascending.
        asks: Descending.
    """
    return (
        f'{{"market":"{market}","asset_id":"{token_id}","timestamp":"{timestamp}","hash":"",'
        f'"bids":[{_levels(bids)}],"asks":[{_levels(asks)}]'
    ).encode()


def three_decimals(price: Decimal) -> str:
    """Write a last trade price as the hash has it, whatever the tick size."""
    return f"{price:.3f}"


def _levels(levels: Iterable[Level]) -> str:
    return ",".join([f'{{"price":"{price:f}","size":"{size:f}"}}' for price, size in levels])


def _middle(min_order_size: str, tick_size: Decimal, *, neg_risk: bool) -> bytes:
    truth = "true" if neg_risk else "false"
    return (
        f',"min_order_size":"{min_order_size}","tick_size":"{tick_size:f}",'
        f'"neg_risk":{truth},"last_trade_price":"'
    ).encode()


def _ending(last_trade_price: str, version: str) -> bytes:
    tail = f'","version":"{version}"}}' if version else '"}'
    return f"{last_trade_price}{tail}".encode()
