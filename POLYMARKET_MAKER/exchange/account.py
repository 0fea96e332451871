"""Read the account and cancel its orders; everything that needs no signing library.

Requests are signed by an HMAC of the API secret. Orders are listed whole or by
market, never by token alone (refused from 2026-12-14, exchange docs), and
``associate_trades`` is not read. A cancel's ``not_canceled`` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, TypeVar, cast

import msgspec

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.order import CancelResult, Fill, OpenOrder
from POLYMARKET_MAKER.errors import VenueError, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange import rows
from POLYMARKET_MAKER.exchange.amounts import MICRO
from POLYMARKET_MAKER.exchange.answer import refusal
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType, l2_headers
from POLYMARKET_MAKER.exchange.fees import TakerFees
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import Allowance

FIRST_PAGE: Final = "MA=="
LAST_PAGE: Final = "LTE="
MAX_PAGES: Final = 1000
CANCEL_BATCH: Final = 100
"""Ids in one ``DELETE /orders``. It takes 1000 (changelog 2026-06-15), but the rate limit
takes or refuses a request as a whole, and its bucket holds 120 cancels."""

Row = TypeVar("Row")
Made = TypeVar("Made")
Answered = TypeVar("Answered")

ORDER_OR_NULL: Final = cast("type[rows.OrderRow | None]", rows.OrderRow | None)


class _BalanceAnswer(msgspec.Struct):
    balance: Decimal
    allowances: dict[str, Decimal] = {}


class _CancelAnswer(msgspec.Struct):
    canceled: list[str] | None = None
    not_canceled: dict[str, str] | None = None


class _ClosedOnlyAnswer(msgspec.Struct):
    closed_only: bool


class _HeartbeatAnswer(msgspec.Struct):
    heartbeat_id: str


class Account:
    """One account at one CLOB: its orders, fills and funds. Safe to share between threads."""

    def __init__(
        self,
        http: Http,
        host: str,
        credentials: Credentials,
        *,
        funder: str,
        signature_type: SignatureType,
        clock: Clock | None = None,
    ) -> None:
        self._http = http
        self._host = host.rstrip("/")
        self._credentials = credentials
        self._funder = funder
        self._signature_type = signature_type
        self._clock = clock or Clock()
        self._fees = TakerFees(http, self._host)

    def open_orders(self, *, market: str | None = None) -> list[OpenOrder]:
        """List every open order of the account, or of one condition id, all pages."""
        params = {"market": market} if market else {}
        found = self._all("/data/orders", rows.Page[rows.OrderRow], params)
        # Orders that come and go between two pages may be listed twice.
        return list({order.order_id: order for order in _made(rows.open_order, found)}.values())

    def order(self, order_id: str) -> OpenOrder | None:
        """Read one order in any state; None when the exchange does not know the id."""
        try:
            row = self._send("GET", f"/data/order/{order_id}", ORDER_OR_NULL)
        except VenueRefused as error:
            if error.status_code == 404:  # noqa: PLR2004
                return None
            raise
        return None if row is None else next(_made(rows.open_order, [row]))

    def fills(self, *, after: float | None = None) -> list[Fill]:
        """List the account's fills since *after* (epoch seconds), one for each order of ours."""
        params = {} if after is None else {"after": str(int(after))}
        found = self._all("/data/trades", rows.Page[rows.TradeRow], params)
        fills = (fill for each in _made(self._fills, found) for fill in each)
        return list({(fill.trade_id, fill.order_id): fill for fill in fills}.values())

    def balance(self) -> Decimal:
        """Return the collateral in USD, what open orders lock included."""
        return self.allowance().balance

    def allowance(self, token_id: str | None = None) -> Allowance:
        """Read balance and allowances of the collateral, or of one outcome token."""
        params = {"asset_type": "COLLATERAL", "signature_type": str(int(self._signature_type))}
        if token_id is not None:
            kind = "CONDITIONAL-V2" if rows.is_position_id(token_id) else "CONDITIONAL"
            params |= {"asset_type": kind, "token_id": token_id}
        answer = self._send("GET", "/balance-allowance", _BalanceAnswer, params=params)
        allowed = {who: amount / MICRO for who, amount in answer.allowances.items()}
        return Allowance(answer.balance / MICRO, allowed)

    def is_closed_only(self) -> bool:
        """Whether the exchange lets this account only close what it holds."""
        path = "/auth/ban-status/closed-only"
        return self._send("GET", path, _ClosedOnlyAnswer).closed_only

    def cancel(self, order_ids: Sequence[str]) -> CancelResult:
        """Cancel by id; an empty list is no request.

        More than 100 ids take several requests. When one of them fails after
        another succeeded, what is proven is returned: the rest is in neither list.
        """
        canceled: list[str] = []
        kept: dict[str, str] = {}
        for start in range(0, len(order_ids), CANCEL_BATCH):
            batch = list(order_ids[start : start + CANCEL_BATCH])
            try:
                answer = self._send(
                    "DELETE", "/orders", _CancelAnswer, body=msgspec.json.encode(batch)
                )
            except VenueError:
                if start == 0:
                    raise
                break
            canceled += answer.canceled or []
            kept |= answer.not_canceled or {}
        return CancelResult(tuple(canceled), kept)

    def heartbeat(self, heartbeat_id: str) -> str:
        """Beat the exchange's dead-man switch; return the id to send next time.

        The first call arms it for this API key and it cannot be disarmed: ten
        seconds without a beat cancel every order of the key. Begin with "". A
        stale id is answered with the expected one, which is returned.
        """
        body = msgspec.json.encode({"heartbeat_id": heartbeat_id})
        headers = self._headers("POST", "/v1/heartbeats", body)
        url = f"{self._host}/v1/heartbeats"
        answer = self._http.ask("POST", url, headers=headers, body=body)
        if answer.is_success:
            return answer.decode(_HeartbeatAnswer).heartbeat_id
        try:
            if answer.status_code == 400:  # noqa: PLR2004
                return answer.decode(_HeartbeatAnswer).heartbeat_id
        except VenueUnreachable:
            pass  # another 400, without an id
        raise refusal(answer)

    def _fills(self, row: rows.TradeRow) -> list[Fill]:
        owner = self._credentials.api_key
        made = rows.fills(row, owner=owner, funder=self._funder, taker_fee=self._fees.of)
        return list(made)

    def _all(self, path: str, kind: type[rows.Page[Row]], params: dict[str, str]) -> Iterator[Row]:
        """Read every page of a list; a list that does not end is no answer."""
        cursor = FIRST_PAGE
        for _ in range(MAX_PAGES):
            page = self._send("GET", path, kind, params={**params, "next_cursor": cursor})
            yield from page.data
            if page.next_cursor in (LAST_PAGE, ""):
                return
            if page.next_cursor == cursor:
                if page.data and len(page.data) >= page.limit:
                    raise VenueUnreachable(f"GET {path}: a full page names itself as the next")
                return
            cursor = page.next_cursor
        raise VenueUnreachable(f"GET {path}: no end after {MAX_PAGES} pages")

    def _send(
        self,
        method: str,
        path: str,
        answer: type[Answered],
        *,
        params: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answered:
        headers = self._headers(method, path, body)
        return self._http.send(
            method, self._host + path, answer, params=params, headers=headers, body=body or None
        )

    def _headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        at = self._clock.now()
        return l2_headers(self._credentials, at=at, method=method, path=path, body=body)


def _made(make: Callable[[Row], Made], found: Iterable[Row]) -> Iterator[Made]:
    """Turn rows into our words; one that cannot be understood spoils the whole answer."""
    for row in found:
        try:
            yield make(row)
        except (ValueError, ArithmeticError) as error:
            raise VenueUnreachable(f"unreadable {type(row).__name__}: {error}") from None
