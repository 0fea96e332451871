"""All settings of one start, as one frozen object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from POLYMARKET_MAKER.settings.credentials import Credentials
from POLYMARKET_MAKER.settings.groups import (
    Alerts,
    Copytrade,
    Debug,
    Feed,
    General,
    Maker,
    Mode,
    Paths,
    Risk,
    Scheduler,
)
from POLYMARKET_MAKER.settings.options import Options
from POLYMARKET_MAKER.settings.schema import Group
from POLYMARKET_MAKER.settings.strategy_keys import StrategyParams
from POLYMARKET_MAKER.settings.urls import Urls

ROOT = Path(__file__).resolve().parents[2]
POLYGON = 137

GLOBAL_GROUPS: tuple[tuple[str, type[Group]], ...] = (
    ("", General),
    ("scheduler", Scheduler),
    ("paths", Paths),
    ("maker", Maker),
    ("feed", Feed),
    ("risk", Risk),
    ("copytrade", Copytrade),
    ("alerts", Alerts),
    ("debug", Debug),
)
CHILD_GROUPS: tuple[tuple[str, type[Group]], ...] = (("", StrategyParams), ("maker", Maker))


@dataclass(frozen=True, slots=True)
class Layer:
    """One place that says strategy keys: checked, not yet merged.

    Attributes:
        source: File and part, as ``strategy_defaults.json default``.
        content: What it says.
    """

    source: str
    content: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator set, checked and complete.

    Attributes:
        mode: What an order is worth.
        run_name: ``live``, ``paper``, ``demo`` or ``replay``: whose data this run touches.
        options: The command line.
        urls: Where the exchange is; in demo nowhere until :func:`with_urls`.
        credentials: None in paper, and in demo until :func:`with_urls`.
        data_dir: Run-time data of this mode; it may not exist yet.
        log_dir: Logs of this mode; it may not exist yet.
        tokens: Those of the option, else those of the settings.
        strategy_layers: Strategy keys for all tokens, lowest first.
        strategy_topics: Strategy keys by token id.
        warnings: One sentence each, for the log at the start.
        origins: Path of a key to where its value came from; absent means default.
    """

    mode: Mode
    run_name: str
    options: Options
    urls: Urls
    chain_id: int
    credentials: Credentials | None
    data_dir: Path
    log_dir: Path
    tokens: tuple[str, ...]
    scheduler: Scheduler
    paths: Paths
    maker: Maker
    feed: Feed
    risk: Risk
    copytrade: Copytrade
    alerts: Alerts
    debug: Debug
    strategy_layers: tuple[Layer, ...] = ()
    strategy_topics: Mapping[str, Layer] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def clock_scale(self) -> float:
        return self.options.clock_scale

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no output may show, for ``log.add_secret``."""
        wallet = self.credentials.secrets if self.credentials else ()
        return (*wallet, self.alerts.webhook_url) if self.alerts.webhook_url else wallet

    @property
    def handled_topics_path(self) -> Path:
        return self._state_file(self.paths.handled_topics_file, "handled_topics.json")

    @property
    def status_path(self) -> Path:
        return self._state_file(self.paths.run_state_file, "autorun_status.json")

    @property
    def copytrade_tokens_path(self) -> Path:
        return self._state_file(self.paths.copytrade_tokens_file, "tokens_from_copytrade.json")

    @property
    def sell_signals_path(self) -> Path:
        return self._state_file(
            self.paths.copytrade_sell_signals_file, "copytrade_sell_signals.json"
        )

    @property
    def copytrade_config_path(self) -> Path:
        chosen = self.copytrade.config
        if chosen is None:
            return self.options.global_config.parent / "copytrade_config.json"
        return under(ROOT, chosen)

    @property
    def fallback_max_connections(self) -> int:
        """Most own lines at a time."""
        chosen = self.feed.fallback_max_connections
        return self.scheduler.max_concurrent_tasks if chosen is None else chosen

    def _state_file(self, chosen: Path | None, name: str) -> Path:
        """Place a file: only live may leave its data directory, the others keep apart."""
        if chosen is None:
            return self.data_dir / name
        if self.run_name == Mode.LIVE:
            return under(ROOT, chosen)
        return self.data_dir / chosen.name


def under(root: Path, path: Path) -> Path:
    return root / path.expanduser()
