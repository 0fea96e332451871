"""Answers as JSON, each in one write, and the trouble a request can run into."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim.canonical import compact
from POLYMARKET_MAKER.sim.faults import Harm, RequestFault
from POLYMARKET_MAKER.sim.refusals import Refused, bad_payload
from POLYMARKET_MAKER.sim.venue import Venue

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
VENUE = web.AppKey("venue", Venue)
FOREVER_S = 3_600.0


def answer(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return *value* as compact JSON."""
    return web.Response(
        body=compact(value).encode(),
        status=status,
        headers=headers,
        content_type="application/json",
    )


async def json_body(request: web.Request) -> Any:
    """Return the decoded body.

    Raises:
        Refused: It is not JSON.
    """
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise bad_payload() from error


@web.middleware
async def refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn a refusal into its answer and count it."""
    try:
        return await handler(request)
    except Refused as refused:
        request.app[VENUE].stats.count("refused", refused.reason)
        return answer(refused.body, status=refused.status, headers=refused.headers)


@web.middleware
async def troubled(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request run into the fault that is waiting for it, if any."""
    venue = request.app[VENUE]
    venue.stats.count("requests", f"{request.method} {request.path.split('/0x')[0]}")
    fault = venue.faults.take_request(request.method, request.path)
    if fault is None:
        return await handler(request)
    venue.stats.count("faults", fault.harm.value)
    await request.read()
    return await _harm(fault, request, handler)


async def _harm(fault: RequestFault, request: web.Request, handler: Handler) -> web.StreamResponse:
    match fault.harm:
        case Harm.TOO_EARLY | Harm.TOO_MANY | Harm.ERROR | Harm.UNAVAILABLE:
            return answer(
                {"error": ERROR_TEXTS[fault.harm]},
                status=int(fault.harm.value),
                headers={"Retry-After": "1"} if fault.harm is not Harm.ERROR else None,
            )
        case Harm.DROP:
            _cut(request)
        case Harm.TIMEOUT:
            await asyncio.sleep(FOREVER_S)
        case Harm.SLOW:
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        case _:
            response = await handler(request)
            return await _harm_after(fault, request, response)
    raise web.HTTPServiceUnavailable


async def _harm_after(
    fault: RequestFault, request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    """Spoil the answer of a request that was processed."""
    match fault.harm:
        case Harm.DROP_AFTER:
            _cut(request)
        case Harm.LOST_ANSWER:
            await asyncio.sleep(FOREVER_S)
        case Harm.SLOW_AFTER:
            await asyncio.sleep(fault.seconds)
        case _:
            return web.Response(text="<html>bad gateway</html>", content_type="text/html")
    return response


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


ERROR_TEXTS = {
    Harm.TOO_EARLY: "Too Early",
    Harm.TOO_MANY: "Too Many Requests",
    Harm.ERROR: "could not insert order",
    Harm.UNAVAILABLE: "trading is disabled",
}
