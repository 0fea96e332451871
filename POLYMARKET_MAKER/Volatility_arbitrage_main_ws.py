"""The market WebSocket under its old name: the thread itself is in ``market_line``.

:func:`ws_watch_by_ids` and :class:`WSAggregatorClient` are what hand tests and other
programs import, also with only this folder on ``sys.path``. As a program it prints
what the exchange sends: ``python POLYMARKET_MAKER/Volatility_arbitrage_main_ws.py
--source TOKEN[,TOKEN]``, or ``--source`` with the slug or the address of a market.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # This folder must not stand before the standard library, and the package must be found.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
elif __name__ == "Volatility_arbitrage_main_ws":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
for _name in ("Volatility_arbitrage_main_ws", "POLYMARKET_MAKER.Volatility_arbitrage_main_ws"):
    sys.modules.setdefault(_name, sys.modules[__name__])  # both names are one module

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable, Iterable, Sequence  # noqa: E402
from typing import Any  # noqa: E402

from POLYMARKET_MAKER import log  # noqa: E402
from POLYMARKET_MAKER.core.connection import LineState  # noqa: E402
from POLYMARKET_MAKER.errors import MakerError, UsageError  # noqa: E402
from POLYMARKET_MAKER.line import Frame, Line, LineStats  # noqa: E402
from POLYMARKET_MAKER.market_line import MarketLine  # noqa: E402

__all__ = [
    "DEFAULT_URL",
    "Frame",
    "Line",
    "LineStats",
    "MarketLine",
    "WSAggregatorClient",
    "ws_watch_by_ids",
]

DEFAULT_URL = "wss://ws-subscriptions-clob.polymarket.com/ws/market"

OnEvent = Callable[[dict[str, Any]], None]
OnState = Callable[[str, dict[str, Any]], None]

_WORDS = {
    LineState.OPEN: "open",
    LineState.DOWN: "closed",
    LineState.IDLE: "closed",
    LineState.CONNECTING: "connecting",
}


class WSAggregatorClient:
    """One connection whose tokens can be changed while it runs.

    Args:
        on_event: Called with each JSON object of the exchange, arrays taken apart.
        on_state: Called with ``open``, ``connecting`` or ``closed`` and details.
        verbose: Also print each frame.
        url: Of the market channel; default: ``POLY_WS_URL``, else production.
    """

    def __init__(
        self,
        on_event: OnEvent | None = None,
        on_state: OnState | None = None,
        *,
        verbose: bool = False,
        label: str = "aggregator",
        url: str | None = None,
    ) -> None:
        self._on_event = on_event or (lambda _event: None)
        self._on_state = on_state
        self._verbose = verbose
        self._lock = threading.Lock()
        self._tokens: dict[str, None] = {}
        self._events = 0
        self._line = MarketLine(
            url or os.environ.get("POLY_WS_URL") or DEFAULT_URL,
            self._take,
            on_state=self._tell,
            name=label,
            custom_features=True,
        )

    def start(self) -> None:
        self._line.start()

    def stop(self) -> None:
        self._line.stop()

    def subscribe(self, token_ids: Iterable[str]) -> None:
        """Add tokens; what is already subscribed is left alone."""
        with self._lock:
            self._tokens.update(dict.fromkeys(str(token) for token in token_ids))
            self._line.want(self._tokens)

    def unsubscribe(self, token_ids: Iterable[str]) -> None:
        """Take tokens away; the exchange is told after a while, in case they come back."""
        with self._lock:
            for token in token_ids:
                self._tokens.pop(str(token), None)
            self._line.want(self._tokens)

    def is_connected(self) -> bool:
        return self._line.stats().state is LineState.OPEN

    def get_stats(self) -> dict[str, Any]:
        stats = self._line.stats()
        return {
            "connected": stats.state is LineState.OPEN,
            "state": stats.state.value,
            "desired": len(stats.wanted),
            "subscribed": len(stats.sent),
            "confirmed": len(stats.confirmed),
            "connects": stats.connects,
            "frames": stats.frames,
            "events": self._events,
            "last_frame_at": stats.last_frame_at,
            "last_reason": stats.last_reason,
        }

    def _take(self, frame: Frame) -> None:
        if self._verbose:
            sys.stdout.write(f"{frame.text.rstrip()}\n")
        for event in _objects(frame.text):
            self._events += 1
            try:
                self._on_event(event)
            except Exception as error:  # noqa: BLE001 - a user's callback
                log.error("[WS]", event="callback_fault", exc=error)

    def _tell(self, state: LineState, reason: str) -> None:
        if self._on_state is None:
            return
        try:
            self._on_state(_WORDS[state], {"reason": reason})
        except Exception as error:  # noqa: BLE001 - a user's callback
            log.error("[WS]", event="callback_fault", exc=error)


def ws_watch_by_ids(
    asset_ids: Sequence[str],
    label: str = "",
    on_event: OnEvent | None = None,
    *,
    on_state: OnState | None = None,
    verbose: bool = False,
    stop_event: threading.Event | None = None,
) -> None:
    """Watch tokens and call *on_event* with each event, until *stop_event* is set.

    It blocks. Events arrive in another thread. Without *stop_event* it runs until
    it is interrupted.

    Raises:
        ValueError: No token was given.
    """
    tokens = [str(token) for token in asset_ids if token]
    if not tokens:
        raise ValueError("asset_ids was empty, expected at least one token id")
    client = WSAggregatorClient(
        on_event,
        on_state,
        verbose=verbose,
        label=label or "watch",
    )
    client.subscribe(tokens)
    client.start()
    try:
        (stop_event or threading.Event()).wait()
    finally:
        client.stop()


def _objects(text: str) -> list[dict[str, Any]]:
    """Take a frame apart into JSON objects; a text frame has none."""
    try:
        decoded = json.loads(text)
    except ValueError:
        return []
    pieces = decoded if isinstance(decoded, list) else [decoded]
    return [piece for piece in pieces if isinstance(piece, dict)]


def _print_event(event: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(event)}\n")
    sys.stdout.flush()


def _print_state(state: str, info: dict[str, Any]) -> None:
    sys.stderr.write(f"{state} {info['reason']}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Print market events as JSON lines until interrupted.

    A market that is named by slug or address is looked up at ``POLY_GAMMA_ROOT``, without
    keys. Exit code 1: there is no such market, or nobody answered.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    tokens = [token.strip() for token in options.source.split(",") if token.strip()]
    if not tokens or not all(token.isdecimal() for token in tokens):
        # Only a name needs more than a socket.
        from POLYMARKET_MAKER.exchange.slugs import find_meant  # noqa: PLC0415
        from POLYMARKET_MAKER.settings.names import default_of, lookup  # noqa: PLC0415

        gamma_url = lookup(os.environ, "POLY_GAMMA_ROOT", []) or default_of("POLY_GAMMA_ROOT")
        try:
            market = find_meant(options.source, gamma_url)
        except UsageError as error:
            parser.error(f"--source {error}")
        except MakerError as error:
            parser.exit(1, f"{error}\n")
        tokens = list(market.outcomes)
        sys.stderr.write(f"{market.title} {json.dumps(market.outcomes)}\n")
    return _watch(tokens, options.url, options.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Print what the exchange sends for some tokens.")
    parser.add_argument(
        "--source",
        required=True,
        help="token ids, comma-separated, or a market: its slug or the address of its page",
    )
    parser.add_argument("--url", help="market WebSocket; default: POLY_WS_URL, else production")
    parser.add_argument("--seconds", type=float, help="stop by itself after so many seconds")
    return parser


def _watch(tokens: list[str], url: str | None, seconds: float | None) -> int:
    client = WSAggregatorClient(_print_event, _print_state, url=url)
    client.subscribe(tokens)
    client.start()
    try:
        threading.Event().wait(seconds)
    except KeyboardInterrupt:
        pass
    finally:
        client.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
