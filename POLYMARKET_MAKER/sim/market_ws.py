"""The market channel: subscriptions as the exchange handles them, and who gets which frame."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from POLYMARKET_MAKER.sim import frames
from POLYMARKET_MAKER.sim.canonical import compact
from POLYMARKET_MAKER.sim.engine import Engine
from POLYMARKET_MAKER.sim.faults import Faults
from POLYMARKET_MAKER.sim.line import Line, comes_from
from POLYMARKET_MAKER.sim.market import Market
from POLYMARKET_MAKER.sim.model import BookBatch, Resolved, TickChanged, Trade
from POLYMARKET_MAKER.sim.stats import Stats

MAX_ASSETS = 500  # more than that on one connection, and no data arrives
CLOSE_AFTER_S = 0.15
UPGRADES_PER_S = 40  # production's limit is not established
TRADE_LAG_MS = 36  # from the books to ``last_trade_price``
INVALID = "INVALID OPERATION"


class MarketChannel:
    def __init__(self, engine: Engine, faults: Faults, stats: Stats) -> None:
        self.lines: dict[int, Line] = {}
        self._engine = engine
        self._faults = faults
        self._stats = stats
        self._by_token: dict[str, dict[int, Line]] = {}
        self._opened: deque[float] = deque()
        self._count = 0

    # -- connections ----------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        if self._faults.take("refuse_upgrades") or self._is_flood():
            self._stats.count("upgrades", "refused_429")
            return web.Response(status=429, text="Too Many Requests")
        if self._faults.shunned_pid and comes_from(request, self._faults.shunned_pid):
            self._stats.count("upgrades", "shunned")
            return web.Response(status=503, text="Service Unavailable")
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        self._stats.count("upgrades", "market")
        if self._faults.take("close_upgrades"):
            await ws.close()
            return ws
        self._count += 1
        line = self.lines[self._count] = Line(self._count, ws, request)
        for pid, tokens in self._faults.frozen_for.items():
            if line.is_of(pid):
                line.freeze(tokens)
        writer = asyncio.create_task(line.write())
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    await self._received(line, message.data)
        finally:
            writer.cancel()
            self._unsubscribe(line, list(line.subscribed))
            self.lines.pop(line.number, None)
        return ws

    def _is_flood(self) -> bool:
        now = time.monotonic()
        while self._opened and now - self._opened[0] > 1.0:
            self._opened.popleft()
        self._opened.append(now)
        return len(self._opened) > UPGRADES_PER_S

    async def _received(self, line: Line, text: str) -> None:
        if text == "PING":
            self._stats.count("received", "PING")
            if self._faults.pong:
                self._reply(line, "PONG")
            return
        self._stats.count("received", "frame")
        with suppress(json.JSONDecodeError):
            frame = json.loads(text)
            if isinstance(frame, dict):
                await self._subscription(line, frame)
                return
        self._reply(line, INVALID)

    def _reply(self, line: Line, text: str) -> None:
        self._stats.count("sent", text)
        line.send(text)

    # -- subscriptions --------------------------------------------------------

    async def _subscription(self, line: Line, frame: dict[str, Any]) -> None:
        """Act on a first frame or on an ``operation`` frame.

        After a first frame without ``assets_ids`` (``asset_ids`` is the usual slip)
        the connection stays open and silent.
        """
        ids = frame.get("assets_ids")
        operation = frame.get("operation")
        if operation is None and frame.get("type") != "market":
            self._reply(line, INVALID)
        elif operation is None and ids is None:
            line.started = True
        elif not isinstance(ids, list):
            self._reply(line, INVALID)
        elif len(ids) > self._faults.ids_per_frame:
            self._stats.count("refused", "oversized_frame")
            await asyncio.sleep(CLOSE_AFTER_S)
            line.cut()
        elif operation is None:
            self._first(line, [str(each) for each in ids], frame)
        elif operation in ("subscribe", "unsubscribe") and line.started and ids:
            self._change(line, operation, [str(each) for each in ids], frame)
        else:
            self._reply(line, INVALID)

    def _first(self, line: Line, ids: list[str], frame: dict[str, Any]) -> None:
        custom = bool(frame.get("custom_feature_enabled", False))
        if line.started or not (ids or custom) or self._faults.take("invalid_first"):
            self._reply(line, INVALID)
            return
        line.started = True
        line.custom = custom
        self._subscribe(line, self._known(ids), dump=bool(frame.get("initial_dump", True)))

    def _change(self, line: Line, operation: str, ids: list[str], frame: dict[str, Any]) -> None:
        if operation == "unsubscribe":
            self._unsubscribe(line, ids)
            return
        # The flag is applied before the list is looked at.
        line.custom = bool(frame.get("custom_feature_enabled", line.custom))
        new = [each for each in self._known(ids) if each not in line.subscribed]
        if new:
            self._subscribe(line, new, dump=True)
        else:
            self._reply(line, "NO NEW ASSETS")

    def _known(self, ids: Iterable[str]) -> list[str]:
        """Return the ids that name an open market, each once."""
        by_token = self._engine.by_token
        return [i for i in dict.fromkeys(ids) if i in by_token and not by_token[i][0].closed]

    def _subscribe(self, line: Line, ids: list[str], *, dump: bool) -> None:
        """Add tokens and send their books; a token that comes back gets no second snapshot."""
        for token_id in ids:
            line.subscribed[token_id] = None
            self._by_token.setdefault(token_id, {})[line.number] = line
        self._stats.count("subscriptions", "tokens", len(ids))
        seen = set() if self._faults.resnapshot else line.seen
        fresh = [i for i in ids if i not in seen and i not in self._faults.deaf_tokens]
        line.seen.update(ids)
        views = [self._engine.by_token[i] for i in fresh if self._may_send(line, (i,))]
        if views and dump:
            self._stats.count("sent", "book", len(views))
            line.send(self._shaped(frames.snapshot(views)))

    def _unsubscribe(self, line: Line, ids: list[str]) -> None:
        for token_id in ids:
            line.subscribed.pop(token_id, None)
            self._by_token.get(token_id, {}).pop(line.number, None)

    # -- events ---------------------------------------------------------------

    def batch(self, market: Market, batch: BookBatch) -> None:
        """Report one batch of the engine: top of book, levels, books, and later the trades."""
        tokens = market.spec.tokens
        if batch.trades:
            loop = asyncio.get_running_loop()
            loop.call_later(TRADE_LAG_MS / 1000, self._trades, market, batch.trades, batch.at_ms)
        if not any(self._by_token.get(token_id) for token_id in tokens):
            return
        if batch.top_changed:
            for token in (0, 1):
                text = frames.best_bid_ask(market, token, batch.at_ms + 1)
                self.publish(text, (tokens[token],), kind="best_bid_ask", custom=True)
        for text in self._level_frames(market, batch):
            self.publish(text, tokens, kind="price_change")
        if batch.trades:
            first = batch.trades[-1].token
            for token in (first, 1 - first):
                text = self._shaped(frames.traded_book(market, token))
                self.publish(text, (tokens[token],), kind="book")

    def _level_frames(self, market: Market, batch: BookBatch) -> list[str]:
        texts = frames.price_changes(market, batch.changes, batch.at_ms)
        if self._faults.swap_duplicates:
            texts += frames.price_changes(market, batch.changes, batch.at_ms, swapped=True)
        if self._faults.arrays and texts:
            return ["[" + ", ".join(texts) + "]"]
        return texts

    def _trades(self, market: Market, trades: tuple[Trade, ...], at_ms: int) -> None:
        for trade in trades:
            text = frames.last_trade_price(market, trade, at_ms + TRADE_LAG_MS)
            token_id = market.spec.tokens[trade.token]
            self.publish(text, (token_id,), kind="last_trade_price")

    def tick_changed(self, market: Market, change: TickChanged) -> None:
        for token, token_id in enumerate(market.spec.tokens):
            text = frames.tick_size_change(market, token, change.old, change.at_ms)
            self.publish(text, (token_id,), kind="tick_size_change")

    def resolved(self, market: Market, event: Resolved) -> None:
        if event.announced:
            text = frames.market_resolved(market, event.winner, event.at_ms)
            self.publish(text, market.spec.tokens, kind="market_resolved", custom=True)

    def publish(
        self, text: str, tokens: tuple[str, ...], *, kind: str, custom: bool = False
    ) -> None:
        """Send one frame to every line that asked for one of *tokens*."""
        targets: dict[int, Line] = {}
        for token_id in tokens:
            if token_id not in self._faults.deaf_tokens:
                targets.update(self._by_token.get(token_id, {}))
        for line in targets.values():
            if line.custom or not custom:
                wanted = tuple(each for each in tokens if each in line.subscribed)
                if self._may_send(line, wanted):
                    self._stats.count("sent", kind)
                    line.send(text)

    def broadcast(self, text: str | bytes, *, kind: str, custom: bool = False) -> None:
        """Send one frame to every line, whatever it asked for."""
        for line in list(self.lines.values()):
            if line.custom or not custom:
                self._stats.count("sent", kind)
                line.send(text)

    def _may_send(self, line: Line, tokens: tuple[str, ...]) -> bool:
        if len(line.subscribed) > MAX_ASSETS or line.is_frozen(tokens):
            return False
        return not all(token in self._faults.frozen_tokens for token in tokens)

    def _shaped(self, text: str) -> str:
        """Turn the ladders round while that trouble is on: the best price comes first."""
        return _turned(text) if self._faults.reorder_levels else text


def _turned(text: str) -> str:
    value = json.loads(text)
    for book in value if isinstance(value, list) else [value]:
        book["bids"].reverse()
        book["asks"].reverse()
    return compact(value)
