"""All settings of one start: the files, the environment and the options, put together."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from POLYMARKET_MAKER.errors import SettingsError, UsageError
from POLYMARKET_MAKER.settings import retired
from POLYMARKET_MAKER.settings.credentials import Credentials, read_credentials
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
from POLYMARKET_MAKER.settings.load import Findings, Reader, Values, build, read_json
from POLYMARKET_MAKER.settings.mode import DotEnv, decide_mode, dotenv_for
from POLYMARKET_MAKER.settings.names import WALLET_NAMES, lookup
from POLYMARKET_MAKER.settings.options import Options
from POLYMARKET_MAKER.settings.schema import Group, show_raw
from POLYMARKET_MAKER.settings.strategy_keys import StrategyParams
from POLYMARKET_MAKER.settings.urls import Urls, check_urls, read_urls

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
        return _under(ROOT, chosen)

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
            return _under(ROOT, chosen)
        return self.data_dir / chosen.name


def load_settings(
    *,
    env: Mapping[str, str],
    options: Options,
    global_config: Path | None = None,
    strategy_config: Path | None = None,
    run_config_template: Path | None = None,
    root: Path = ROOT,
) -> Settings:
    """Read everything the operator set. Reads files, opens no connection, writes nothing.

    Args:
        env: The environment; it wins over ``.env``.
        options: The command line; it names the three files unless they are given here.
        global_config: Overrides the option, as do the next two.
        strategy_config: See above.
        run_config_template: See above.
        root: The repository root, where ``.env`` and relative paths are looked for.

    Raises:
        SettingsError: With every problem that was found.
        UsageError: The clock was to be scaled, but an address is not on this machine.
    """
    findings = Findings()
    values = _read_global(global_config or options.global_config, findings)
    layers, topics = _read_strategy(
        run_config_template or options.run_config_template,
        strategy_config or options.strategy_config,
        findings,
    )
    dotenv = dotenv_for(env, root)
    general = build(General, "", values)
    mode, mode_origin = _mode(options, env, general, dotenv, findings)
    merged = _with_dotenv(env, mode, dotenv)
    urls = read_urls(merged, mode, findings.problems)
    settings = _assemble(
        values, options, mode=mode, urls=urls, env=merged, root=root, findings=findings
    )
    findings.warnings += dotenv.warnings
    if findings.problems:
        raise SettingsError(*findings.problems)
    _check_clock(settings)
    return replace(
        settings,
        strategy_layers=layers,
        strategy_topics=topics,
        origins={**settings.origins, "mode": mode_origin},
        warnings=tuple(findings.warnings),
    )


def with_urls(settings: Settings, urls: Urls, credentials: Credentials | None = None) -> Settings:
    """Point a demo at its simulator, which is started after the settings are read.

    Raises:
        SettingsError: An address is not one that the mode allows.
        UsageError: The clock was to be scaled, but an address is not on this machine.
    """
    problems: list[str] = []
    check_urls(urls, settings.mode, problems)
    if problems:
        raise SettingsError(*problems)
    changed = replace(settings, urls=urls, credentials=credentials or settings.credentials)
    _check_clock(changed)
    return changed


def _mode(
    options: Options,
    env: Mapping[str, str],
    general: General,
    dotenv: DotEnv,
    findings: Findings,
) -> tuple[Mode, str]:
    try:
        return decide_mode(options, env, general.mode, dotenv)
    except SettingsError as error:  # told together with what else is wrong
        raise SettingsError(*findings.problems, *error.problems) from None


def _with_dotenv(env: Mapping[str, str], mode: Mode, dotenv: DotEnv) -> Mapping[str, str]:
    """Lay the environment over ``.env``; outside live the file's wallet is left out."""
    if mode is not Mode.LIVE and not dotenv.was_opened:
        return env
    said = dotenv.values()
    if mode is not Mode.LIVE:
        said = {name: value for name, value in said.items() if name not in WALLET_NAMES}
    # A view, not a copy: to copy an environment is to read every key in it.
    return ChainMap(cast("MutableMapping[str, str]", env), said)


def _read_global(path: Path, findings: Findings) -> Values:
    data = read_json(path, findings)
    return Reader(GLOBAL_GROUPS, retired.GLOBAL, findings).read(data, path.name)


def _read_strategy(
    template: Path, defaults: Path, findings: Findings
) -> tuple[tuple[Layer, ...], dict[str, Layer]]:
    base = Layer(template.name, read_json(template, findings))
    data = read_json(defaults, findings)
    found = {
        name: _objects(data.pop(name, {}), f"{defaults.name}: {name}", findings)
        for name in ("default", "topics")
    }
    findings.problems += [
        f"{defaults.name}: unknown key {name!r}; allowed are 'default' and 'topics'"
        for name in data
        if not name.startswith("_")
    ]
    default = Layer(f"{defaults.name} default", found["default"])
    topics = {
        token: Layer(
            f"{defaults.name} topics.{token}",
            _objects(each, f"{defaults.name}: topics.{token}", findings),
        )
        for token, each in found["topics"].items()
        if not token.startswith("_")
    }
    reader = Reader(CHILD_GROUPS, retired.STRATEGY, findings)
    for layer in (base, default, *topics.values()):
        reader.read(layer.content, layer.source)
    return (base, default), topics


def _objects(raw: object, name: str, findings: Findings) -> dict[str, object]:
    if isinstance(raw, dict):
        return raw
    findings.problems.append(f"{name} was {show_raw(raw)}, needs an object")
    return {}


def _assemble(
    values: Values,
    options: Options,
    *,
    mode: Mode,
    urls: Urls,
    env: Mapping[str, str],
    root: Path,
    findings: Findings,
) -> Settings:
    paths = build(Paths, "paths", values)
    run_name = "replay" if options.replay is not None else str(mode)
    general = build(General, "", values)
    debug = build(Debug, "debug", values)
    if env.get("POLY_WS_DEBUG_RAW", "").strip().lower() in ("1", "true", "yes", "on", "y", "debug"):
        debug = replace(debug, ws_debug_raw=True)
    feed = build(Feed, "feed", values)
    if not options.ws_shared:
        feed = replace(feed, ws_shared=False)
    return Settings(
        mode=mode,
        run_name=run_name,
        options=options,
        urls=urls,
        chain_id=_chain_id(env, findings),
        credentials=read_credentials(env, mode, urls, findings.problems),
        data_dir=_directory(env, "POLY_DATA_DIR", root, paths.data_directory, run_name),
        log_dir=_directory(env, "POLY_LOG_DIR", root, paths.log_directory, run_name),
        tokens=options.tokens or general.tokens,
        scheduler=build(Scheduler, "scheduler", values),
        paths=paths,
        maker=build(Maker, "maker", values),
        feed=feed,
        risk=build(Risk, "risk", values),
        copytrade=build(Copytrade, "copytrade", values),
        alerts=build(Alerts, "alerts", values),
        debug=debug,
        origins={path: value.origin for path, value in values.items()},
    )


def _chain_id(env: Mapping[str, str], findings: Findings) -> int:
    text = lookup(env, "POLY_CHAIN_ID", findings.problems) or str(POLYGON)
    if text.isdecimal():
        return int(text)
    findings.problems.append(f"POLY_CHAIN_ID: was {text!r}, needs a whole number")
    return POLYGON


def _directory(
    env: Mapping[str, str], variable: str, root: Path, chosen: Path, run_name: str
) -> Path:
    said = env.get(variable, "").strip()
    if said:
        return Path(said).expanduser().absolute()
    base = _under(root, chosen)
    return base if run_name == Mode.LIVE else base / run_name


def _under(root: Path, path: Path) -> Path:
    return root / path.expanduser()


def _check_clock(settings: Settings) -> None:
    if settings.clock_scale != 1 and not settings.urls.all_loopback:
        raise UsageError("--clock-scale is for rehearsals: every address must be on this machine")
