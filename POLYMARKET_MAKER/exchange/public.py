"""Market data over HTTP, without keys: what a market is, its book, its tick size.

A market's order version is decided here, for each market on its own: a venue
at version 1 signs V1; at version 2 a position id signs V3 and every other token
V2. Gamma's ``version`` and the bits of the id must agree; where they do not,
the market is refused, because one of the two signatures would be worthless.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.model import ZERO, Level, MarketInfo, OrderVersion
from POLYMARKET_MAKER.core.order_words import finite
from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.fees import ClobMarket, clob_market
from POLYMARKET_MAKER.exchange.gamma import GammaMarket, find_market, find_market_of
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.rows import is_position_id
from POLYMARKET_MAKER.log import short

SUPPORTED: Final = (1, 2)
"""Order versions of an exchange that can be signed for; V3 is a kind of market at version 2."""


class _VersionAnswer(msgspec.Struct):
    version: int


class _TickAnswer(msgspec.Struct):
    minimum_tick_size: Decimal


class _FeeRateAnswer(msgspec.Struct):
    base_fee: int | None = None


class _TokenAnswer(msgspec.Struct):
    condition_id: str


class _Rung(msgspec.Struct):
    price: Decimal
    size: Decimal


class _BookRow(msgspec.Struct):
    market: str
    asset_id: str
    timestamp: str
    hash: str
    bids: list[_Rung]
    asks: list[_Rung]
    min_order_size: str
    tick_size: Decimal
    neg_risk: bool
    last_trade_price: str | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class RestBook:
    """A book as REST tells it.

    It can be a ghost of 0.01 and 0.99 (py-clob-client #180): a difference to the
    feed proves nothing before the hash was checked or the book read twice.

    Attributes:
        snapshot: The book.
        min_order_size: As sent; the hash needs its digits.
        neg_risk: Part of the hash.
    """

    snapshot: BookSnapshot
    min_order_size: str
    neg_risk: bool


class Public:
    """Reads that need no key. Every method is a few requests; safe to share between threads.

    Raises:
        VenueUnreachable: No usable answer; try again later.
        VenueRefused: The exchange does not know it, or it cannot be traded from here.
    """

    def __init__(self, http: Http, *, clob_url: str, gamma_url: str) -> None:
        self._http = http
        self._clob = clob_url.rstrip("/")
        self._gamma = gamma_url.rstrip("/")

    def version(self) -> int:
        """Read which order version the exchange speaks."""
        return self._http.get(f"{self._clob}/version", _VersionAnswer).version

    def server_time(self) -> int:
        """Read the exchange's clock, in epoch seconds."""
        return self._http.get(f"{self._clob}/time", int)

    def tick_size(self, token_id: str) -> Decimal:
        """Read the current price grid of a token."""
        url, params = f"{self._clob}/tick-size", {"token_id": token_id}
        return self._http.get(url, _TickAnswer, params=params).minimum_tick_size

    def book(self, token_id: str) -> RestBook:
        """Read the book of a token; VenueRefused (404) when it has none."""
        params = {"token_id": token_id}
        return _book(self._http.get(f"{self._clob}/book", _BookRow, params=params))

    def condition_id(self, token_id: str) -> str:
        """Read which market a token belongs to, also one that has ended."""
        url = f"{self._clob}/markets-by-token/{token_id}"
        try:
            return self._http.get(url, _TokenAnswer).condition_id
        except VenueRefused as error:
            if error.status_code != 404:  # noqa: PLR2004
                raise
        return find_market_of(self._http, self._gamma, token_id).condition_id

    def clob_market(self, condition_id: str) -> ClobMarket:
        """Read the trading rules of a market."""
        return clob_market(self._http, self._clob, condition_id)

    def gamma_market(self, condition_id: str) -> GammaMarket:
        """Read the catalogue's entry of a market; also how one learns that it has ended."""
        return find_market(self._http, self._gamma, condition_id)

    def market_info(self, token_id: str) -> MarketInfo:
        """Gather what must be known before an order for *token_id* can be written.

        Four reads (five at a venue of version 1). All but the tick size stay true
        for the life of the market, ``closed`` and ``end_at`` apart.
        """
        version = self.version()
        condition_id = self.condition_id(token_id)
        gamma = self.gamma_market(condition_id)
        rules = self.clob_market(condition_id)
        if token_id not in gamma.outcomes:
            raise VenueRefused(f"market {short(condition_id)} does not trade {short(token_id)}")
        return MarketInfo(
            token_id=token_id,
            condition_id=condition_id,
            sibling_id=next((each for each in gamma.outcomes if each != token_id), None),
            outcome=gamma.outcomes[token_id],
            title=gamma.title,
            tick_size=rules.mts,
            min_order_size=rules.mos,
            neg_risk=rules.nr,
            order_version=order_version(version, gamma.version, token_id),
            end_at=gamma.end_at,
            closed=gamma.closed,
            fee_rate=rules.fd.r if rules.fd else ZERO,
            fee_exponent=_exponent(rules, condition_id),
            base_fee_bps=self._base_fee(token_id) if version == 1 else 0,
        )

    def _base_fee(self, token_id: str) -> int:
        """Read the fee rate that a V1 order has to sign."""
        url, params = f"{self._clob}/fee-rate", {"token_id": token_id}
        return self._http.get(url, _FeeRateAnswer, params=params).base_fee or 0


def order_version(venue_version: int, gamma_version: str, token_id: str) -> OrderVersion:
    """Choose the signature for one market.

    Raises:
        VenueRefused: The venue is of no version we sign, or Gamma and the id disagree.
    """
    if venue_version == 1:
        return OrderVersion.V1
    if venue_version not in SUPPORTED:
        raise VenueRefused(unsupported(venue_version))
    is_position = is_position_id(token_id)
    if is_position != (gamma_version == "v2"):
        kind = "a position id (V3)" if is_position else "a token id (V2)"
        raise VenueRefused(
            f"order version of {short(token_id)} is unclear: gamma says {gamma_version}, "
            f"its bits say {kind}"
        )
    return OrderVersion.V3 if is_position else OrderVersion.V2


def unsupported(version: int) -> str:
    """Say in one sentence that orders of *version* cannot be signed here."""
    return (
        f"exchange speaks order version {version}, py-clob-client signs version 1 and "
        "py-clob-client-v2 version 2; install a newer poly maker or use --paper"
    )


def _exponent(rules: ClobMarket, condition_id: str) -> int:
    exponent = rules.fd.e if rules.fd else Decimal(1)
    if exponent != exponent.to_integral_value() or exponent < 0:
        raise VenueRefused(
            f"market {short(condition_id)} has fee exponent {exponent}, only whole ones are known"
        )
    return int(exponent)


def _book(row: _BookRow) -> RestBook:
    snapshot = BookSnapshot(
        market=row.market,
        timestamp=row.timestamp,
        token_id=row.asset_id,
        bids=_levels(row.bids),
        asks=_levels(row.asks),
        hash=row.hash,
        tick_size=row.tick_size,
        last_trade_price=row.last_trade_price,
        version=row.version,
    )
    return RestBook(snapshot, row.min_order_size, row.neg_risk)


def _levels(rungs: list[_Rung]) -> tuple[Level, ...]:
    try:
        return tuple(Level(finite(rung.price), finite(rung.size)) for rung in rungs)
    except ValueError as error:
        raise VenueUnreachable(f"unreadable book: {error}") from None
