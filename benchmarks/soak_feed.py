"""Soak the market feed: many events and forced reconnects, and nothing may grow or be left over.

    python benchmarks/soak_feed.py [--seconds 600] [--rate 2000] [--tokens 500] [--drops 50]

A server of its own process sends changes of *tokens* at *rate* a second on loopback and
cuts every connection *drops* times. The aggregator under test runs in this process. It
fails (exit code 1) when memory grows by more than 5 % after the first tenth of the time,
when a thread or a file descriptor is left over, or when a frame was not understood.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import psutil  # noqa: E402
from aiohttp import WSMsgType, web  # noqa: E402

from POLYMARKET_MAKER import log  # noqa: E402
from POLYMARKET_MAKER.aggregator import Aggregator  # noqa: E402
from POLYMARKET_MAKER.clock import Clock  # noqa: E402
from POLYMARKET_MAKER.core.feed import FeedLimits  # noqa: E402
from POLYMARKET_MAKER.line import Line, OnFrame, OnState, OpenLine  # noqa: E402
from POLYMARKET_MAKER.market_line import MarketLine  # noqa: E402

GROWTH = 0.05
TICK_S = 0.02
LEVELS = 10


@dataclass(frozen=True)
class Load:
    """What the server is to do."""

    seconds: float
    rate: float
    tokens: int
    drops: int


class Server:
    """Books that never change their best prices, sent as fast as asked for."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._lines: dict[web.WebSocketResponse, list[str]] = {}
        self._random = random.Random(1)  # noqa: S311 - a load, not a secret
        self._now_ms = int(time.time() * 1000)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        self._lines[line] = []
        async for message in line:
            if message.type is not WSMsgType.TEXT:
                break
            await self._answer(line, str(message.data))
        self._lines.pop(line, None)
        return line

    async def _answer(self, line: web.WebSocketResponse, text: str) -> None:
        if text == "PING":
            await line.send_str("PONG")
            return
        frame = json.loads(text)
        if frame.get("operation") != "unsubscribe":
            self._lines[line] += frame["assets_ids"]
            await line.send_str(json.dumps([self._book(each) for each in frame["assets_ids"]]))

    async def run(self) -> None:
        """Send the load until the time is over."""
        began = time.monotonic()
        sent, dropped = 0, 0
        while (passed := time.monotonic() - began) < self._load.seconds:
            due = int(passed * self._load.rate)
            for line, tokens in list(self._lines.items()):
                share = (due - sent) * len(tokens) // max(1, self._load.tokens)
                for _ in range(share if tokens else 0):
                    await self._send(line, self._random.choice(tokens))
            sent = due
            if passed >= (dropped + 1) * self._load.seconds / (self._load.drops + 1):
                dropped += 1
                await self._cut()
            await asyncio.sleep(TICK_S)

    async def _send(self, line: web.WebSocketResponse, token: str) -> None:
        if not line.closed:
            try:
                await line.send_str(self._change(token))
            except ConnectionError:
                self._lines.pop(line, None)

    async def _cut(self) -> None:
        for line in list(self._lines):
            if line._req is not None and line._req.transport is not None:  # noqa: SLF001
                line._req.transport.abort()  # noqa: SLF001 - without a word, as a network does
        self._lines.clear()

    def _book(self, token: str) -> dict[str, Any]:
        return {
            "market": f"0x{int(token):064x}",
            "asset_id": token,
            "timestamp": str(self._now_ms),
            "hash": "",
            "bids": [{"price": f"0.{40 + n}", "size": "100"} for n in range(LEVELS)],
            "asks": [{"price": f"0.{60 - n}", "size": "100"} for n in range(LEVELS)],
            "tick_size": "0.01",
            "event_type": "book",
            "last_trade_price": "",
        }

    def _change(self, token: str) -> str:
        self._now_ms += 1
        level, size = self._random.randrange(LEVELS), self._random.randrange(1, 100_000)
        change = {
            "asset_id": token,
            "price": f"0.{40 + level}",
            "size": f"{size / 100:.2f}",
            "side": "BUY",
            "hash": f"{self._random.getrandbits(160):040x}",
            "best_bid": "0.49",
            "best_ask": "0.51",
        }
        sibling = change | {"asset_id": f"9{token}", "price": f"0.{60 - level}", "side": "SELL"}
        return json.dumps(
            {
                "market": f"0x{int(token):064x}",
                "price_changes": [change, sibling],
                "timestamp": str(self._now_ms),
                "event_type": "price_change",
            }
        )


def serve(load: Load, pipe: Connection) -> None:
    """Run the server in its own process; tell its port, wait for the word, send the load."""

    async def run() -> None:
        server = Server(load)
        app = web.Application()
        app.router.add_get("/ws/market", server.handle)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        await server.run()
        pipe.send("done")
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        await runner.cleanup()

    asyncio.run(run())


@dataclass(frozen=True)
class Reading:
    """What this process holds."""

    rss: int
    threads: int
    fds: int
    cpu_s: float

    @classmethod
    def take(cls) -> Reading:
        me = psutil.Process()
        times = me.cpu_times()
        return cls(
            me.memory_info().rss, threading.active_count(), me.num_fds(), times.user + times.system
        )


def soak(load: Load) -> list[str]:
    """Run the load; return what went wrong."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(load, theirs), daemon=True)
    process.start()
    clock = Clock()
    lines = _lines(f"ws://127.0.0.1:{ours.recv()}/ws/market", clock)
    with tempfile.TemporaryDirectory() as folder:
        aggregator = Aggregator(Path(folder) / "ws_cache.json", lines, clock=clock)
        idle = Reading.take()
        aggregator.start([str(10**6 + number) for number in range(load.tokens)])
        ours.send("go")
        time.sleep(load.seconds / 10)
        warm = Reading.take()
        ours.recv()
        end = Reading.take()
        status: Any = aggregator.status()
        aggregator.stop()
        left = Reading.take()
    ours.send("bye")
    process.join(5)
    _print_report(load, warm, end, status)
    return _faults(load, (idle, warm, end, left), status)


def _lines(url: str, clock: Clock) -> OpenLine:
    """Open lines that count as stable after 5 s, so that back-off does not eat the load."""
    limits = FeedLimits(stable_s=5.0)

    def open_line(
        conn: int, on_frame: OnFrame, on_state: OnState, *, skip_book: Callable[[str], bool]
    ) -> Line:
        return MarketLine(
            url,
            on_frame,
            on_state=on_state,
            name=str(conn),
            custom_features=True,
            skip_book=skip_book,
            clock=clock,
            limits=limits,
        )

    return open_line


def _print_report(load: Load, warm: Reading, end: Reading, status: Any) -> None:
    events = status["received"].get("price_change", 0)
    busy = (end.cpu_s - warm.cpu_s) / (0.9 * load.seconds)
    sys.stdout.write(
        f"{events} changes in {load.seconds:g} s ({events / load.seconds:.0f}/s), "
        f"{status['received'].get('book', 0)} books, "
        f"connects {[line['connects'] for line in status['lines']]}\n"
        f"cpu {busy:.1%} of a core; memory {warm.rss / 1e6:.1f} MB after a tenth of the time, "
        f"{end.rss / 1e6:.1f} MB at the end; threads {warm.threads} and {end.threads}; "
        f"file descriptors {warm.fds} and {end.fds}\n"
    )


def _faults(
    load: Load, readings: tuple[Reading, Reading, Reading, Reading], status: Any
) -> list[str]:
    """Hold the readings (idle, warm, at the end, after the stop) against the limits."""
    idle, warm, end, left = readings
    wrong = []
    if end.rss > warm.rss * (1 + GROWTH):
        wrong.append(f"memory grew by {end.rss / warm.rss - 1:.1%}, limit is {GROWTH:.0%}")
    if end.threads > warm.threads or left.threads > idle.threads:
        wrong.append(f"threads: {idle.threads}, {warm.threads}, {end.threads}, {left.threads}")
    if end.fds > warm.fds or left.fds > idle.fds:
        wrong.append(f"file descriptors: {idle.fds}, {warm.fds}, {end.fds}, {left.fds}")
    if status["unreadable"] or status["faults"]:
        wrong.append(f"unreadable {status['unreadable']}, faults {status['faults']}")
    if min(line["connects"] for line in status["lines"]) < load.drops:
        wrong.append(f"connects were below {load.drops}")
    if status["received"].get("price_change", 0) < 0.5 * load.rate * load.seconds:
        wrong.append("less than half of the load arrived")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Soak the market feed.")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=2000.0, help="events a second")
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--drops", type=int, default=50, help="times all connections are cut")
    options = parser.parse_args()
    log.configure(level="ERROR")
    wrong = soak(Load(options.seconds, options.rate, options.tokens, options.drops))
    for sentence in wrong:
        sys.stdout.write(f"FAIL {sentence}\n")
    if not wrong:
        sys.stdout.write("PASS\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
