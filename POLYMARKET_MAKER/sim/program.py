"""The simulator as a program: options, signals, the one line, the exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import suppress
from decimal import Decimal

from POLYMARKET_MAKER.sim.canonical import compact
from POLYMARKET_MAKER.sim.scenario import SCENARIOS
from POLYMARKET_MAKER.sim.server import HOST, start_server
from POLYMARKET_MAKER.sim.tempers import DEMO_TEMPERS, TEMPERS
from POLYMARKET_MAKER.sim.venue import DEFAULT_SEED, WEEK_S, Options

EXIT_OK = 0
EXIT_FAULT = 1
EXIT_CANNOT_START = 3
DESCRIPTION = """Run an offline exchange on 127.0.0.1: markets that move, REST, WebSockets and
wallets. It prints one JSON line with its addresses and token ids, and serves until SIGTERM or
SIGINT. Exit codes: 0 asked to stop, 1 a fault, 2 usage, 3 it cannot start here."""
PARENT_POLL_S = 0.5
LINGER_S = 12.0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line; a usage error exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m POLYMARKET_MAKER.sim", description=DESCRIPTION)
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free one")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="scripted trouble")
    parser.add_argument("--tokens", type=int, default=4, help="markets, one listed token each")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--version", type=int, choices=(1, 2), default=2, help="order version")
    parser.add_argument("--clock-scale", type=float, default=1.0)
    parser.add_argument(
        "--tempers",
        default=",".join(DEMO_TEMPERS),
        help=f"flow of the markets in turn, of {', '.join(TEMPERS)}",
    )
    parser.add_argument("--positions", type=int, default=0, help="last markets: Protocol-V2 ids")
    parser.add_argument("--neg-risk", type=int, default=0, help="first markets: neg-risk")
    parser.add_argument("--usd", type=Decimal, default=Decimal(1000), help="of a new wallet")
    parser.add_argument("--no-flow", action="store_true", help="first quotes, then nobody acts")
    parser.add_argument("--ends-in-s", type=float, default=WEEK_S, help="end date of the markets")
    parser.add_argument("--parent-pid", type=int, help="stop when this process is gone")
    options = parser.parse_args(arguments)
    unknown = set(options.tempers.split(",")) - set(TEMPERS)
    if unknown:
        parser.error(f"tempers were {', '.join(sorted(unknown))}, expected {', '.join(TEMPERS)}")
    if options.tokens < 1 or options.clock_scale < 1:
        parser.error("--tokens and --clock-scale must be at least 1")
    return options


def run(options: argparse.Namespace) -> int:
    """Run the simulator until it is told to stop, and return the exit code."""
    return asyncio.run(_serve(_options(options), options.parent_pid))


def _options(options: argparse.Namespace) -> Options:
    return Options(
        port=options.port,
        tokens=options.tokens,
        seed=options.seed,
        version=options.version,
        clock_scale=options.clock_scale,
        tempers=tuple(options.tempers.split(",")),
        positions=options.positions,
        neg_risk=options.neg_risk,
        usd=options.usd,
        flow=not options.no_flow,
        ends_in_s=options.ends_in_s,
        scenario=options.scenario,
    )


async def _serve(options: Options, parent_pid: int | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    try:
        server = await start_server(options)
    except OSError as error:
        sys.stderr.write(f"simulator: cannot listen on {HOST}:{options.port}: {error.strerror}\n")
        return EXIT_CANNOT_START
    with suppress(BrokenPipeError):  # whoever started it is gone already
        sys.stdout.write(compact(server.announcement()) + "\n")
        sys.stdout.flush()
    ends = [
        asyncio.create_task(stop.wait()),
        asyncio.create_task(_gone(parent_pid)),
        asyncio.create_task(server.wait()),
    ]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in ends:
            task.cancel()
        await server.stop()
    return EXIT_OK


async def _gone(pid: int | None) -> None:
    """Return a while after the process *pid* has ended; never for None.

    Its traders may outlive it by some seconds, and want to cancel what they have open.
    """
    if pid is None:
        await asyncio.Event().wait()
    with suppress(ProcessLookupError):
        while pid:
            os.kill(pid, 0)
            await asyncio.sleep(PARENT_POLL_S)
    await asyncio.sleep(LINGER_S)
