"""What a demo did, told at its end, and checked against what its exchange counted."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from POLYMARKET_MAKER.account_desk import AccountDesk
from POLYMARKET_MAKER.demo import DemoExchange
from POLYMARKET_MAKER.errors import VenueError
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.supervisor import Supervisor
from polyshared import SnapshotError, SnapshotReader


def print_summary(supervisor: Supervisor, desk: AccountDesk, exchange: DemoExchange) -> None:
    """Print the summary of a demo to standard output."""
    table = Table(title="demo summary", show_header=False, title_justify="left")
    for name, value in summary_rows(supervisor, desk, exchange):
        table.add_row(name, value)
    Console().print(table)


def summary_rows(
    supervisor: Supervisor, desk: AccountDesk, exchange: DemoExchange
) -> list[tuple[str, str]]:
    """Return names and values of the summary, in the order in which they are shown."""
    if desk.ledger is None or desk.account is None:
        return [("orders", "0: the exchange was never reached")]
    done = desk.ledger.summary()
    ages = sorted(desk.ledger.data_ages_ms())
    pids = [pid for task in supervisor.fleet.tasks.values() for pid in task.pids]
    return [
        ("quotes", str(_quotes(supervisor))),
        ("orders", f"{done.orders} placed, {done.rejected} rejected, {done.unknown} unknown"),
        ("signatures verified", _signatures(exchange)),
        ("fills", str(done.fills)),
        ("partial fills", str(done.partial_fills)),
        ("cancels", str(done.cancels)),
        ("round trips", str(done.round_trips)),
        ("profit", f"{done.realised:+.4f} USD realised"),
        ("child pids", " ".join(map(str, pids))),
        ("quote age at order", f"p50 {_quantile(ages, 0.5)}, p99 {_quantile(ages, 0.99)}"),
        ("open orders", _open_orders(desk.account)),
    ]


def _quotes(supervisor: Supervisor) -> int:
    """Return how many versions of quotes the aggregator published."""
    try:
        with SnapshotReader(supervisor.cache_path, max_age_s=math.inf) as reader:
            return sum(entry.seq for entry in reader.read().tokens.values())
    except SnapshotError:
        return 0


def _open_orders(account: AccountReader) -> str:
    try:
        return str(len(account.open_orders()))
    except VenueError as error:
        return f"not known: {error}"


def _signatures(exchange: DemoExchange) -> str:
    try:
        stats = exchange.stats()
    except OSError as error:
        return f"not known: {error}"
    verified = sum(stats.get("signatures_verified", {}).values())
    refused = sum(stats.get("signatures_refused", {}).values())
    return f"{verified} of {verified + refused} orders"


def _quantile(values: list[int], share: float) -> str:
    if not values:
        return "-"
    return f"{values[min(len(values) - 1, int(share * len(values)))]} ms"
