"""The data API, version 2: what everybody may see of a wallet. Numbers are JSON numbers."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim.canonical import ONE, ZERO
from POLYMARKET_MAKER.sim.http import VENUE, answer
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import Side, Trade
from POLYMARKET_MAKER.sim.refusals import Refused
from POLYMARKET_MAKER.sim.venue import Venue
from POLYMARKET_MAKER.sim.wallets import Holding

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def routes(prefix: str) -> list[web.RouteDef]:
    return [
        web.get(f"{prefix}/v2/positions", _positions),
        web.get(f"{prefix}/v2/activity", _activity),
        web.get(f"{prefix}/v2/trades", _trades),
        web.get(f"{prefix}/v2/value", _value),
    ]


def _bad(message: str) -> Refused:
    """Refuse a query; the texts of this API are not established."""
    return Refused("data_query", 400, message)


def _user(request: web.Request) -> str:
    user = request.query.get("user", "")
    if not user.startswith("0x"):
        raise _bad("user is required")
    return user.lower()


def _page(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    """Return one page; ``cursor`` is followed until it is null, ``offset`` is refused."""
    query = request.query
    if "offset" in query:
        raise _bad("offset is not supported, use cursor")
    limit = _number(query.get("limit"), DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise _bad(f"limit must be between 1 and {MAX_LIMIT}")
    start = _start(query.get("cursor"))
    more = start + limit < len(rows)
    following = urlsafe_b64encode(str(start + limit).encode()).decode() if more else None
    pagination = {"limit": limit, "offset": start, "has_more": more, "next_cursor": following}
    return answer({"data": rows[start : start + limit], "pagination": pagination})


def _start(cursor: str | None) -> int:
    try:
        return int(urlsafe_b64decode(cursor)) if cursor else 0
    except ValueError as error:
        raise _bad("invalid cursor") from error


def _number(value: str | None, default: int) -> int:
    try:
        return int(value) if value else default
    except ValueError as error:
        raise _bad(f"number was {value!r}") from error


# -- positions ----------------------------------------------------------------


async def _positions(request: web.Request) -> web.Response:
    venue = request.app[VENUE]
    status = request.query.get("status")
    conditions = set(filter(None, request.query.get("condition", "").split(",")))
    rows = [
        row
        for row in _position_rows(venue, _user(request))
        if _has_status(row, status) and (not conditions or row["condition_id"] in conditions)
    ]
    return _page(request, rows)


def _has_status(row: dict[str, Any], status: str | None) -> bool:
    """Match a status; without one, everything that still holds shares is listed."""
    own = str(row["status"])
    return own != "CLOSED" if status is None else own in status.split(",")


def _position_rows(venue: Venue, user: str) -> Iterator[dict[str, Any]]:
    wallet = venue.engine.clearing.wallets.get(user)
    for token_id, held in (wallet.holdings if wallet else {}).items():
        market, token = venue.engine.by_token[token_id]
        yield _position_row(user, market, token, held)


def _position_row(user: str, market: Market, token: int, held: Holding) -> dict[str, Any]:
    spec = market.spec
    price = worth(market, token)
    value = held.size * price
    unrealized = value - held.cost
    return {
        "proxy_wallet": user,
        "token_id": spec.tokens[token],
        "condition_id": spec.condition_id,
        "current_size": float(held.size),
        "avg_price": float(held.average),
        "entry_cost_usdc": float(held.cost),
        "entry_fees_usdc": float(held.fees),
        "total_cost_usdc": float(held.cost + held.fees),
        "current_price": float(price),
        "current_value": float(value),
        "total_size": float(held.bought),
        "realized_pnl": float(held.realized),
        "unrealized_pnl": float(unrealized),
        "total_pnl": float(held.realized + unrealized),
        "percent_pnl": float(100 * unrealized / held.cost) if held.cost else 0.0,
        "status": _status(market, token, held),
        "redeemable": market.closed,
        "mergeable": False,
        "negative_risk": spec.neg_risk,
        "title": spec.question,
        "slug": spec.slug,
        "event_slug": spec.slug,
        "outcome": spec.outcomes[token],
        "outcome_index": token,
        "opposite_outcome": spec.outcomes[1 - token],
        "opposite_token_id": spec.tokens[1 - token],
        "end_date": spec.end_at,
        "first_entry_at": held.first_at,
        "last_event_at": held.last_at,
    }


def _status(market: Market, token: int, held: Holding) -> str:
    if not held.size:
        return "CLOSED"
    if market.winner is None:
        return "OPEN"
    return "REDEEMABLE" if market.winner == token else "REDEEMABLE_LOST"


def worth(market: Market, token: int) -> Decimal:
    """Return what a share is worth: its payout, else the middle, else the last trade."""
    if market.winner is not None:
        return ONE if market.winner == token else ZERO
    bid, ask = market.book.top(token)
    if bid is not None and ask is not None:
        return (bid + ask) / 2
    last = market.last_trade_price or Decimal("0.5")
    return ONE - last if token else last


async def _value(request: web.Request) -> web.Response:
    venue = request.app[VENUE]
    user = _user(request)
    value = sum(row["current_value"] for row in _position_rows(venue, user))
    return answer({"data": {"proxy_wallet": user, "value": value}})


# -- activity -----------------------------------------------------------------


async def _activity(request: web.Request) -> web.Response:
    user = _user(request)
    kinds = request.query.get("type", "TRADE").split(",")
    rows = _trade_rows(request, lambda wallet: wallet == user) if "TRADE" in kinds else []
    return _page(request, [{**row, "type": "TRADE"} for row in rows])


async def _trades(request: web.Request) -> web.Response:
    """List trades of a wallet or of everybody; takers only, unless asked otherwise."""
    user = request.query.get("user", "").lower()
    takers = request.query.get("taker_only", "true") != "false"
    rows = _trade_rows(request, lambda wallet: user in ("", wallet), takers=takers)
    conditions = set(filter(None, request.query.get("condition", "").split(",")))
    chosen = [row for row in rows if not conditions or row["condition_id"] in conditions]
    return _page(request, [{k: v for k, v in row.items() if k != "usdc_size"} for row in chosen])


def _trade_rows(
    request: web.Request, is_wanted: Callable[[str], bool], *, takers: bool = False
) -> list[dict[str, Any]]:
    query = request.query
    venue = request.app[VENUE]
    start, end = _number(query.get("start"), 0), _number(query.get("end"), 1 << 62)
    rows = [
        row
        for trade in venue.engine.tape
        if start <= trade.matched_at_ms // 1000 <= end
        for row in _rows(venue, trade, takers=takers)
        if is_wanted(row["proxy_wallet"].lower()) and query.get("side") in (None, row["side"])
    ]
    if query.get("sort_direction", "DESC").upper() != "ASC":
        rows.reverse()
    return rows


def _rows(venue: Venue, trade: Trade, *, takers: bool) -> Iterator[dict[str, Any]]:
    yield _row(venue, trade, trade.wallet, trade.token, trade.side, trade.price, trade.size)
    for fill in () if takers else trade.makers:
        yield _row(venue, trade, fill.wallet, fill.token, fill.side, fill.price, fill.size)


def _row(  # noqa: PLR0917 - one party of a trade, in the order of its columns
    venue: Venue,
    trade: Trade,
    wallet: str,
    token: int,
    side: Side,
    price: Decimal,
    size: Decimal,
) -> dict[str, Any]:
    spec = venue.engine.markets[trade.condition_id].spec
    return {
        "proxy_wallet": wallet,
        "timestamp": trade.matched_at_ms // 1000,
        "condition_id": spec.condition_id,
        "size": float(size),
        "usdc_size": float(size * price),
        "transaction_hash": trade.transaction_hash,
        "price": float(price),
        "token_id": spec.tokens[token],
        "side": side.value,
        "title": spec.question,
        "slug": spec.slug,
        "event_slug": spec.slug,
        "outcome": spec.outcomes[token],
        "outcome_index": token,
        "is_combo": False,
        "name": "",
    }
