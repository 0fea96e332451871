"""What can be asked of the program instead of trading: settings, results, a last cancel."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.core.money import SIZE_STEP
from POLYMARKET_MAKER.desk import LEDGER_NAME, ON_PAPER
from POLYMARKET_MAKER.errors import SupervisorExit, UsageError, VenueError, VenueUnreachable
from POLYMARKET_MAKER.exchange.data_api import DataApi, PositionRow
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.ledger import Ledger, PnlRow, stored_identity
from POLYMARKET_MAKER.orphans import Stranger
from POLYMARKET_MAKER.settings import Settings
from POLYMARKET_MAKER.settings.show import show

COLUMNS = ("token_id", "size", "entry_price", "bid", "realised", "open_profit", "fees", "fills")
REDEEMABLE = "redeemable"
"""Last column of the CSV: yes, no, or empty where it is not known."""

WON, LOST = "REDEEMABLE", "REDEEMABLE_LOST"


def show_config(settings: Settings) -> SupervisorExit:
    """Print the merged settings and where each value came from."""
    sys.stdout.write(show(settings))
    return SupervisorExit.DONE


def show_pnl(settings: Settings, csv_path: Path | None) -> SupervisorExit:
    """Print the result of every token in the ledger, and write it to *csv_path* if given.

    What can be redeemed the data API tells, without a key; when it does not answer, that is
    said, and the rest stands.

    Raises:
        LedgerError: There is no ledger of this mode, or it cannot be read.
        UsageError: The CSV file cannot be written.
    """
    path = settings.data_dir / LEDGER_NAME
    identity = stored_identity(path)
    with Ledger.open_existing(path) as ledger:
        rows = ledger.pnl_rows()
    over: dict[str, PositionRow] | None = {}
    problem = ""
    if identity.funder != ON_PAPER and any(row.size >= SIZE_STEP for row in rows):
        over, problem = _read_over(settings.urls.data, identity.funder)
    if csv_path is not None:
        _write(csv_path, pnl_csv(rows, over))
    Console().print(_table(settings.run_name, rows))
    for line in redeemable_lines(rows, over):
        sys.stdout.write(line + "\n")
    if over is None:
        sys.stdout.write(f"what can be redeemed is not known: {problem}\n")
    return SupervisorExit.DONE


def redeemable_lines(
    rows: Sequence[PnlRow], over: Mapping[str, PositionRow] | None
) -> Iterator[str]:
    """Name what is held of markets that are over: ours alone, foreign shares are not told."""
    for row in rows:
        found = (over or {}).get(row.token_id)
        if found is None or row.size < SIZE_STEP:
            continue
        name = f"{log.short(row.token_id)} {found.title}".strip()
        if found.status == LOST:
            yield f"lost: {row.size} shares of {name} are worth nothing"
        else:
            yield f"redeem on the exchange's page: {row.size} shares of {name}"


def pnl_csv(rows: Sequence[PnlRow], over: Mapping[str, PositionRow] | None) -> str:
    """Return the results as CSV with a header; what is not known is empty.

    Args:
        rows: The results.
        over: What is held of markets that are over, by token; None when that is not known.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, REDEEMABLE))
    for row in rows:
        values = ["" if value is None else value for value in _values(row)]
        writer.writerow([*values, _can_redeem(row, over)])
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--csv {path}: cannot be written: {error.strerror}") from error


def _values(row: PnlRow) -> Iterator[object]:
    return (getattr(row, name) for name in COLUMNS)


def _can_redeem(row: PnlRow, over: Mapping[str, PositionRow] | None) -> str:
    if over is None:
        return "" if row.size >= SIZE_STEP else "no"
    found = over.get(row.token_id)
    return "yes" if found and found.status != LOST and row.size >= SIZE_STEP else "no"


def _read_over(data_url: str, funder: str) -> tuple[dict[str, PositionRow] | None, str]:
    """Return what a wallet holds of markets that are over; None, and why, when nobody said."""
    http = Http()
    try:
        positions = DataApi(http, data_url=data_url).positions(funder)
    except VenueError as error:
        return None, str(error)
    finally:
        http.close()
    over = (row for row in positions if row.redeemable or row.status in (WON, LOST))
    return {row.token_id: row for row in over}, ""


def _table(run_name: str, rows: Sequence[PnlRow]) -> Table:
    table = Table(title=f"result, {run_name}", title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(log.short(row.token_id), *map(_text, list(_values(row))[1:]))
    realised = sum((row.realised for row in rows), Decimal(0))
    opened = [row.open_profit for row in rows]
    known = sum((each for each in opened if each is not None), Decimal(0))
    unknown = opened.count(None)
    table.caption = (
        f"realised {realised:+.4f} USD, open {known:+.4f} USD at the last bid seen, "
        "taker fees included" + (f"; {unknown} without a bid are not in it" if unknown else "")
    )
    return table


def cancel_open(
    connect: Callable[[], bool],
    cancel: Callable[[], frozenset[str]],
    who_trades: Callable[[], Sequence[Stranger]],
) -> SupervisorExit:
    """Cancel every order of the ledger without a supervisor, and prove it.

    Args:
        connect: Connects the account; False when the exchange did not answer.
        cancel: Cancels and returns the ids that are not proven gone.
        who_trades: Returns the children that are there: for a living one the proof does not hold.
    """
    if not connect():
        raise VenueUnreachable("the exchange does not answer; orders of ours may be open")
    left = cancel()
    for order_id in sorted(left):
        sys.stdout.write(f"may still be open: {order_id}\n")
    alive = [child for child in who_trades() if child.is_alive()]
    for child in alive:
        sys.stdout.write(
            f"pid {child.pid} still trades {log.short(child.token_id)} and may place again: "
            "stop it, then say --cancel-open once more\n"
        )
    if left or alive:
        return SupervisorExit.ORDERS_OPEN
    sys.stdout.write("no order of ours is open\n")
    return SupervisorExit.DONE


def _text(value: object) -> str:
    return "-" if value is None else str(value)
