"""The offline exchange that ``--demo`` trades on: start it, ask it, end it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

from POLYMARKET_MAKER.errors import CannotStart, LedgerMismatch
from POLYMARKET_MAKER.ledger import stored_identity
from POLYMARKET_MAKER.settings import (
    Credentials,
    Layer,
    Mode,
    Settings,
    Urls,
    child_environment,
    with_urls,
)

ROOT = Path(__file__).resolve().parent.parent
STOP_S = 5.0


STRATEGY: dict[str, object] = {
    "drop_window_minutes": 0.25,
    "drop_pct": 0.01,
    "profit_pct": 0.01,
    "order_size": 20,
    "enable_incremental_drop_pct": False,
    "countdown": {"minutes_before_end": 0},
}
"""Set so that half a minute shows what a day does."""
LAST_RUN = (
    *("ledger.db", "ledger.db-wal", "ledger.db-shm", "markets.json", "autorun_status.json"),
    *("handled_topics.json", "exit_tokens.json"),
)


def settings_for(settings: Settings, exchange: DemoExchange) -> Settings:
    """Return *settings* with the exchange's addresses, a throw-away key and a quick strategy."""
    keys = Credentials(key=secrets.token_hex(32), funder=None, signature_type=0)
    settings = without_start_spacing(with_urls(settings, exchange.urls, keys))
    return replace(
        settings,
        tokens=settings.tokens or exchange.tokens,
        strategy_layers=(*settings.strategy_layers, Layer("demo", STRATEGY)),
    )


def without_start_spacing(settings: Settings) -> Settings:
    """Return *settings* with children starting together: no real exchange need be spared."""
    scheduler = replace(
        settings.scheduler, topic_start_cooldown_sec=0.0, process_stagger_max_sec=0.0
    )
    return replace(settings, scheduler=scheduler)


def forget_last_run(data_dir: Path, run_name: str) -> None:
    """Remove what an earlier demo or replay left in its data directory.

    Args:
        data_dir: The directory of this run.
        run_name: ``demo`` or ``replay``; only a ledger of such a run is removed.

    Raises:
        LedgerMismatch: The ledger there is another one, perhaps of real money.
    """
    ledger = data_dir / "ledger.db"
    if ledger.exists() and (found := stored_identity(ledger).mode) != run_name:
        raise LedgerMismatch(
            f"{ledger}: is the ledger of a {found} run, a {run_name} would remove it; "
            "use another data directory"
        )
    for name in LAST_RUN:
        (data_dir / name).unlink(missing_ok=True)
    for pattern in ("run_params_*.json", "exit_signal_*.json", "children/*.json"):
        for path in data_dir.glob(pattern):
            path.unlink(missing_ok=True)


class DemoExchange:
    """A simulator process on a free loopback port, ended together with this object."""

    def __init__(self, *, tokens: int = 4, seed: int = 7, clock_scale: float = 1.0) -> None:
        """Start it and wait until it accepts connections.

        Args:
            tokens: How many tokens it lists.
            seed: The same seed gives the same market.
            clock_scale: How many times faster than real time its schedules run.

        Raises:
            CannotStart: It ended before it served.
        """
        command = [
            *(sys.executable, "-m", "POLYMARKET_MAKER.sim", "--port", "0"),
            *("--tokens", str(tokens), "--seed", str(seed)),
            *("--clock-scale", str(clock_scale), "--parent-pid", str(os.getpid())),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=child_environment(os.environ, mode=Mode.DEMO, urls=Urls(), credentials=None),
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is for the supervisor, which still needs it to cancel
        )
        self.info = self._read_info()

    def _read_info(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise CannotStart(f"the offline exchange ended with exit code {code} before it served")
        info: dict[str, Any] = json.loads(line)
        return info

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens it lists."""
        return tuple(self.info["tokens"])

    @property
    def urls(self) -> Urls:
        """Where it listens."""
        names = ("clob", "ws_market", "ws_user", "gamma", "data")
        return Urls(**{name: self.info[name] for name in names})

    def stats(self) -> dict[str, Any]:
        """Return what the exchange counted, signatures it verified among them.

        Raises:
            OSError: It does not answer.
        """
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.info["stats"], timeout=STOP_S) as answer:
            stats: dict[str, Any] = json.load(answer)
        return stats

    def close(self) -> None:
        """End it; closing twice is harmless."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
