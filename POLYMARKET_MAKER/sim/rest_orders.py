"""Posting and cancelling orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim import refusals
from POLYMARKET_MAKER.sim.admission import Admitted, admit, posted_version
from POLYMARKET_MAKER.sim.auth import Credentials
from POLYMARKET_MAKER.sim.canonical import ZERO, text
from POLYMARKET_MAKER.sim.contracts import is_position_id
from POLYMARKET_MAKER.sim.faults import Mode
from POLYMARKET_MAKER.sim.http import answer, json_body
from POLYMARKET_MAKER.sim.model import Order, Side, Status, Trade
from POLYMARKET_MAKER.sim.refusals import Refused
from POLYMARKET_MAKER.sim.rest_private import authenticated, cancel_answer
from POLYMARKET_MAKER.sim.venue import Venue

MAX_POSTED = 15
MAX_CANCELED = 1000


def routes() -> list[web.RouteDef]:
    return [
        web.post("/order", _post_order),
        web.post("/orders", _post_orders),
        web.delete("/order", _cancel_order),
        web.delete("/orders", _cancel_orders),
        web.delete("/cancel-market-orders", _cancel_market_orders),
        web.delete("/cancel-all", _cancel_all),
    ]


# -- posting ------------------------------------------------------------------


async def _post_order(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    body = await json_body(request)
    headers = _spend(venue, credentials, "orders", 1)
    try:
        return answer(_post(venue, credentials, body), headers=headers)
    except Refused as refused:
        venue.stats.count("orders_refused", refused.reason)
        raise


async def _post_orders(request: web.Request) -> web.Response:
    """Take up to 15 orders; a refused one has its text in ``errorMsg`` and an empty id."""
    venue, credentials = await authenticated(request)
    bodies = await json_body(request)
    if not isinstance(bodies, list):
        raise refusals.bad_payload()
    if len(bodies) > MAX_POSTED:
        raise refusals.too_many_orders(len(bodies), MAX_POSTED)
    check_mode(venue, cancels=False, post_only=True)
    headers = _spend(venue, credentials, "orders", len(bodies))
    return answer([_post_one_of(venue, credentials, body) for body in bodies], headers=headers)


def _spend(venue: Venue, credentials: Credentials, kind: str, cost: int) -> dict[str, str]:
    return venue.budgets.spend(credentials.address, kind, cost, venue.clock.mono())


def _post_one_of(venue: Venue, credentials: Credentials, body: Any) -> dict[str, Any]:
    try:
        return _post(venue, credentials, body)
    except Refused as refused:
        venue.stats.count("orders_refused", refused.reason)
        return {"success": True, "errorMsg": refused.message, "orderID": "", "status": ""}


def _post(venue: Venue, credentials: Credentials, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("order"), dict):
        raise refusals.bad_payload()
    check_mode(venue, cancels=False, post_only=bool(body.get("postOnly")))
    admitted = _admitted(venue, credentials, body)
    market = venue.engine.markets[admitted.order.condition_id]
    trades = venue.engine.place(admitted.order, venue.now_ms(), post_only=admitted.post_only)
    venue.stats.count("orders", "accepted")
    venue.commit(market)
    return _placed(admitted.order, trades)


def _admitted(venue: Venue, credentials: Credentials, body: dict[str, Any]) -> Admitted:
    token_id = str(body["order"].get("tokenId", ""))
    if not token_id.isascii() or not token_id.isdigit():
        raise refusals.bad_payload()
    found = venue.engine.by_token.get(token_id)
    if found is None:
        raise refusals.not_ready()
    try:
        admitted = admit(
            body,
            credentials,
            *found,
            venue_version=venue.options.version,
            chain_id=venue.options.chain_id,
            wallets=venue.wallets,
            now_s=venue.clock.now(),
        )
    except Refused as refused:
        if refused.reason == "signature":
            version = 3 if is_position_id(token_id) else int(posted_version(body["order"]))
            venue.stats.count("signatures_refused", f"v{version}")
        raise
    venue.stats.count("signatures_verified", f"v{admitted.version.value}")
    return admitted


def _placed(order: Order, trades: list[Trade]) -> dict[str, Any]:
    """Return the answer to an accepted order.

    Since 2026-07-24 a matched one names its trades but no transaction. That an
    order which is filled in part and rests is called ``matched`` is not
    established.
    """
    accepted = {"success": True, "errorMsg": "", "orderID": order.id}
    if not trades:
        status = "delayed" if order.status is Status.DELAYED else "live"
        return {**accepted, "status": status, "makingAmount": "", "takingAmount": ""}
    shares = sum((trade.size for trade in trades), ZERO)
    usd = sum((trade.size * trade.price for trade in trades), Decimal(0))
    making, taking = (usd, shares) if order.side is Side.BUY else (shares, usd)
    return {
        **accepted,
        "status": "matched",
        "makingAmount": text(making),
        "takingAmount": text(taking),
        "transactionsHashes": [],
        "tradeIDs": [trade.id for trade in trades],
    }


def check_mode(venue: Venue, *, cancels: bool, post_only: bool = False) -> None:
    """Refuse what the venue does not take at the moment.

    Cancels work in post-only and cancel-only mode.

    Raises:
        Refused: The mode forbids it.
    """
    match venue.faults.mode:
        case Mode.RESTART:
            raise refusals.restarting()
        case Mode.DISABLED:
            raise refusals.disabled()
        case Mode.CANCEL_ONLY if not cancels:
            raise refusals.cancel_only()
        case Mode.POST_ONLY if not cancels and not post_only:
            raise refusals.post_only_mode(venue.faults.retry_after_s)
        case _:
            return


# -- cancelling ---------------------------------------------------------------


async def _cancel_order(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    body = await json_body(request)
    order_id = body.get("orderID") if isinstance(body, dict) else None
    if not isinstance(order_id, str) or not order_id.startswith("0x"):
        raise refusals.bad_order_id()
    return _canceled(venue, credentials, [order_id], cost=1)


async def _cancel_orders(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    order_ids = await json_body(request)
    if not isinstance(order_ids, list) or len(order_ids) > MAX_CANCELED:
        raise refusals.bad_payload()
    chosen = [str(order_id) for order_id in order_ids]
    return _canceled(venue, credentials, chosen, cost=len(chosen))


async def _cancel_market_orders(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    body = await json_body(request)
    if not isinstance(body, dict) or not (body.get("market") or body.get("asset_id")):
        raise refusals.bad_payload()
    tokens = venue.engine.by_token.get(str(body.get("asset_id")))
    order_ids = [
        order.id
        for order in _open_orders(venue, credentials)
        if body.get("market") in (None, "", order.condition_id)
        and (not body.get("asset_id") or tokens == _place_of(venue, order))
    ]
    return _canceled(venue, credentials, order_ids, cost=1 + len(order_ids))


def _place_of(venue: Venue, order: Order) -> tuple[Any, int]:
    return venue.engine.markets[order.condition_id], order.token


async def _cancel_all(request: web.Request) -> web.Response:
    venue, credentials = await authenticated(request)
    order_ids = [order.id for order in _open_orders(venue, credentials)]
    return _canceled(venue, credentials, order_ids, cost=1 + len(order_ids))


def _open_orders(venue: Venue, credentials: Credentials) -> list[Order]:
    wallets = sorted(venue.wallets.all_of(credentials.address))
    return [order for wallet in wallets for order in venue.engine.clearing.wallet_orders(wallet)]


def _canceled(
    venue: Venue, credentials: Credentials, order_ids: list[str], *, cost: int
) -> web.Response:
    """Cancel what can be; the status is 200 even when nothing was."""
    check_mode(venue, cancels=True)
    headers = _spend(venue, credentials, "cancels", cost)
    canceled: list[str] = []
    not_canceled: dict[str, str] = {}
    for order_id in order_ids:
        why_not = cancel_answer(venue, order_id, credentials)
        if why_not is None:
            canceled.append(order_id)
            venue.engine.commit(
                venue.engine.markets[venue.engine.orders[order_id].condition_id], venue.now_ms()
            )
        else:
            not_canceled[order_id] = why_not
    venue.publish()
    return answer({"canceled": canceled, "not_canceled": not_canceled}, headers=headers)
