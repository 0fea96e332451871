"""The test bench: what happened so far, and make something happen."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim.canonical import text
from POLYMARKET_MAKER.sim.http import VENUE, answer, json_body
from POLYMARKET_MAKER.sim.venue import Venue
from POLYMARKET_MAKER.sim.verbs import VerbError, perform


def routes() -> list[web.RouteDef]:
    return [web.get("/sim/stats", _stats), web.post("/sim/control", _control)]


async def _stats(request: web.Request) -> web.Response:
    return answer(stats(request.app[VENUE]))


async def _control(request: web.Request) -> web.Response:
    """Carry out one request; 400 says what was wrong with it."""
    body = await json_body(request)
    if not isinstance(body, dict):
        return answer({"error": "request was not a JSON object"}, status=400)
    try:
        return answer(perform(request.app[VENUE], body))
    except VerbError as error:
        return answer({"error": str(error)}, status=400)


def stats(venue: Venue) -> dict[str, Any]:
    """Return every counter, and how things stand now."""
    wallets = list(venue.engine.clearing.wallets.values())
    market_lines = venue.market_channel.lines.values()
    return {
        **venue.stats.as_json(),
        "open_orders": {w.address: len(w.open_orders) for w in wallets if w.open_orders},
        "peaks": venue.peaks.as_json(),
        "connections": {
            "market": len(venue.market_channel.lines),
            "user": len(venue.user_channel.lines),
        },
        "subscribed": sum(len(line.subscribed) for line in market_lines),
        "wallets": {
            wallet.address: {
                "usd": text(wallet.usd),
                "shares": {
                    token: text(held.size) for token, held in wallet.holdings.items() if held.size
                },
            }
            for wallet in wallets
        },
        "uptime_s": round(venue.clock.now() - venue.started_at, 3),
    }
