"""The CLOB's public reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim import frames
from POLYMARKET_MAKER.sim.canonical import ONE, ZERO, text
from POLYMARKET_MAKER.sim.http import VENUE, answer, json_body
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.refusals import Refused, bad_payload, bad_token, unknown_token
from POLYMARKET_MAKER.sim.venue import Venue

MAX_ITEMS = 500


def routes() -> list[web.RouteDef]:
    return [
        web.get("/", _version),
        web.get("/ok", _ok),
        web.get("/version", _version),
        web.get("/time", _time),
        web.get("/tick-size", _tick_size),
        web.get("/neg-risk", _neg_risk),
        web.get("/fee-rate", _fee_rate),
        web.get("/markets-by-token/{token_id}", _market_by_token),
        web.get("/clob-markets/{condition_id}", _clob_market),
        web.get("/book", _book),
        web.post("/books", _books),
        web.get("/midpoint", _midpoint),
        web.post("/midpoints", _midpoints),
        web.get("/price", _price),
        web.post("/prices", _prices),
        web.get("/spread", _spread),
        web.post("/spreads", _spreads),
        web.get("/last-trade-price", _last_trade_price),
        web.post("/last-trades-prices", _last_trades_prices),
        web.get("/api/geoblock", _geoblock),
    ]


async def _ok(_: web.Request) -> web.Response:
    return answer("OK")


async def _version(request: web.Request) -> web.Response:
    venue = request.app[VENUE]
    return answer({"version": venue.faults.version or venue.options.version})


async def _time(request: web.Request) -> web.Response:
    return answer(request.app[VENUE].now_ms() // 1000)


async def _geoblock(request: web.Request) -> web.Response:
    blocked = request.app[VENUE].faults.blocked
    country = "US" if blocked else "IE"
    return answer({"blocked": blocked, "ip": "127.0.0.1", "country": country, "region": ""})


def find(venue: Venue, token_id: str) -> tuple[Market, int]:
    """Return an open market and the index of the token in it.

    Raises:
        Refused: It is no token id, or no order book exists for it.
    """
    if not token_id.isascii() or not token_id.isdigit():
        raise bad_token()
    market, token = venue.engine.market_of(token_id)
    if market.closed:
        raise unknown_token()
    return market, token


def _asked(request: web.Request) -> tuple[Market, int]:
    return find(request.app[VENUE], request.query.get("token_id", ""))


async def _tick_size(request: web.Request) -> web.Response:
    return answer({"minimum_tick_size": float(_asked(request)[0].tick_size)})


async def _neg_risk(request: web.Request) -> web.Response:
    return answer({"neg_risk": _asked(request)[0].spec.neg_risk})


async def _fee_rate(request: web.Request) -> web.Response:
    _asked(request)
    return answer({"base_fee": 0})


async def _market_by_token(request: web.Request) -> web.Response:
    market, _ = find(request.app[VENUE], request.match_info["token_id"])
    first, second = market.spec.tokens
    # The primary token is not reliably YES: every other market lists it second.
    if market.spec.number % 2:
        first, second = second, first
    return answer(
        {
            "condition_id": market.spec.condition_id,
            "primary_token_id": first,
            "secondary_token_id": second,
        }
    )


async def _clob_market(request: web.Request) -> web.Response:
    market = request.app[VENUE].engine.markets.get(request.match_info["condition_id"])
    if market is None:
        raise Refused("market", 404, "market not found")
    spec = market.spec
    return answer(
        {
            "c": spec.condition_id,
            "t": [
                {"t": token_id, "o": outcome}
                for token_id, outcome in zip(spec.tokens, spec.outcomes, strict=True)
            ],
            "mts": float(market.tick_size),
            "mos": float(spec.min_order_size),
            "nr": spec.neg_risk,
            "fd": {"r": float(spec.fee_rate), "e": spec.fee_exponent, "to": True},
        }
    )


# -- books and prices ---------------------------------------------------------


async def _book(request: web.Request) -> web.Response:
    market, token = _asked(request)
    return answer(_shown_book(request.app[VENUE], market, token))


async def _books(request: web.Request) -> web.Response:
    venue = request.app[VENUE]
    views = [found for item in await _items(request) if (found := _maybe(venue, item))]
    return answer([_shown_book(venue, market, token) for market, token in views])


def _shown_book(venue: Venue, market: Market, token: int) -> dict[str, Any]:
    """Return the book, or a ghost of it: 0.01 against 0.99, as REST has been seen to answer."""
    book = frames.rest_book(market, token)
    if market.spec.tokens[token] in venue.faults.ghost_books:
        book["bids"] = [{"price": "0.01", "size": "1000"}]
        book["asks"] = [{"price": "0.99", "size": "1000"}]
    return book


async def _items(request: web.Request) -> list[dict[str, Any]]:
    items = await json_body(request)
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise bad_payload()
    if not all(isinstance(item, dict) for item in items):
        raise bad_payload()
    return items


def _maybe(venue: Venue, item: dict[str, Any]) -> tuple[Market, int] | None:
    try:
        return find(venue, str(item.get("token_id", "")))
    except Refused:
        return None


def _quote(market: Market, token: int) -> tuple[Decimal, Decimal]:
    bid, ask = market.book.top(token)
    return (ZERO if bid is None else bid, ONE if ask is None else ask)


def _mid(market: Market, token: int) -> Decimal:
    bid, ask = _quote(market, token)
    return (bid + ask) / 2


async def _midpoint(request: web.Request) -> web.Response:
    return answer({"mid": text(_mid(*_asked(request)))})


async def _midpoints(request: web.Request) -> web.Response:
    return answer({i: text(_mid(market, token)) for i, market, token in await _views(request)})


async def _views(request: web.Request) -> list[tuple[str, Market, int]]:
    venue = request.app[VENUE]
    found = [(str(item.get("token_id")), _maybe(venue, item)) for item in await _items(request)]
    return [(token_id, *view) for token_id, view in found if view]


async def _price(request: web.Request) -> web.Response:
    """Answer the best price of one side: BUY is the best bid."""
    bid, ask = _quote(*_asked(request))
    side = request.query.get("side", "").upper()
    if side not in ("BUY", "SELL"):
        raise Refused("side", 400, "Invalid side")
    return answer({"price": text(bid if side == "BUY" else ask)})


async def _prices(request: web.Request) -> web.Response:
    venue = request.app[VENUE]
    prices: dict[str, dict[str, float]] = {}
    for item in await _items(request):
        view = _maybe(venue, item)
        side = str(item.get("side", "BUY"))
        if view:
            bid, ask = _quote(*view)
            both = prices.setdefault(str(item["token_id"]), {})
            both[side] = float(bid if side == "BUY" else ask)
    return answer(prices)


async def _spread(request: web.Request) -> web.Response:
    bid, ask = _quote(*_asked(request))
    return answer({"spread": text(ask - bid)})


async def _spreads(request: web.Request) -> web.Response:
    spreads = {}
    for token_id, market, token in await _views(request):
        bid, ask = _quote(market, token)
        spreads[token_id] = text(ask - bid)
    return answer(spreads)


def _last(market: Market, token: int) -> dict[str, str]:
    """Return the token's last price; before the first trade it is 0.5 without a side."""
    last = market.last_trade_price
    if last is None:
        return {"price": "0.5", "side": ""}
    return {"price": text(ONE - last if token else last), "side": market.last_side(token)}


async def _last_trade_price(request: web.Request) -> web.Response:
    return answer(_last(*_asked(request)))


async def _last_trades_prices(request: web.Request) -> web.Response:
    views = await _views(request)
    return answer([{**_last(market, token), "token_id": i} for i, market, token in views])
