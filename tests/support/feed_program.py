"""The aggregator as a process of its own, so that a test can kill, stop and start it.

``python feed_program.py CACHE WS_URL CLOB_URL GAMMA_URL TOKEN…`` feeds CACHE and prints
``serves`` when it does. It ends when its standard input is closed.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(cache: str, ws_url: str, clob_url: str, gamma_url: str, *tokens: str) -> None:
    from POLYMARKET_MAKER.aggregator import Aggregator  # noqa: PLC0415 - path first
    from POLYMARKET_MAKER.clock import Clock  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.http import Http  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.public import Public  # noqa: PLC0415
    from POLYMARKET_MAKER.lines import market_lines  # noqa: PLC0415 - path first

    clock = Clock()
    reads = Public(Http(), clob_url=clob_url, gamma_url=gamma_url)
    pause = threading.Event()
    lines = market_lines(ws_url, clock)
    with Aggregator(Path(cache), lines, clock=clock, reads=reads) as aggregator:
        aggregator.start(tokens)
        while not aggregator.serves:
            pause.wait(0.05)
        sys.stdout.write("serves\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    main(*sys.argv[1:])
