"""What can be asked of the program instead of trading: settings, results, a last cancel."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.errors import SupervisorExit, VenueUnreachable
from POLYMARKET_MAKER.ledger import Ledger, PnlRow
from POLYMARKET_MAKER.settings import Settings
from POLYMARKET_MAKER.settings.show import show

COLUMNS = ("token_id", "size", "entry_price", "bid", "realised", "open_profit", "fees", "fills")


def show_config(settings: Settings) -> SupervisorExit:
    """Print the merged settings and where each value came from."""
    sys.stdout.write(show(settings))
    return SupervisorExit.DONE


def show_pnl(settings: Settings, csv_path: Path | None) -> SupervisorExit:
    """Print the result of every token in the ledger, and write it to *csv_path* if given.

    Raises:
        LedgerError: There is no ledger of this mode, or it cannot be read.
        OSError: The CSV file could not be written.
    """
    with Ledger.open_existing(settings.data_dir / "ledger.db") as ledger:
        rows = ledger.pnl_rows()
    if csv_path is not None:
        csv_path.write_text(pnl_csv(rows), encoding="utf-8")
    table = Table(title=f"result, {settings.run_name}", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(log.short(row.token_id), *(_text(getattr(row, name)) for name in COLUMNS[1:]))
    realised = sum((row.realised for row in rows), Decimal(0))
    table.caption = f"realised {realised:+.4f} USD, taker fees included"
    Console().print(table)
    return SupervisorExit.DONE


def pnl_csv(rows: list[PnlRow]) -> str:
    """Return the results as CSV with a header; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = (getattr(row, name) for name in COLUMNS)
        writer.writerow("" if value is None else value for value in values)
    return text.getvalue()


def cancel_open(
    connect: Callable[[], bool], cancel: Callable[[], frozenset[str]]
) -> SupervisorExit:
    """Cancel every order of the ledger without a supervisor, and prove it.

    Args:
        connect: Connects the account; False when the exchange did not answer.
        cancel: Cancels and returns the ids that are not proven gone.
    """
    if not connect():
        raise VenueUnreachable("the exchange does not answer; orders of ours may be open")
    left = cancel()
    for order_id in sorted(left):
        sys.stdout.write(f"may still be open: {order_id}\n")
    if not left:
        sys.stdout.write("no order of ours is open\n")
    return SupervisorExit.ORDERS_OPEN if left else SupervisorExit.DONE


def _text(value: object) -> str:
    return "-" if value is None else str(value)
