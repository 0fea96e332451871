"""A simulation in a thread of the test's own process, and what tests do with it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import websocket

from POLYMARKET_MAKER.sim.control import stats
from POLYMARKET_MAKER.sim.server import Server, start_server
from POLYMARKET_MAKER.sim.venue import Options, Venue
from POLYMARKET_MAKER.sim.verbs import perform

TIMEOUT_S = 15.0
START_TIMEOUT_S = 90.0
"""Two thousand markets, on a machine that has much else to do."""


class Running:
    """One simulation and the loop it runs in."""

    def __init__(self, options: Options) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self._server: Server = self._run(start_server(options), START_TIMEOUT_S)
        except BaseException:
            self._end_loop()
            raise
        self.venue: Venue = self._server.venue
        self.urls = self._server.announcement()
        self.http = httpx.Client(base_url=self.urls["clob"], trust_env=False, timeout=TIMEOUT_S)
        self._sockets: list[websocket.WebSocket] = []

    def _run(self, coroutine: Coroutine[Any, Any, Any], timeout_s: float = TIMEOUT_S) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def call(self, function: Callable[[], Any]) -> Any:
        """Call a function in the simulation's loop, where its state may be touched."""

        async def inside() -> Any:
            return function()

        return self._run(inside())

    def control(self, **request: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.call(lambda: perform(self.venue, request))
        return found

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call(lambda: stats(self.venue))
        return found

    @property
    def tokens(self) -> list[str]:
        return self.venue.listed

    def sibling(self, token_id: str) -> str:
        market, token = self.venue.engine.by_token[token_id]
        return market.spec.tokens[1 - token]

    def condition(self, token_id: str) -> str:
        return self.venue.engine.by_token[token_id][0].spec.condition_id

    def socket(self, channel: str = "ws_market") -> websocket.WebSocket:
        opened = websocket.create_connection(self.urls[channel], timeout=TIMEOUT_S)
        self._sockets.append(opened)
        return opened

    def subscribed(self, *tokens: str, custom: bool = False) -> websocket.WebSocket:
        """Return a market connection that has already read its snapshot."""
        opened = self.socket()
        send(opened, assets_ids=list(tokens), type="market", custom_feature_enabled=custom)
        assert received(opened)[0]["event_type"] == "book"
        return opened

    def stop(self) -> None:
        for opened in self._sockets:
            opened.shutdown()  # type: ignore[no-untyped-call]
        self.http.close()
        self._run(self._server.stop())
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def send(ws: websocket.WebSocket, **frame: Any) -> None:
    ws.send(json.dumps(frame))


def received(ws: websocket.WebSocket) -> Any:
    """Return the next frame, decoded when it is JSON."""
    text = ws.recv()
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def received_until(ws: websocket.WebSocket, event_type: str) -> list[Any]:
    """Return frames up to and including the first one of a type."""
    frames = []
    while True:
        frames.append(received(ws))
        if isinstance(frames[-1], dict) and frames[-1].get("event_type") == event_type:
            return frames


def silent(ws: websocket.WebSocket) -> bool:
    """Tell whether PONG is the next thing that arrives: nothing else was on its way."""
    ws.send("PING")
    return bool(ws.recv() == "PONG")


Serve = Callable[..., Running]
