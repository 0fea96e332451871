"""What one child knows when it starts: its ``run_params_<token>.json`` and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from POLYMARKET_MAKER.errors import SettingsError, UsageError
from POLYMARKET_MAKER.settings import retired
from POLYMARKET_MAKER.settings.assignment import RUN_PARAMS_GROUPS, Assignment
from POLYMARKET_MAKER.settings.credentials import Credentials, read_credentials
from POLYMARKET_MAKER.settings.groups import Feed, LogLevel, Maker, Mode, Risk, SupervisorLoss
from POLYMARKET_MAKER.settings.mode import dotenv_for, named_mode
from POLYMARKET_MAKER.settings.model import ROOT
from POLYMARKET_MAKER.settings.names import Overlay
from POLYMARKET_MAKER.settings.options import CONFIG_DIR
from POLYMARKET_MAKER.settings.reader import Findings, Reader, Values, build, read_json
from POLYMARKET_MAKER.settings.strategy_keys import StrategyParams
from POLYMARKET_MAKER.settings.urls import Urls, check_urls, read_urls


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParams:
    """What one child knows when it starts, checked and complete.

    Attributes:
        path: The file it came from.
        begin_shared: The shared feed to begin with (a path, later a redis:// address); None
            means to begin with an own line.
        shared_ws_cache_path: The shared feed to come back to; None means never.
        exit_signal_path: When this file exists, sell out and end.
        credentials: None in paper.
        warnings: One sentence each, for the log at the start.
    """

    path: Path
    mode: Mode
    token_id: str
    title: str | None
    market_url: str | None
    end_time: str | None
    exit_only: bool
    exit_signal_path: Path
    begin_shared: str | None
    shared_ws_cache_path: Path | None
    data_dir: Path
    log_dir: Path
    urls: Urls
    chain_id: int
    credentials: Credentials | None
    clock_scale: float
    on_supervisor_loss: SupervisorLoss
    ws_debug_raw: bool
    log_level: LogLevel
    strategy: StrategyParams
    maker: Maker
    feed: Feed
    risk: Risk
    warnings: tuple[str, ...] = ()


def load_run_params(
    path: Path,
    env: Mapping[str, str],
    *,
    shared_ws_cache: str | None = None,
    root: Path = ROOT,
) -> RunParams:
    """Read one child's settings. A child is never more live than its file says.

    Args:
        path: ``run_params_<token>.json``; one of the earlier program, without a mode, is paper.
        env: The child's environment.
        shared_ws_cache: The option ``--shared-ws-cache``; it wins over the environment.
        root: The repository root.

    Raises:
        SettingsError: With every problem that was found.
        UsageError: ``POLY_RUN_MODE`` and the file disagree.
    """
    findings = Findings()
    data = read_json(path, findings)
    said_urls = data.pop("urls", {})
    values = Reader(RUN_PARAMS_GROUPS, retired.STRATEGY, findings).read(data, path.name)
    who = build(Assignment, "", values)
    if findings.problems:
        raise SettingsError(*findings.problems)
    mode = _child_mode(who.mode, env, path, findings)
    merged = _environment(env, mode, root, findings)
    urls = _urls(said_urls, merged, mode, path, findings)
    params = _assemble(
        path, who, values, mode=mode, urls=urls, env=merged, root=root, findings=findings
    )
    if findings.problems:
        raise SettingsError(*findings.problems)
    return replace(
        params,
        begin_shared=shared_ws_cache or env.get("POLY_WS_SHARED_CACHE") or None,
        warnings=tuple(findings.warnings),
    )


def run_params_path(argument: str | None, env: Mapping[str, str]) -> Path:
    """Find the file of a child: argument, ``POLY_RUN_CONFIG_PATH``, else the shipped template."""
    said = argument or env.get("POLY_RUN_CONFIG_PATH", "").strip()
    return Path(said).expanduser() if said else CONFIG_DIR / "run_params.json"


def _child_mode(said: Mode | None, env: Mapping[str, str], path: Path, findings: Findings) -> Mode:
    from_env = named_mode(env, "environment")
    mode = said or Mode.PAPER
    if from_env is not None and from_env is not mode:
        seen = said or "no mode, which means paper"
        raise UsageError(f"POLY_RUN_MODE is {from_env}, {path.name} says {seen}; make them agree")
    if said is None:
        findings.warnings.append(f"{path.name}: no mode, so this child trades on paper only")
    return mode


def _environment(
    env: Mapping[str, str], mode: Mode, root: Path, findings: Findings
) -> Mapping[str, str]:
    """Add ``.env`` where a live child is run by hand; the supervisor's children have the key."""
    if mode is not Mode.LIVE or env.get("POLY_KEY"):
        return env
    dotenv = dotenv_for(env, root)
    merged = Overlay(env, dotenv.values())
    findings.warnings += dotenv.warnings
    return merged


def _urls(said: object, env: Mapping[str, str], mode: Mode, path: Path, findings: Findings) -> Urls:
    known = {each.name for each in fields(Urls)}
    if not isinstance(said, dict) or not all(isinstance(each, str) for each in said.values()):
        findings.problems.append(f"{path.name}: urls needs an object of addresses")
        return Urls()
    unknown = said.keys() - known
    if unknown:
        names = ", ".join(sorted(unknown))
        findings.problems.append(f"{path.name}: unknown urls {names}; known are {sorted(known)}")
        return Urls()
    from_env = read_urls(env, mode, findings.problems)
    urls = replace(from_env, **said)
    check_urls(urls, mode, findings.problems)
    return urls


def _assemble(
    path: Path,
    who: Assignment,
    values: Values,
    *,
    mode: Mode,
    urls: Urls,
    env: Mapping[str, str],
    root: Path,
    findings: Findings,
) -> RunParams:
    token_id = who.token_id or who.topic_id or ""
    if not token_id.isdecimal():
        findings.problems.append(f"{path.name}: token_id was {token_id!r}, needs a decimal number")
    if who.clock_scale != 1 and not urls.all_loopback:
        findings.problems.append(f"{path.name}: clock_scale needs every address on this machine")
    data_dir = _directory(who.data_dir, env.get("POLY_DATA_DIR"), root / "data", mode)
    return RunParams(
        path=path,
        mode=mode,
        token_id=token_id,
        title=who.topic_name,
        market_url=who.market_url,
        end_time=who.end_time,
        exit_only=who.exit_only,
        exit_signal_path=who.exit_signal_path or data_dir / f"exit_signal_{token_id}.json",
        begin_shared=None,
        shared_ws_cache_path=who.shared_ws_cache_path,
        data_dir=data_dir,
        log_dir=_directory(who.log_dir, env.get("POLY_LOG_DIR"), root / "logs", mode),
        urls=urls,
        chain_id=who.chain_id,
        credentials=read_credentials(env, mode, urls, findings.problems),
        clock_scale=who.clock_scale,
        on_supervisor_loss=who.on_supervisor_loss,
        ws_debug_raw=who.ws_debug_raw,
        log_level=who.log_level,
        strategy=build(StrategyParams, "", values),
        maker=build(Maker, "maker", values),
        feed=build(Feed, "feed", values),
        risk=build(Risk, "risk", values),
    )


def _directory(said: Path | None, from_env: str | None, base: Path, mode: Mode) -> Path:
    if said is not None:
        return said
    if from_env:
        return Path(from_env).absolute()
    return base if mode is Mode.LIVE else base / str(mode)
