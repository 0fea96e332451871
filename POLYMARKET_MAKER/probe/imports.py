"""Import everything that the program needs, one by one."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import locale
import os
import platform
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from POLYMARKET_MAKER.probe.answer import Answer, Json, one_line


@dataclass(frozen=True, slots=True)
class Needed:
    """A module that the program imports.

    Attributes:
        module: Its import name.
        distribution: What pip calls it; None for our own.
        purpose: ``trading``, ``console`` or ``demo``: what does not work without it.
        names: What it must contain; a namesake does not.
        signs: Whether it brings the signing libraries, which the program imports in part.
    """

    module: str
    distribution: str | None = None
    purpose: str = "trading"
    names: tuple[str, ...] = ()
    signs: bool = False


NEEDED = (
    Needed("msgspec", "msgspec"),
    Needed("filelock", "filelock"),
    Needed("psutil", "psutil"),
    Needed("httpx", "httpx"),
    Needed("dotenv", "python-dotenv"),
    Needed("watchdog", "watchdog"),
    # Two packages install a module of this name; only websocket-client has WebSocketApp.
    Needed("websocket", "websocket-client", names=("WebSocketApp", "create_connection")),
    Needed("py_clob_client_v2", "py-clob-client-v2", signs=True),
    Needed("py_clob_client", "py-clob-client", signs=True),
    Needed("typer", "typer"),
    Needed("rich", "rich", purpose="console"),
    Needed("prompt_toolkit", "prompt_toolkit", purpose="console"),
    Needed("aiohttp", "aiohttp", purpose="demo"),
    Needed("eth_account", "eth-account", purpose="demo", signs=True),
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
        with _as_the_program_does(needed):
            module = importlib.import_module(needed.module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a module may fail in any way
        item["error"] = one_line(error)
    else:
        item["file"] = getattr(module, "__file__", None)
        missing = [name for name in needed.names if not hasattr(module, name)]
        item["ok"] = not missing
        if missing:
            item["error"] = f"has no {', '.join(missing)}; {item['file']} is another module"
    item["took_ms"] = round((time.perf_counter() - started) * 1000, 1)
    return item


def _as_the_program_does(needed: Needed) -> AbstractContextManager[object]:
    """Return what the program imports it in; what it leaves out is not missed here either."""
    if not needed.signs:
        return nullcontext()
    try:
        from POLYMARKET_MAKER.exchange.libraries import signing_library  # noqa: PLC0415
    except ImportError:  # our own module is not there: the row that imports ours says so
        return nullcontext()
    return signing_library()


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
        "root": str(Path(__file__).resolve().parents[2]),
    }
