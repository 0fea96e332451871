"""Tell `polyshared doctor` what only the trading program can know.

    python -m POLYMARKET_MAKER.probe import|settings|ledger|account|frame --json

Doctor imports nothing of this package; it runs this in the supervisor's interpreter and
folder, with a deadline. The answer is one JSON object on standard output:

    {"schema": 1, "subject": "import", "available": true, "ok": false,
     "reason": "websocket: No module named 'websocket'", "data": {…}}

``available`` false means that the question could not be asked here, and ``reason`` says
why; nothing is ever made up. Whatever the asked code prints goes to standard error.

Exit codes: 0 well, 1 not well, 2 usage, 3 not available.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import locale
import os
import platform
import queue
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from POLYMARKET_MAKER.ledger import Identity, Ledger
    from POLYMARKET_MAKER.settings import Credentials as Keys
    from POLYMARKET_MAKER.settings import Settings

SCHEMA = 1
LEDGER_FILE = "ledger.db"
OK, NOT_WELL, NOT_AVAILABLE = 0, 1, 3

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was learnt of one subject."""

    ok: bool
    reason: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    available: bool = True

    @property
    def exit_code(self) -> int:
        if not self.available:
            return NOT_AVAILABLE
        return OK if self.ok else NOT_WELL


@dataclass(frozen=True, slots=True)
class Needed:
    """A module that the program imports.

    Attributes:
        module: Its import name.
        distribution: What pip calls it; None for our own.
        purpose: ``trading``, ``console`` or ``demo``: what does not work without it.
        names: What it must contain; a namesake does not.
    """

    module: str
    distribution: str | None = None
    purpose: str = "trading"
    names: tuple[str, ...] = ()


NEEDED = (
    Needed("msgspec", "msgspec"),
    Needed("filelock", "filelock"),
    Needed("psutil", "psutil"),
    Needed("httpx", "httpx"),
    Needed("dotenv", "python-dotenv"),
    Needed("watchdog", "watchdog"),
    # Two packages install a module of this name; only websocket-client has WebSocketApp.
    Needed("websocket", "websocket-client", names=("WebSocketApp", "create_connection")),
    Needed("py_clob_client_v2", "py-clob-client-v2"),
    Needed("py_clob_client", "py-clob-client"),
    Needed("typer", "typer"),
    Needed("rich", "rich", purpose="console"),
    Needed("prompt_toolkit", "prompt_toolkit", purpose="console"),
    Needed("aiohttp", "aiohttp", purpose="demo"),
    Needed("eth_account", "eth-account", purpose="demo"),
    Needed("polyshared", "polyshared"),
    Needed("POLYMARKET_MAKER.settings"),
    Needed("POLYMARKET_MAKER.Volatility_arbitrage_main_ws", names=("ws_watch_by_ids",)),
    Needed("POLYMARKET_MAKER.aggregator"),
    Needed("POLYMARKET_MAKER.worker"),
)


def probe_import(_: argparse.Namespace) -> Answer:
    """Import everything the program needs, one by one."""
    items = [_try_import(needed) for needed in NEEDED]
    broken = [item for item in items if not item["ok"]]
    reason = "; ".join(f"{item['name']}: {item['error']}" for item in broken) or None
    return Answer(ok=not broken, reason=reason, data={"python": _python(), "items": items})


def _try_import(needed: Needed) -> Json:
    started = time.perf_counter()
    item: Json = {
        "name": needed.module,
        "distribution": needed.distribution,
        "purpose": needed.purpose,
        "ok": False,
        "version": _version(needed.distribution),
        "file": None,
        "error": None,
    }
    try:
        module = importlib.import_module(needed.module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a module may fail in any way
        item["error"] = _one_line(error)
    else:
        item["file"] = getattr(module, "__file__", None)
        missing = [name for name in needed.names if not hasattr(module, name)]
        item["ok"] = not missing
        if missing:
            item["error"] = f"has no {', '.join(missing)}; {item['file']} is another module"
    item["took_ms"] = round((time.perf_counter() - started) * 1000, 1)
    return item


def _version(distribution: str | None) -> str | None:
    if distribution is None:
        return None
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _python() -> Json:
    return {
        "version": platform.python_version(),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "encoding": locale.getencoding(),
        "utf8_mode": bool(sys.flags.utf8_mode),
        "filesystem_encoding": sys.getfilesystemencoding(),
        "pythonpath": [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p],
        "root": str(Path(__file__).resolve().parent.parent),
    }


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ImportError) and text else f"{type(error).__name__}: {text}"


def _not_available(reason: str) -> Answer:
    return Answer(ok=False, reason=reason, available=False)


def probe_settings(options: argparse.Namespace) -> Answer:
    """Load the settings of a mode that needs no secret: the files are the same for all."""
    from POLYMARKET_MAKER.errors import SettingsError, UsageError  # noqa: PLC0415
    from POLYMARKET_MAKER.settings import load_settings, parse_options  # noqa: PLC0415

    mode = options.mode if options.mode in ("demo", "paper") else "paper"
    try:
        settings = load_settings(env=os.environ, options=parse_options([f"--{mode}"]))
    except SettingsError as error:
        return Answer(ok=False, reason="; ".join(error.problems), data={"mode": mode})
    except UsageError as error:
        return Answer(ok=False, reason=str(error), data={"mode": mode})
    data = {
        "mode": mode,
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
        return _not_available("--data-dir is needed")
    path = options.data_dir / LEDGER_FILE
    if not path.exists():
        return _not_available(f"{path} does not exist")
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
        raise LedgerError(f"{path}: is no ledger: {_one_line(error)}") from error


def _ledger_facts(ledger: Ledger, now: float) -> Json:
    """Return counts and ids; bodies of orders carry signatures and stay where they are."""
    ours = {intent.order_id: intent.signed.order.token_id for intent in ledger.live()}
    state, reason = ledger.venue(now=now)
    return {
        "summary": {name: str(value) for name, value in asdict(ledger.summary()).items()},
        "open_orders": {order_id: ours.get(order_id) for order_id in ledger.open_order_ids()},
        "unresolved": [intent.order_id for intent in ledger.unresolved()],
        "foreign_orders": len(ledger.foreign_orders()),
        "account_read_at": ledger.account_read_at(),
        "exposure": str(ledger.total_exposure()),
        "day_result": str(ledger.day_result(now=now)),
        "venue": {"state": state, "reason": reason},
    }


def probe_account(_: argparse.Namespace) -> Answer:
    """Read the account with the key of the environment: funds, permission, open orders."""
    from POLYMARKET_MAKER.derive_credentials import derive  # noqa: PLC0415
    from POLYMARKET_MAKER.errors import MakerError  # noqa: PLC0415
    from POLYMARKET_MAKER.settings import load_settings, parse_options  # noqa: PLC0415

    try:
        settings = load_settings(env=os.environ, options=parse_options(["--live"]))
        if settings.credentials is None:
            return _not_available("there is no key in the environment")
        keys, address = derive(settings, os.environ)
        return Answer(ok=True, data=_account_facts(settings, keys, address))
    except MakerError as error:
        return Answer(ok=False, reason=str(error))


def _account_facts(settings: Settings, keys: Keys, address: str) -> Json:
    from POLYMARKET_MAKER.exchange.account import Account  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.data_api import DataApi  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.http import Http  # noqa: PLC0415

    assert keys.api is not None  # derived just now
    funder = keys.funder or address
    with contextlib.closing(Http()) as http:
        account = Account(
            http,
            settings.urls.clob,
            Credentials(keys.api.key, keys.api.secret, keys.api.passphrase, address),
            funder=funder,
            signature_type=SignatureType(keys.signature_type),
        )
        funds = account.allowance()
        positions = DataApi(http, data_url=settings.urls.data).positions(funder)
        return {
            "balance": str(funds.balance),
            "allowance": str(min(funds.allowances.values(), default=0)),
            "closed_only": account.is_closed_only(),
            "has_positions": bool(positions),
            "open_orders": [order.order_id for order in account.open_orders()],
            "signature_type": keys.signature_type,
        }


def probe_frame(options: argparse.Namespace) -> Answer:
    """Wait for frames of one token on a line of our own, and read them as production does."""
    from POLYMARKET_MAKER.core import wire  # noqa: PLC0415
    from POLYMARKET_MAKER.core.events import Unreadable  # noqa: PLC0415
    from POLYMARKET_MAKER.Volatility_arbitrage_main_ws import (  # noqa: PLC0415
        WSAggregatorClient,
    )

    if not options.token:
        return _not_available("--token is needed")
    events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    client = WSAggregatorClient(events.put, label="probe")
    started = time.monotonic()
    client.subscribe([options.token])
    client.start()
    try:
        first = events.get(timeout=options.seconds)
    except queue.Empty:
        state = client.get_stats()
        reason = f"no frame in {options.seconds:.0f} s; line {state['state']}"
        return Answer(ok=False, reason=f"{reason} ({state['last_reason'] or 'no reason given'})")
    finally:
        client.stop()
    first_after_s = round(time.monotonic() - started, 2)
    seen = [first, *_drain(events)]
    unreadable = [
        event
        for raw in seen
        for event in wire.parse(json.dumps(raw))
        if isinstance(event, Unreadable)
    ]
    data: Json = {
        "events": dict(Counter(str(raw.get("event_type")) for raw in seen)),
        "first_after_s": first_after_s,
        "unreadable": len(unreadable),
    }
    reason = f"{len(unreadable)} of {len(seen)} frames could not be read" if unreadable else None
    return Answer(ok=not unreadable, reason=reason, data=data)


def _drain(events: queue.SimpleQueue[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    while not events.empty():
        yield events.get_nowait()


SUBJECTS: Mapping[str, Callable[[argparse.Namespace], Answer]] = {
    "import": probe_import,
    "settings": probe_settings,
    "ledger": probe_ledger,
    "account": probe_account,
    "frame": probe_frame,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m POLYMARKET_MAKER.probe", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("subject", choices=sorted(SUBJECTS))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--data-dir", type=Path, help="data directory of the mode asked about")
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="mode to load for")
    parser.add_argument("--token", help="token to wait for (frame)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to wait (frame)")
    return parser


def _ask(subject: str, options: argparse.Namespace) -> Answer:
    try:
        return SUBJECTS[subject](options)
    except ImportError as error:
        return _not_available(f"cannot be asked: {_one_line(error)}")
    except Exception as error:  # noqa: BLE001  the last line of this process
        return Answer(ok=False, reason=_one_line(error))


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer one question; return the exit code."""
    options = _parser().parse_args(arguments)
    with contextlib.redirect_stdout(sys.stderr):
        answer = _ask(options.subject, options)
    if options.json:
        body = {
            "schema": SCHEMA,
            "subject": options.subject,
            "available": answer.available,
            "ok": answer.ok,
            "reason": answer.reason,
            "data": dict(answer.data),
        }
        sys.stdout.write(json.dumps(body, ensure_ascii=True, default=str) + "\n")
    else:
        sys.stdout.write(f"{options.subject}: {'ok' if answer.ok else answer.reason}\n")
    return answer.exit_code


if __name__ == "__main__":
    sys.exit(main())
