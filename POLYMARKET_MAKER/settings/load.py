"""From files, environment and options to one object, or to every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from POLYMARKET_MAKER.errors import SettingsError, UsageError
from POLYMARKET_MAKER.settings import retired
from POLYMARKET_MAKER.settings.credentials import Credentials, read_credentials
from POLYMARKET_MAKER.settings.groups import (
    Alerts,
    Copytrade,
    Debug,
    Feed,
    General,
    LogLevel,
    Maker,
    Mode,
    Paths,
    Risk,
    Scheduler,
)
from POLYMARKET_MAKER.settings.mode import DotEnv, decide_mode, dotenv_for
from POLYMARKET_MAKER.settings.model import (
    CHILD_GROUPS,
    GLOBAL_GROUPS,
    POLYGON,
    ROOT,
    Layer,
    Settings,
    under,
)
from POLYMARKET_MAKER.settings.names import WALLET_NAMES, Overlay, lookup
from POLYMARKET_MAKER.settings.options import Options
from POLYMARKET_MAKER.settings.reader import Findings, Reader, Values, build, read_json
from POLYMARKET_MAKER.settings.schema import show_raw
from POLYMARKET_MAKER.settings.urls import Urls, check_urls, read_urls


@dataclass(frozen=True, slots=True)
class Files:
    """What the three files say; the strategy's part is checked, not yet merged."""

    values: Values
    layers: tuple[Layer, ...]
    topics: Mapping[str, Layer]


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
    options = replace(
        options,
        global_config=global_config or options.global_config,
        strategy_config=strategy_config or options.strategy_config,
        run_config_template=run_config_template or options.run_config_template,
    )
    findings = Findings()
    files = read_files(options, findings)
    dotenv = dotenv_for(env, root)
    general = build(General, "", files.values)
    mode, mode_origin = _mode(options, env, general, dotenv, findings)
    merged = _with_dotenv(env, mode, dotenv)
    urls = read_urls(merged, mode, findings.problems)
    settings = _assemble(
        files, options, mode=mode, urls=urls, env=merged, root=root, findings=findings
    )
    findings.warnings += dotenv.warnings
    if findings.problems:
        raise SettingsError(*findings.problems)
    _check_clock(settings)
    return replace(
        settings,
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
    return Overlay(env, said)


def read_files(options: Options, findings: Findings) -> Files:
    """Read the three files that the options name; what is wrong with them goes to *findings*."""
    path = options.global_config
    reader = Reader(GLOBAL_GROUPS, retired.GLOBAL, findings)
    values = reader.read(read_json(path, findings), path.name)
    layers, topics = _read_strategy(options.run_config_template, options.strategy_config, findings)
    return Files(values, layers, topics)


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
    files: Files,
    options: Options,
    *,
    mode: Mode,
    urls: Urls,
    env: Mapping[str, str],
    root: Path,
    findings: Findings,
) -> Settings:
    values = files.values
    paths = build(Paths, "paths", values)
    run_name = "replay" if options.replay is not None else str(mode)
    general = build(General, "", values)
    debug = build(Debug, "debug", values)
    if env.get("POLY_WS_DEBUG_RAW", "").strip().lower() in ("1", "true", "yes", "on", "y", "debug"):
        debug = replace(debug, ws_debug_raw=True)
    if options.verbose:
        debug = replace(debug, log_level=LogLevel.DEBUG)
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
        strategy_layers=files.layers,
        strategy_topics=files.topics,
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
    base = under(root, chosen)
    return base if run_name == Mode.LIVE else base / run_name


def _check_clock(settings: Settings) -> None:
    if settings.clock_scale != 1 and not settings.urls.all_loopback:
        raise UsageError("--clock-scale is for rehearsals: every address must be on this machine")
