"""The CLOB's private half: keys, orders, cancels, own orders and trades, balances."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim import refusals
from POLYMARKET_MAKER.sim.accounts import order_row, trade_row
from POLYMARKET_MAKER.sim.admission import MICRO
from POLYMARKET_MAKER.sim.auth import Credentials
from POLYMARKET_MAKER.sim.contracts import CONTRACTS
from POLYMARKET_MAKER.sim.http import VENUE, answer, json_body
from POLYMARKET_MAKER.sim.model import Order, Status, Trade
from POLYMARKET_MAKER.sim.refusals import Refused
from POLYMARKET_MAKER.sim.venue import Venue

PAGE = 100
END_CURSOR = "LTE="


def routes() -> list[web.RouteDef]:
    return [
        web.post("/auth/api-key", _create_key),
        web.delete("/auth/api-key", _delete_key),
        web.get("/auth/derive-api-key", _derive_key),
        web.get("/auth/api-keys", _keys),
        web.get("/auth/ban-status/closed-only", _closed_only),
        web.get("/data/orders", _orders),
        web.get("/data/order/{order_id}", _order),
        web.get("/data/trades", _trades),
        web.get("/balance-allowance", _balance),
        web.get("/balance-allowance/update", _update_balance),
        web.post("/v1/heartbeats", _heartbeat),
    ]


async def authenticated(request: web.Request) -> tuple[Venue, Credentials]:
    """Return the venue and whose request it is.

    Raises:
        Refused: The L2 headers do not prove it.
    """
    venue = request.app[VENUE]
    credentials = venue.keys.verify(
        request.headers, method=request.method, path=request.path, body=await request.read()
    )
    venue.stats.count("verified", "l2")
    return venue, credentials


# -- keys ---------------------------------------------------------------------


def _shown(credentials: Credentials) -> web.Response:
    return answer(
        {
            "apiKey": credentials.key,
            "secret": credentials.secret,
            "passphrase": credentials.passphrase,
        }
    )


async def _create_key(request: web.Request) -> web.Response:
    venue = request.app[VENUE]
    credentials = venue.keys.create(request.headers)
    venue.stats.count("verified", "l1")
    return _shown(credentials)


async def _derive_key(request: web.Request) -> web.Response:
    venue = request.app[VENUE]
    credentials = venue.keys.derive(request.headers)
    venue.stats.count("verified", "l1")
    return _shown(credentials)


async def _delete_key(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    venue.keys.revoke(credentials)
    return answer("OK")


async def _keys(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    return answer({"apiKeys": venue.keys.of_address(credentials.address)})


async def _closed_only(request: web.Request) -> web.Response:
    venue, _ = await authenticated(request)
    return answer({"closed_only": venue.faults.closed_only})


async def _heartbeat(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    body = await json_body(request)
    named = str(body.get("heartbeat_id") or "") if isinstance(body, dict) else ""
    following = venue.heartbeats.beat(credentials.key, named, venue.clock.mono())
    venue.stats.count("heartbeats", "taken")
    return answer({"heartbeat_id": following})


# -- own orders and trades ----------------------------------------------------


async def _orders(request: web.Request) -> web.Response:
    """List open orders. A filter by ``asset_id`` alone is refused, as from 2026-12-14."""
    venue, credentials = await authenticated(request)
    query = request.query
    if "asset_id" in query and "market" not in query and "id" not in query:
        raise Refused("asset_id_alone", 400, "asset_id requires market")
    wallets = venue.wallets.all_of(credentials.address)
    rows = [
        order_row(venue.engine, order)
        for wallet in sorted(wallets)
        for order in venue.engine.clearing.wallet_orders(wallet)
    ]
    return _page(request, _filtered(rows, query.get, ("market", "asset_id", "id")))


async def _order(request: web.Request) -> web.Response:
    """Answer one order of any status; for an unknown id the answer is not established."""
    venue, credentials = await authenticated(request)
    order = venue.engine.orders.get(request.match_info["order_id"])
    if order is None or order.wallet.lower() not in venue.wallets.all_of(credentials.address):
        raise Refused("order_id", 404, "order not found")
    return answer(order_row(venue.engine, order))


async def _trades(request: web.Request) -> web.Response:
    """List trades that the address took part in, newest first."""
    venue, credentials = await authenticated(request)
    wallets = venue.wallets.all_of(credentials.address)
    rows = [
        trade_row(venue.engine, trade, wallets)
        for trade in reversed(venue.engine.clearing.trades.values())
        if not wallets.isdisjoint(_parties(trade))
    ]
    query = request.query
    rows = _filtered(rows, query.get, ("market", "id"))
    token_id = query.get("asset_id")
    if token_id:
        rows = [row for row in rows if token_id in _row_tokens(row)]
    after, before = _seconds(query.get("after")), _seconds(query.get("before"))
    return _page(request, [row for row in rows if _within(row, after, before)])


def _row_tokens(row: dict[str, Any]) -> set[str]:
    return {row["asset_id"], *(fill["asset_id"] for fill in row["maker_orders"])}


def _parties(trade: Trade) -> set[str]:
    return {trade.wallet.lower(), *(fill.wallet.lower() for fill in trade.makers)}


def _within(row: dict[str, Any], after: int | None, before: int | None) -> bool:
    at = int(row["match_time"])
    return (after is None or at >= after) and (before is None or at <= before)


def _seconds(value: str | None) -> int | None:
    """Return a time of the query; a text that is none is refused (how is not established)."""
    if not value:
        return None
    if not value.isascii() or not value.isdigit():
        raise Refused("query", 400, f"time was {value!r}")
    return int(value)


def _filtered(
    rows: Iterable[dict[str, Any]], wanted: Callable[[str], str | None], names: tuple[str, ...]
) -> list[dict[str, Any]]:
    return [row for row in rows if all(wanted(name) in (None, "", row[name]) for name in names)]


def _page(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    try:
        start = int(b64decode(request.query.get("next_cursor") or "MA==", validate=True))
    except ValueError as error:
        raise Refused("cursor", 400, "invalid next_cursor") from error
    page = rows[start : start + PAGE] if start >= 0 else []
    more = start >= 0 and start + PAGE < len(rows)
    following = b64encode(str(start + PAGE).encode()).decode() if more else END_CURSOR
    return answer({"limit": PAGE, "next_cursor": following, "count": len(page), "data": page})


# -- balances -----------------------------------------------------------------


async def _balance(request: web.Request) -> web.Response:
    """Answer what the wallet of the given signature type owns, in millionths.

    Allowances are as large as the balance: a simulated wallet has approved all.
    """
    venue, credentials = await authenticated(request)
    amount = str(int(_owned(venue, credentials, request) / MICRO))
    contracts = dict.fromkeys(CONTRACTS[venue.options.chain_id].values(), amount)
    return answer({"balance": amount, "allowances": contracts})


def _owned(venue: Venue, credentials: Credentials, request: web.Request) -> Decimal:
    kind = request.query.get("signature_type", "0")
    address = venue.wallets.of(credentials.address, int(kind) if kind.isdigit() else 0)
    asset_type = request.query.get("asset_type", "COLLATERAL")
    if asset_type == "COLLATERAL":
        return venue.engine.clearing.wallet(address).usd if address else venue.options.usd
    token_id = request.query.get("token_id", "")
    if not token_id.isdigit():
        raise refusals.bad_token()
    return venue.engine.clearing.wallet(address).shares(token_id) if address else Decimal(0)


async def _update_balance(request: web.Request) -> web.Response:
    await authenticated(request)
    return answer("")


def cancel_answer(venue: Venue, order_id: str, credentials: Credentials) -> str | None:
    """Cancel one order of the address; return why not, None when it is done."""
    order: Order | None = venue.engine.orders.get(order_id)
    if order is None or order.wallet.lower() not in venue.wallets.all_of(credentials.address):
        return "Order not found or already canceled"
    if venue.engine.cancel(order_id, venue.now_ms()):
        return None
    if order.status is Status.MATCHED:
        return "Order already matched"
    return "Order not found or already canceled"
