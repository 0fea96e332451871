"""Gamma, the directory of markets."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim.canonical import compact, text
from POLYMARKET_MAKER.sim.data_api import worth
from POLYMARKET_MAKER.sim.frames import market_id
from POLYMARKET_MAKER.sim.http import VENUE, answer
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.refusals import Refused

MAX_LIMIT = 100
SUNSET = {"deprecation": "true", "sunset": "Fri, 01 May 2026 00:00:00 GMT"}


def routes(prefix: str) -> list[web.RouteDef]:
    return [
        web.get(f"{prefix}/markets/keyset", _keyset),
        web.get(f"{prefix}/markets", _markets),
        web.get(f"{prefix}/markets/slug/{{slug}}", _by_slug),
        web.get(f"{prefix}/markets/{{market_id}}", _by_id),
    ]


async def _keyset(request: web.Request) -> web.Response:
    """List markets page by page; ``offset`` is refused with 422."""
    if "offset" in request.query:
        raise Refused("gamma_query", 422, "offset is not supported, use after_cursor")
    limit = min(MAX_LIMIT, _number(request, "limit", 20))
    found = _found(request)
    start = _start(request.query.get("after_cursor"))
    page = found[start : start + limit]
    body: dict[str, Any] = {"markets": [_row(market) for market in page]}
    if start + limit < len(found):
        body["next_cursor"] = urlsafe_b64encode(str(start + limit).encode()).decode()
    return answer(body)


async def _markets(request: web.Request) -> web.Response:
    """List markets the old way, which says itself that it is going away."""
    limit, offset = _number(request, "limit", 20), _number(request, "offset", 0)
    rows = [_row(market) for market in _found(request)[offset : offset + limit]]
    return answer(rows, headers=SUNSET)


async def _by_slug(request: web.Request) -> web.Response:
    return _one(request, lambda market: market.spec.slug == request.match_info["slug"])


async def _by_id(request: web.Request) -> web.Response:
    return _one(request, lambda market: market_id(market) == request.match_info["market_id"])


def _one(request: web.Request, is_it: Any) -> web.Response:
    for market in request.app[VENUE].engine.markets.values():
        if is_it(market):
            return answer(_row(market))
    return answer({"type": "not found error", "error": "market not found"}, status=404)


def _found(request: web.Request) -> list[Market]:
    query = request.query
    wanted = {
        name: set(_all(request, name)) for name in ("condition_ids", "clob_token_ids", "slug")
    }
    found = []
    for market in request.app[VENUE].engine.markets.values():
        spec = market.spec
        has = {
            "condition_ids": {spec.condition_id},
            "clob_token_ids": set(spec.tokens),
            "slug": {spec.slug},
        }
        if any(wanted[name] and wanted[name].isdisjoint(has[name]) for name in wanted):
            continue
        if query.get("closed") in (None, str(market.closed).lower()):
            found.append(market)
    return found


def _all(request: web.Request, name: str) -> list[str]:
    """Return the values of a parameter that may be repeated or hold commas."""
    return [each for value in request.query.getall(name, []) for each in value.split(",") if each]


def _number(request: web.Request, name: str, default: int) -> int:
    value = request.query.get(name, str(default))
    if not value.isascii() or not value.isdigit():
        raise Refused("gamma_query", 422, f"{name} was {value!r}")
    return int(value)


def _start(cursor: str | None) -> int:
    try:
        return int(urlsafe_b64decode(cursor)) if cursor else 0
    except ValueError as error:
        raise Refused("gamma_query", 422, "invalid after_cursor") from error


def _row(market: Market) -> dict[str, Any]:
    """Return a market; lists are JSON in strings, and the version says which ids count."""
    spec = market.spec
    prices = [text(worth(market, token)) for token in (0, 1)]
    ids: dict[str, Any] = {"version": "v1", "clobTokenIds": compact(list(spec.tokens))}
    if spec.is_position:
        ids = {"version": "v2", "clobTokenIds": None, "positionIds": list(spec.tokens)}
    bid, ask = market.book.top(0)
    return {
        "id": market_id(market),
        "question": spec.question,
        "conditionId": spec.condition_id,
        "slug": spec.slug,
        "endDate": _iso(spec.end_at),
        "endDateIso": _iso(spec.end_at)[:10],
        "outcomes": compact(list(spec.outcomes)),
        "outcomePrices": compact(prices),
        **ids,
        "active": True,
        "closed": market.closed,
        "archived": False,
        "acceptingOrders": not market.closed,
        "enableOrderBook": True,
        "orderPriceMinTickSize": float(market.tick_size),
        "orderMinSize": float(spec.min_order_size),
        "negRisk": spec.neg_risk,
        "bestBid": float(bid) if bid is not None else None,
        "bestAsk": float(ask) if ask is not None else None,
        "umaResolutionStatus": "resolved" if market.closed else "",
    }


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
