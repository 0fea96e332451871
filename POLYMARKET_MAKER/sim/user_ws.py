"""The user channel: the orders and trades of one API key."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from POLYMARKET_MAKER.sim.accounts import order_message, trade_message
from POLYMARKET_MAKER.sim.admission import Wallets
from POLYMARKET_MAKER.sim.auth import Keys
from POLYMARKET_MAKER.sim.canonical import compact
from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.faults import Faults
from POLYMARKET_MAKER.sim.line import Line
from POLYMARKET_MAKER.sim.model import OrderEvent, TradeEvent
from POLYMARKET_MAKER.sim.refusals import Refused
from POLYMARKET_MAKER.sim.stats import Stats


class UserChannel:
    def __init__(
        self, engine: Engine, keys: Keys, wallets: Wallets, faults: Faults, stats: Stats
    ) -> None:
        self.lines: dict[int, Line] = {}
        self._engine = engine
        self._keys = keys
        self._wallets = wallets
        self._faults = faults
        self._stats = stats
        self._count = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends; wrong credentials end it at once."""
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        self._stats.count("upgrades", "user")
        self._count += 1
        line = self.lines[self._count] = Line(self._count, ws, request)
        writer = asyncio.create_task(line.write())
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT and not self._received(line, message.data):
                    break
        finally:
            writer.cancel()
            self.lines.pop(line.number, None)
        if not ws.closed:
            line.cut()
        return ws

    def _received(self, line: Line, text: str) -> bool:
        """Act on one frame; False ends the connection."""
        if text == "PING":
            if self._faults.pong:
                self._stats.count("sent", "PONG")
                line.send("PONG")
            return True
        try:
            frame = json.loads(text)
        except json.JSONDecodeError:
            return False
        if not isinstance(frame, dict):
            return False
        if line.started:
            self._change(line, frame)
            return True
        return self._first(line, frame)

    def _first(self, line: Line, frame: dict[str, Any]) -> bool:
        auth = frame.get("auth")
        if frame.get("type") != "user" or not isinstance(auth, dict):
            return False
        try:
            credentials = self._keys.login(auth)
        except Refused as refused:
            self._stats.count("refused", refused.reason)
            return False
        line.started = True
        line.owner, line.address = credentials.key, credentials.address
        line.everything = frame.get("markets") is None
        line.subscribed.update(dict.fromkeys(_markets(frame)))
        return True

    def _change(self, line: Line, frame: dict[str, Any]) -> None:
        markets = _markets(frame)
        if frame.get("operation") == "subscribe":
            line.subscribed.update(dict.fromkeys(markets))
        elif frame.get("operation") == "unsubscribe":
            for market in markets:
                line.subscribed.pop(market, None)

    def order(self, event: OrderEvent) -> None:
        text = compact(order_message(self._engine, event))
        for line in list(self.lines.values()):
            if self._concerns(line, event.order.condition_id, {event.order.wallet}):
                self._stats.count("sent", f"user_{event.kind.lower()}")
                line.send(text)

    def trade(self, event: TradeEvent) -> None:
        trade = event.trade
        parties = {trade.wallet, *(fill.wallet for fill in trade.makers)}
        for line in list(self.lines.values()):
            if self._concerns(line, trade.condition_id, parties):
                wallets = self._wallets.all_of(line.address)
                self._stats.count("sent", "user_trade")
                line.send(compact(trade_message(self._engine, event, wallets)))

    def _concerns(self, line: Line, condition_id: str, wallets: set[str]) -> bool:
        if not line.started or line.is_frozen((condition_id,)):
            return False
        if not line.everything and condition_id not in line.subscribed:
            return False
        return not self._wallets.all_of(line.address).isdisjoint(each.lower() for each in wallets)


def _markets(frame: dict[str, Any]) -> list[str]:
    """Return the condition ids of a frame; anything but a list names none."""
    markets = frame.get("markets")
    return [str(each) for each in markets] if isinstance(markets, list) else []
