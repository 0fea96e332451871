"""Everything the operator sets: options, environment, ``.env`` and the files in config/.

Every key is declared once (``groups``, ``strategy_keys``), with type, unit, default
and meaning; files are held against that (``reader``, ``load``), the mode is decided before any
key is looked at (``mode``), and the result is one frozen object (``model``). What a child
is told goes by file (``assignment`` writes, ``run_params`` reads) and, where it is secret, by
environment (``credentials``).
"""

from POLYMARKET_MAKER.settings.assignment import build_run_params
from POLYMARKET_MAKER.settings.copytrade import CopytradeConfig, Target, load_copytrade_config
from POLYMARKET_MAKER.settings.credentials import (
    ApiCredentials,
    Credentials,
    child_environment,
)
from POLYMARKET_MAKER.settings.deadline import closing_time, sell_only_from
from POLYMARKET_MAKER.settings.groups import (
    Alerts,
    Copytrade,
    Debug,
    Feed,
    Maker,
    Mode,
    Paths,
    Risk,
    Scheduler,
    SupervisorLoss,
)
from POLYMARKET_MAKER.settings.load import load_settings, with_urls
from POLYMARKET_MAKER.settings.mode import DotEnv, dotenv_for, resolve_mode
from POLYMARKET_MAKER.settings.model import ROOT, Layer, Settings
from POLYMARKET_MAKER.settings.options import Options, parse_options
from POLYMARKET_MAKER.settings.reload import Change, Reloaded, Takes, reload_settings, tightened
from POLYMARKET_MAKER.settings.run_params import RunParams, load_run_params, run_params_path
from POLYMARKET_MAKER.settings.show import show
from POLYMARKET_MAKER.settings.strategy_keys import (
    Countdown,
    DeadlinePolicy,
    SellMode,
    StrategyName,
    StrategyParams,
)
from POLYMARKET_MAKER.settings.urls import Urls, is_loopback

__all__ = [
    "ROOT",
    "Alerts",
    "ApiCredentials",
    "Change",
    "Copytrade",
    "CopytradeConfig",
    "Countdown",
    "Credentials",
    "DeadlinePolicy",
    "Debug",
    "DotEnv",
    "Feed",
    "Layer",
    "Maker",
    "Mode",
    "Options",
    "Paths",
    "Reloaded",
    "Risk",
    "RunParams",
    "Scheduler",
    "SellMode",
    "Settings",
    "StrategyName",
    "StrategyParams",
    "SupervisorLoss",
    "Takes",
    "Target",
    "Urls",
    "build_run_params",
    "child_environment",
    "closing_time",
    "dotenv_for",
    "is_loopback",
    "load_copytrade_config",
    "load_run_params",
    "load_settings",
    "parse_options",
    "reload_settings",
    "resolve_mode",
    "run_params_path",
    "sell_only_from",
    "show",
    "tightened",
    "with_urls",
]
