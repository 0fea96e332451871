"""An exchange's market channel on loopback that sends quotes on schedule, and nothing else.

A process of its own. Its frames are made, and framed, before the round begins, so that
sending one costs a system call. The size at a token's best bid is the number of the event.
"""

from __future__ import annotations

import json
import multiprocessing
import struct
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from benchmarks.harness.latency import NS
from benchmarks.harness.schedule import Event

_LEVELS = 10
_TEXT_FRAME = 0x81
_SHORT, _MEDIUM = 125, 126


class MarketFeed:
    """The feed's process, from the harness's side.

    Attributes:
        url: Where it is.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_run, args=(list(tokens), theirs), daemon=True
        )
        self._process.start()
        try:
            self.url = f"ws://127.0.0.1:{self._ask(20.0)}/ws/market"
        except BaseException:
            self._process.kill()
            raise

    def publish(self, events: list[Event], lead_s: float) -> int:
        """Begin to send *events*; return the round's zero on the monotonic clock."""
        start_ns = time.monotonic_ns() + round(lead_s * NS)
        self._pipe.send((events, start_ns))
        return start_ns

    def published(self, within_s: float) -> list[int]:
        """Return when each event was sent, once all are.

        Raises:
            TimeoutError: They are not, within the time.
        """
        sent = self._ask(within_s)
        assert isinstance(sent, list)
        return sent

    def _ask(self, within_s: float) -> object:
        if not self._pipe.poll(within_s):
            raise TimeoutError(f"the market feed did not answer within {within_s:.0f} s")
        return self._pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.join()


class _Server:
    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._lines: dict[str, set[ServerConnection]] = {token: set() for token in tokens}
        self._now_ms = int(time.time() * 1000)

    def handle(self, line: ServerConnection) -> None:
        """Answer one client: PONG, and the books it subscribes to."""
        mine: set[str] = set()
        try:
            for message in line:
                if message == "PING":
                    line.send("PONG")
                    continue
                said = json.loads(message)
                wanted = [each for each in said["assets_ids"] if each in self._lines]
                if said.get("operation") == "unsubscribe":
                    for token in wanted:
                        self._lines[token].discard(line)
                elif wanted:
                    line.send(json.dumps([self._book(token) for token in wanted]))
                    mine.update(wanted)
                    for token in wanted:
                        self._lines[token].add(line)
        except ConnectionClosed:
            pass
        finally:
            for token in mine:
                self._lines[token].discard(line)

    def send(self, events: Sequence[Event], start_ns: int) -> list[int]:
        """Send each event's frame when it is due; return when each was sent."""
        frames = [(start_ns + round(each.due_s * NS), *self._frame(each)) for each in events]
        sent = []
        for due_ns, token, frame in frames:
            while (rest_ns := due_ns - time.monotonic_ns()) > 0:
                time.sleep(rest_ns / NS)
            sent.append(time.monotonic_ns())
            for line in tuple(self._lines[token]):
                line.socket.sendall(frame)
        return sent

    def _frame(self, event: Event) -> tuple[str, bytes]:
        token = self._tokens[event.child]
        self._now_ms += 1
        row = {
            "asset_id": token,
            "price": "0.49",
            "size": str(event.number),
            "side": "BUY",
            "hash": "",
            "best_bid": "0.49",
            "best_ask": "0.51",
        }
        sibling = row | {"asset_id": _sibling(token), "price": "0.51", "side": "SELL"}
        change = {
            "market": _market(token),
            "price_changes": [row, sibling],
            "timestamp": str(self._now_ms),
            "event_type": "price_change",
        }
        return token, _framed(json.dumps(change).encode())

    def _book(self, token: str) -> dict[str, Any]:
        return {
            "market": _market(token),
            "asset_id": token,
            "timestamp": str(self._now_ms),
            "hash": "",
            "bids": [{"price": f"0.{40 + n}", "size": "100"} for n in range(_LEVELS)],
            "asks": [{"price": f"0.{60 - n}", "size": "100"} for n in range(_LEVELS)],
            "tick_size": "0.01",
            "event_type": "book",
            "last_trade_price": "0.50",
        }


def _market(token: str) -> str:
    return f"0x{int(token) % 2**256:064x}"


def _sibling(token: str) -> str:
    return str(int(token) ^ 1)


def _framed(payload: bytes) -> bytes:
    """Put a text into a frame as a server sends it: whole and not masked."""
    if len(payload) <= _SHORT:
        return struct.pack("!BB", _TEXT_FRAME, len(payload)) + payload
    return struct.pack("!BBH", _TEXT_FRAME, _MEDIUM, len(payload)) + payload


def _run(tokens: list[str], pipe: Connection[Any, Any]) -> None:
    """Be the feed: tell the port, then send what is ordered until the pipe breaks."""
    server = _Server(tokens)
    with serve(server.handle, "127.0.0.1", 0, compression=None, ping_interval=None) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        pipe.send(listening.socket.getsockname()[1])
        try:
            while True:
                pipe.send(server.send(*pipe.recv()))
        except (EOFError, ConnectionError):
            return
