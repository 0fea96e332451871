"""What the program can tell of this machine alone: its settings and its ledger."""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from POLYMARKET_MAKER.probe.answer import Answer, Json, not_available, one_line

if TYPE_CHECKING:
    from POLYMARKET_MAKER.ledger import Identity, Ledger

LEDGER_FILE = "ledger.db"


def probe_settings(options: argparse.Namespace) -> Answer:
    """Load the settings of a mode that needs no secret: the files are the same for all."""
    from POLYMARKET_MAKER.errors import SettingsError, UsageError  # noqa: PLC0415
    from POLYMARKET_MAKER.settings import load_settings, parse_options  # noqa: PLC0415

    mode = options.mode if options.mode in ("demo", "paper") else "paper"
    try:
        settings = load_settings(
            env=os.environ,
            options=parse_options([f"--{mode}"]),
            global_config=options.global_config,
            strategy_config=options.strategy_config,
            run_config_template=options.run_config_template,
        )
    except SettingsError as error:
        return Answer(ok=False, reason="; ".join(error.problems), data={"mode": mode})
    except UsageError as error:
        return Answer(ok=False, reason=str(error), data={"mode": mode})
    data = {
        "mode": mode,
        "file": str(settings.options.global_config),
        "warnings": list(settings.warnings),
        "data_dir": str(settings.data_dir),
        "log_dir": str(settings.log_dir),
        "urls": settings.urls.as_dict(),
    }
    return Answer(ok=True, data=data)


def probe_ledger(options: argparse.Namespace) -> Answer:
    """Say what the ledger knows: what of ours may be open, and when the account was last read."""
    from POLYMARKET_MAKER.errors import LedgerError  # noqa: PLC0415
    from POLYMARKET_MAKER.ledger import Ledger  # noqa: PLC0415

    if options.data_dir is None:
        return not_available("--data-dir is needed")
    path = options.data_dir / LEDGER_FILE
    if not path.exists():
        return not_available(f"{path} does not exist")
    try:
        with Ledger.open(path, _identity_of(path)) as ledger:
            return Answer(ok=True, data=_ledger_facts(ledger, time.time()))
    except LedgerError as error:
        return Answer(ok=False, reason=str(error))


def _identity_of(path: Path) -> Identity:
    """Return whose ledger it is, without taking part in it.

    Raises:
        LedgerError: It is no ledger.
    """
    from POLYMARKET_MAKER.errors import LedgerError  # noqa: PLC0415
    from POLYMARKET_MAKER.ledger import Identity  # noqa: PLC0415

    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            meta = dict(db.execute("SELECT key, value FROM meta"))
        return Identity(meta["mode"], meta["host"], int(meta["chain"]), meta["funder"])
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise LedgerError(f"{path}: is no ledger: {one_line(error)}") from error


def _ledger_facts(ledger: Ledger, now: float) -> Json:
    """Return counts and ids; bodies of orders carry signatures and stay where they are."""
    from POLYMARKET_MAKER.clock import Clock  # noqa: PLC0415
    from POLYMARKET_MAKER.ledger import IntentState  # noqa: PLC0415

    # One read for both: between two, an order may come or go.
    live = [intent for intent in ledger.live() if intent.state is not IntentState.CLOSED]
    pending = (IntentState.INTENDED, IntentState.UNKNOWN)
    state, reason = ledger.venue(boot_s=Clock().boot())
    return {
        "summary": {name: str(value) for name, value in asdict(ledger.summary()).items()},
        "open_orders": {intent.order_id: intent.signed.order.token_id for intent in live},
        "unresolved": {each.order_id: each.created_at for each in live if each.state in pending},
        "foreign_orders": len(ledger.foreign_orders()),
        "account_read_at": ledger.account_read_at(),
        "account_read_boot_s": ledger.account_read_boot_s(),
        "exposure": str(ledger.total_exposure()),
        "day_result": str(ledger.day_result(now=now)),
        "venue": {"state": state, "reason": reason},
    }
