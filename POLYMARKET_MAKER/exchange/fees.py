"""What a taker paid, by the market's own fee schedule.

The exchange sets the fee at the match and says it nowhere in the trade: the
``fee_rate_bps`` of a row has been "0" since fees follow a schedule. So the
schedule is read once for each market of which a taker's fill turns up.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from POLYMARKET_MAKER.core.model import ZERO
from POLYMARKET_MAKER.core.order_words import finite
from POLYMARKET_MAKER.errors import VenueRefused
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.rows import TradeRow

BPS: Final = Decimal(10_000)


class FeeSchedule(msgspec.Struct, frozen=True):
    """``fd`` of a market, in the exchange's own short names: fee = r x (p(1-p))**e a share."""

    r: Decimal = ZERO
    e: Decimal = Decimal(1)

    def fee(self, price: Decimal, size: Decimal) -> Decimal:
        """Return the fee in USD for taking *size* shares at *price*."""
        return size * self.r * (price * (1 - price)) ** self.e


class ClobMarket(msgspec.Struct, frozen=True):
    """``/clob-markets/{condition id}``, in the exchange's own short names."""

    mts: Decimal  # minimum tick size
    mos: Decimal  # minimum order size
    nr: bool = False  # neg risk
    fd: FeeSchedule | None = None


def clob_market(http: Http, host: str, condition_id: str) -> ClobMarket:
    """Read the trading rules of a market."""
    return http.get(f"{host}/clob-markets/{condition_id}", ClobMarket)


class TakerFees:
    """Fee schedules by market, each read once. Safe to share between threads."""

    def __init__(self, http: Http, host: str) -> None:
        self._http = http
        self._host = host
        self._schedules: dict[str, FeeSchedule | None] = {}

    def of(self, trade: TradeRow) -> Decimal:
        """Return what the taker of *trade* paid in USD.

        Where the exchange has no schedule (version 1, or a market it forgot),
        the rate in the row counts.

        Raises:
            VenueUnreachable: The schedule could not be read.
            ValueError: The row's rate is no number.
            ArithmeticError: The same.
        """
        schedule = self._schedule(trade.market)
        if schedule is None:
            stated = finite(Decimal(str(trade.fee_rate_bps or 0)))
            schedule = FeeSchedule(r=stated / BPS)
        return schedule.fee(finite(trade.price), finite(trade.size))

    def _schedule(self, condition_id: str) -> FeeSchedule | None:
        if condition_id not in self._schedules:
            try:
                found = clob_market(self._http, self._host, condition_id).fd
            except VenueRefused:
                found = None
            self._schedules[condition_id] = found
        return self._schedules[condition_id]
