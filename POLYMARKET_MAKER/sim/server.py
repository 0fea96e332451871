"""The sockets: one port on 127.0.0.1 for both channels and all HTTP services."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any

from aiohttp import web

from POLYMARKET_MAKER.sim import (
    control,
    data_api,
    gamma,
    rest_orders,
    rest_private,
    rest_public,
    scenario,
)
from POLYMARKET_MAKER.sim.http import VENUE, refusing, troubled
from POLYMARKET_MAKER.sim.venue import Options, Venue

HOST = "127.0.0.1"


class Server:
    """A running simulation.

    Attributes:
        venue: Its state, for tests in the same process.
        port: The port it listens on.
    """

    def __init__(self, venue: Venue, runner: web.AppRunner, port: int) -> None:
        self.venue = venue
        self.port = port
        self._runner = runner
        self._tasks = [
            asyncio.create_task(venue.run_flow()),
            asyncio.create_task(venue.run_housekeeping()),
            asyncio.create_task(scenario.run(venue, venue.options.scenario)),
        ]

    def announcement(self) -> dict[str, Any]:
        """Return what the program prints in one line when it accepts connections."""
        base = f"http://{HOST}:{self.port}"
        return {
            "clob": base,
            "ws_market": f"ws://{HOST}:{self.port}/ws/market",
            "ws_user": f"ws://{HOST}:{self.port}/ws/user",
            "data": f"{base}/data-api",
            "gamma": f"{base}/gamma",
            "geoblock": f"{base}/api/geoblock",
            "control": f"{base}/sim/control",
            "stats": f"{base}/sim/stats",
            "tokens": self.venue.listed,
            "version": self.venue.options.version,
            "seed": self.venue.options.seed,
            "pid": os.getpid(),
        }

    async def wait(self) -> None:
        """Wait until a background task ends, which only a fault makes it do."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Close every connection and the port."""
        for task in self._tasks:
            task.cancel()
        for line in [
            *self.venue.market_channel.lines.values(),
            *self.venue.user_channel.lines.values(),
        ]:
            line.cut()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self._runner.cleanup()


async def start_server(options: Options | None = None) -> Server:
    """Start a simulation in the running event loop.

    Raises:
        OSError: The port is in use.
        ValueError: There is no scenario of that name.
    """
    options = options or Options()
    if options.scenario not in (None, *scenario.SCENARIOS):
        raise ValueError(f"scenario was {options.scenario!r}")
    venue = Venue(options)
    runner = web.AppRunner(_application(venue), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, venue.options.port)
        await site.start()
    except BaseException:
        await runner.cleanup()
        raise
    port: int = runner.addresses[0][1]
    return Server(venue, runner, port)


def _application(venue: Venue) -> web.Application:
    app = web.Application(middlewares=[troubled, refusing])
    app[VENUE] = venue
    app.add_routes(
        [
            web.get("/ws/market", venue.market_channel.handle),
            web.get("/ws/user", venue.user_channel.handle),
            *rest_public.routes(),
            *rest_private.routes(),
            *rest_orders.routes(),
            *data_api.routes("/data-api"),
            *gamma.routes("/gamma"),
            *control.routes(),
        ]
    )
    return app
