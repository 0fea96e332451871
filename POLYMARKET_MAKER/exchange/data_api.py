"""The data API, version 2: anybody's positions, activity and trades, without keys.

Version 1 was to be switched off on 2026-10-24. Lists are followed by cursor to
their end; ``offset`` is refused. A trade has no id of its own here: one is told
from another by transaction, token, side, size, price and how often that occurs.
Its lag behind the match is not established, so it never decides about an order.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Generic, TypeVar

import msgspec

from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.exchange.http import Http

PAGE_ROWS: Final = 500
MAX_PAGES: Final = 200

Row = TypeVar("Row")


class PositionRow(msgspec.Struct, frozen=True):
    """Shares that a wallet holds, as the data API counts them."""

    token_id: str
    condition_id: str
    current_size: Decimal
    avg_price: Decimal | None = None
    current_value: Decimal | None = None
    realized_pnl: Decimal | None = None
    status: str = ""
    redeemable: bool = False
    outcome: str = ""
    opposite_token_id: str | None = None
    title: str = ""


class ActivityRow(msgspec.Struct, frozen=True):
    """Something a wallet did; ``type`` is TRADE, SPLIT, MERGE, REDEEM …; trades have a side."""

    timestamp: float
    condition_id: str
    token_id: str | None = None
    side: str | None = None
    size: Decimal | None = None
    price: Decimal | None = None
    type: str = "TRADE"
    usdc_size: Decimal | None = None
    transaction_hash: str = ""
    title: str = ""
    slug: str = ""
    outcome: str | None = None
    outcome_index: int | None = None


class _Pagination(msgspec.Struct):
    next_cursor: str | None = None


class _Page(msgspec.Struct, Generic[Row]):
    data: list[Row]
    pagination: _Pagination | None = None


class DataApi:
    """Reads of public history. Safe to share between threads.

    Raises:
        VenueUnreachable: No usable answer; try again later.
        VenueRefused: The API understood and said no.
    """

    def __init__(self, http: Http, *, data_url: str) -> None:
        self._http = http
        self._url = data_url.rstrip("/")

    def positions(self, user: str, *, status: str | None = None) -> list[PositionRow]:
        """List what *user* holds; *status* is OPEN, REDEEMABLE, MERGEABLE or CLOSED."""
        params = {"user": user} | ({"status": status} if status else {})
        return list(self._all("/v2/positions", _Page[PositionRow], params))

    def activity(
        self, user: str, *, start: float, end: float | None = None, kind: str = "TRADE"
    ) -> list[ActivityRow]:
        """List what *user* did since *start* (epoch seconds), oldest first."""
        params = {
            "user": user,
            "type": kind,
            "start": str(int(start)),
            "sort_direction": "ASC",
            **({"end": str(int(end))} if end is not None else {}),
        }
        return list(self._all("/v2/activity", _Page[ActivityRow], params))

    def trades(self, user: str, *, start: float) -> list[ActivityRow]:
        """List what *user* traded since *start* (epoch seconds)."""
        params = {"user": user, "start": str(int(start))}
        return list(self._all("/v2/trades", _Page[ActivityRow], params))

    def _all(self, path: str, kind: type[_Page[Row]], params: dict[str, str]) -> Iterator[Row]:
        asked = {**params, "limit": str(PAGE_ROWS)}
        for _ in range(MAX_PAGES):
            page = self._http.get(self._url + path, kind, params=asked)
            yield from page.data
            cursor = page.pagination.next_cursor if page.pagination else None
            if not cursor or cursor == asked.get("cursor"):
                return
            asked["cursor"] = cursor
        raise VenueUnreachable(f"GET {path}: no end after {MAX_PAGES} pages")
