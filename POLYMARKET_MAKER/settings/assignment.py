"""What the supervisor tells one child: the content of ``run_params_<token>.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from POLYMARKET_MAKER.settings import retired
from POLYMARKET_MAKER.settings.groups import Feed, LogLevel, Maker, Mode, Risk, SupervisorLoss
from POLYMARKET_MAKER.settings.model import CHILD_GROUPS, POLYGON, Settings
from POLYMARKET_MAKER.settings.reader import Findings, Reader, Values, build
from POLYMARKET_MAKER.settings.schema import Group, Key
from POLYMARKET_MAKER.settings.strategy_keys import StrategyParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who the child is: the keys of run_params that the supervisor alone writes."""

    mode: Annotated[Mode | None, Key("", "live, paper or demo; without it the child is paper.")] = (
        None
    )
    token_id: Annotated[
        str | None, Key("", "The token to trade.", old=("tokenId", "asset_id", "assetId"))
    ] = None
    topic_id: Annotated[str | None, Key("", "The same, under the supervisor's old name.")] = None
    topic_name: Annotated[str | None, Key("", "Title of the market.", old=("market_name",))] = None
    market_url: Annotated[str | None, Key("", "Its web page.", old=("source", "url"))] = None
    end_time: Annotated[str | None, Key("", "Announced end of the market, ISO or epoch s.")] = None
    exit_only: Annotated[bool, Key("", "Sell what is held and end.")] = False
    exit_signal_path: Annotated[
        Path | None, Key("", "When this file exists: sell out and end.", old=("exit_signal_file",))
    ] = None
    shared_ws_cache_path: Annotated[
        Path | None, Key("", "The shared feed to come back to; without it the child stays direct.")
    ] = None
    data_dir: Annotated[Path | None, Key("", "Data directory of this run.")] = None
    log_dir: Annotated[Path | None, Key("", "Log directory of this run.")] = None
    chain_id: Annotated[int, Key("", "Chain of the exchange.", low=1)] = POLYGON
    clock_scale: Annotated[float, Key("", "How many times faster schedules run.", low=1)] = 1.0
    on_supervisor_loss: Annotated[
        SupervisorLoss, Key("", "What to do when the supervisor is gone: stop or continue.")
    ] = SupervisorLoss.STOP
    ws_debug_raw: Annotated[bool, Key("", "Log every raw event.")] = False
    log_level: Annotated[LogLevel, Key("", "Lowest level written.")] = LogLevel.INFO


RUN_PARAMS_GROUPS: tuple[tuple[str, type[Group]], ...] = (
    ("", Assignment),
    *CHILD_GROUPS,
    ("feed", Feed),
    ("risk", Risk),
)


@dataclass(frozen=True, slots=True)
class Merged:
    """A token's strategy with the place each of its values came from."""

    strategy: StrategyParams
    maker: Maker
    origins: Mapping[str, str]


def build_run_params(
    settings: Settings,
    token_id: str,
    *,
    exit_only: bool = False,
    exit_signal_path: Path | None = None,
    extra: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Make the content of ``run_params_<token>.json``, ready for JSON; it holds no secret.

    Args:
        settings: Those of the supervisor.
        token_id: The token of the child.
        exit_only: The child only sells out.
        exit_signal_path: Default ``exit_signal_<token>.json`` in the data directory.
        extra: What the token source knows: ``topic_name``, ``market_url``, ``end_time``.
    """
    merged = merge_strategy(settings, token_id)
    cache = settings.data_dir / "ws_cache.json" if settings.feed.ws_shared else None
    feed = replace(settings.feed, fallback_max_connections=settings.fallback_max_connections)
    content: dict[str, object] = {
        "mode": settings.mode,
        "token_id": token_id,
        "topic_id": token_id,
        **(extra or {}),
        "exit_only": exit_only,
        "exit_signal_path": exit_signal_path or settings.data_dir / f"exit_signal_{token_id}.json",
        "shared_ws_cache_path": cache,
        "data_dir": settings.data_dir,
        "log_dir": settings.log_dir,
        "urls": settings.urls.as_dict(),
        "chain_id": settings.chain_id,
        "clock_scale": settings.clock_scale,
        "on_supervisor_loss": settings.scheduler.on_supervisor_loss,
        "ws_debug_raw": settings.debug.ws_debug_raw,
        "log_level": settings.debug.log_level,
        **_as_dict(merged.strategy),
        "maker": merged.maker,
        "feed": feed,
        "risk": settings.risk,
    }
    return {name: jsonable(value) for name, value in content.items() if value is not None}


def merge_strategy(settings: Settings, token_id: str | None = None) -> Merged:
    """Merge the layers of one token, low to high: template, ``default``, ``topics[token]``.

    A null says nothing. Without a token the result is what a token without a topic gets.
    """
    reader = Reader(CHILD_GROUPS, retired.STRATEGY, Findings())
    values: Values = {}
    topic = settings.strategy_topics.get(token_id or "")
    for layer in (*settings.strategy_layers, *((topic,) if topic else ())):
        values |= reader.read(_without_nulls(layer.content), layer.source)
    return Merged(
        strategy=build(StrategyParams, "", values),
        maker=build(Maker, "maker", values, base=settings.maker),
        origins={path: value.origin for path, value in values.items()},
    )


def _without_nulls(layer: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _without_nulls(value) if isinstance(value, Mapping) else value
        for name, value in layer.items()
        if value is not None
    }


def _as_dict(group: Group) -> dict[str, object]:
    return {each.name: getattr(group, each.name) for each in fields(group)}


def jsonable(value: object) -> object:
    """Turn a setting into what ``json.dumps`` takes, so that reading it back is the same value."""
    match value:
        case StrEnum() | Path():
            return str(value)
        case Decimal():
            number = float(value)
            return number if Decimal(str(number)) == value else str(value)
        case tuple():
            return [jsonable(each) for each in value]
        case Mapping():
            return {key: jsonable(each) for key, each in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {name: jsonable(each) for name, each in _as_dict(value).items()}
        case _:
            return value
