"""One open WebSocket, of either channel: an outgoing queue, and how it can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from aiohttp import web

from POLYMARKET_MAKER.sim.peer import owns_port

QUEUE_LIMIT = 20_000  # frames; a client that reads so slowly is cut off


class Line:
    """A WebSocket connection with one writer, so that frames keep their order.

    Attributes:
        subscribed: Token ids (market channel) or condition ids (user channel).
        everything: The user channel without a list of markets.
        started: The first frame was accepted.
        custom: ``custom_feature_enabled`` was set.
        frozen: Tokens without data on this line; None freezes all of them.
        half_open: Nothing is read or written any more, but the socket stays open.
    """

    def __init__(self, number: int, ws: web.WebSocketResponse, request: web.Request) -> None:
        self.number = number
        self.ws = ws
        self.subscribed: dict[str, None] = {}
        self.seen: set[str] = set()
        self.everything = False
        self.started = False
        self.custom = False
        self.frozen: set[str] | None = set()
        self.half_open = False
        self.owner = ""
        self.address = ""
        self._request = request
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue(QUEUE_LIMIT)

    def send(self, text: str | bytes) -> None:
        """Queue one frame; a full queue cuts the connection."""
        if self.half_open:
            return
        try:
            self._outgoing.put_nowait(text)
        except asyncio.QueueFull:
            self.cut()

    def is_frozen(self, tokens: tuple[str, ...]) -> bool:
        return self.frozen is None or all(token in self.frozen for token in tokens)

    def freeze(self, tokens: Iterable[str] | None) -> None:
        """Give no data of these tokens any more; None means all."""
        if tokens is None:
            self.frozen = None
        elif self.frozen is not None:
            self.frozen.update(tokens)

    def is_of(self, pid: int) -> bool:
        """Whether it was opened by process *pid*."""
        return comes_from(self._request, pid)

    def silence(self) -> None:
        """Neither read nor write any more, and keep the socket open."""
        self.half_open = True
        if self._request.transport is not None:
            self._request.transport.pause_reading()

    def cut(self) -> None:
        """Break the TCP connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Send queued frames until the connection ends."""
        with suppress(ConnectionError, RuntimeError):
            while True:
                frame = await self._outgoing.get()
                if isinstance(frame, bytes):
                    await self.ws.send_bytes(frame)
                else:
                    await self.ws.send_str(frame)


def comes_from(request: web.Request, pid: int) -> bool:
    """Whether a request was made by process *pid* of this machine."""
    if request.transport is None:
        return False
    port: int = request.transport.get_extra_info("peername")[1]
    return owns_port(pid, port)
