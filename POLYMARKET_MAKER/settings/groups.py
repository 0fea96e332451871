"""Every setting of ``global_config.json``, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from POLYMARKET_MAKER.settings.schema import Key


class Mode(StrEnum):
    """What an order is worth."""

    LIVE = "live"  # real orders, real money
    PAPER = "paper"  # real quotes, orders only imagined
    DEMO = "demo"  # the simulator on this machine


class SupervisorLoss(StrEnum):
    """What a child does when its supervisor is gone."""

    STOP = "stop"  # cancel and end
    CONTINUE = "continue"  # trade on from its own line until a new one takes over


class LogLevel(StrEnum):
    """Lowest level written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    """Keys at the top of the file."""

    mode: Annotated[
        Mode | None,
        Key(
            "",
            "What an order is worth: live, paper or demo. Option and POLY_RUN_MODE come before it.",
        ),
    ] = None
    tokens: Annotated[
        tuple[str, ...],
        Key("token ids", "Tokens to trade besides those of the copytrade files."),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """Which children run, how many, and how they start and stop."""

    max_concurrent_tasks: Annotated[
        int, Key("children", "Most children that trade at once.", low=1)
    ] = 10
    max_exit_cleanup_tasks: Annotated[
        int, Key("children", "Further slots, for children that only sell out.", low=1)
    ] = 3
    topic_start_cooldown_sec: Annotated[
        float, Key("s", "Time between the starts of two children.", low=0)
    ] = 5.0
    exit_start_stagger_sec: Annotated[
        float, Key("s", "Time between the starts of two children that only sell out.", low=0)
    ] = 1.0
    process_stagger_max_sec: Annotated[
        float, Key("s", "Random extra time before a start, at most.", low=0)
    ] = 3.0
    process_graceful_timeout_sec: Annotated[
        float,
        Key("s", "How long a child may take to cancel and end before it is killed.", low=1),
    ] = 20.0
    on_supervisor_loss: Annotated[
        SupervisorLoss,
        Key("", "What children do when the supervisor is gone: stop (cancel, end) or continue."),
    ] = SupervisorLoss.STOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where files are; relative ones count from the repository root."""

    data_directory: Annotated[
        Path,
        Key(
            "",
            "Run-time data. Demo, paper and replay use a folder of their own in it.",
            old=("data_dir", "paths.data_dir"),
        ),
    ] = Path("data")
    log_directory: Annotated[
        Path,
        Key(
            "",
            "Logs. Demo, paper and replay use a folder of their own in it.",
            old=("log_dir", "paths.log_dir"),
        ),
    ] = Path("logs")
    handled_topics_file: Annotated[
        Path | None,
        Key(
            "",
            "Tokens that were started; default handled_topics.json in the data directory.",
            old=("handled_topics_path", "paths.handled_topics_path"),
        ),
    ] = None
    run_state_file: Annotated[
        Path | None,
        Key(
            "",
            "Status for people and doctor; default autorun_status.json in the data directory.",
            old=("runtime_status_path", "paths.runtime_status_path"),
        ),
    ] = None
    copytrade_tokens_file: Annotated[
        Path | None,
        Key(
            "",
            "Tokens to trade; default tokens_from_copytrade.json in the data directory.",
            old=("copytrade_tokens_path", "paths.copytrade_tokens_path"),
        ),
    ] = None
    copytrade_sell_signals_file: Annotated[
        Path | None,
        Key(
            "",
            "Tokens to sell; default copytrade_sell_signals.json in the data directory.",
            old=("copytrade_sell_signals_path", "paths.copytrade_sell_signals_path"),
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """How orders are made. Also allowed in run_params.json and strategy_defaults.json."""

    post_only: Annotated[
        bool, Key("", "Resting orders never take: the exchange refuses them instead.")
    ] = True
    max_chase_s: Annotated[
        float, Key("s", "How long one buy may follow the market before it is given up.", above=0)
    ] = 600.0
    exit_slippage: Annotated[
        Decimal,
        Key(
            "USD per share",
            "An exit sells down to the best bid at its start less this, never below one tick.",
            low=0,
            high=1,
        ),
    ] = Decimal("0.05")
    exit_take_s: Annotated[
        float, Key("s", "How long an exit takes bids; what is left then rests at its floor.", low=0)
    ] = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where quotes come from and when a child leaves the shared feed."""

    ws_shared: Annotated[
        bool, Key("", "One shared connection feeds all children. false is --no-shared-ws.")
    ] = True
    quote_max_age_s: Annotated[
        float,
        Key("s", "Silence of the snapshot's writer after which its quotes are stale.", above=0),
    ] = 10.0
    fallback_after_s: Annotated[
        float, Key("s", "How long the shared feed may fail before a child leaves it.", above=0)
    ] = 10.0
    fallback_jitter_s: Annotated[
        float, Key("s", "Random extra time before a child leaves, at most.", low=0)
    ] = 5.0
    fallback_return_after_s: Annotated[
        float, Key("s", "How long the shared feed must be well before a child returns.", low=0)
    ] = 30.0
    fallback_dial_concurrency: Annotated[
        int, Key("children", "How many dial at once, held from dial to first book.", low=1)
    ] = 5
    fallback_max_connections: Annotated[
        int | None,
        Key("children", "Most own lines at a time; null means max_concurrent_tasks.", low=1),
    ] = None
    ws_cache_flush_min_interval_sec: Annotated[
        float, Key("s", "Shortest time between two writings of ws_cache.json.", low=0.05)
    ] = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Limits that no order passes. Lowering one works at once, raising one needs a restart."""

    max_notional_per_token: Annotated[
        Decimal | None,
        Key(
            "USD",
            "Most money in one token: shares held, resting buys and orders of unknown outcome.",
            above=0,
            warn_none="a single token may hold any amount",
            is_limit=True,
        ),
    ] = Decimal(25)
    max_notional_total: Annotated[
        Decimal | None,
        Key(
            "USD",
            "The same over all tokens together.",
            above=0,
            warn_none="all tokens together may hold any amount",
            is_limit=True,
        ),
    ] = Decimal(100)
    max_daily_loss: Annotated[
        Decimal | None,
        Key(
            "USD",
            "Loss of a UTC day, realised and marked at the bid, fees included, that stops buying.",
            above=0,
            warn_none="no loss stops the trading",
            is_limit=True,
        ),
    ] = Decimal(20)
    max_order_errors: Annotated[
        int,
        Key(
            "errors in 60 s",
            "When at least half of the attempts fail this often, orders pause for 5 minutes.",
            low=1,
            is_limit=True,
        ),
    ] = 5
    adopt_wallet_positions: Annotated[
        bool,
        Key("", "All shares in the wallet beyond the ledger become ours, and may be sold."),
    ] = False
    dead_man: Annotated[
        bool,
        Key("", "The exchange cancels all orders of our API key after 10 s of silence. One way."),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Copytrade:
    """The token source, as a child of the supervisor."""

    autostart: Annotated[bool, Key("", "The supervisor runs copytrade_run.py itself.")] = False
    config: Annotated[
        Path | None,
        Key("", "Its settings; default copytrade_config.json beside global_config.json."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """When somebody is told."""

    no_order_warn_h: Annotated[
        float,
        Key("h", "Warn when no order was placed for so long although data is fresh.", above=0),
    ] = 6.0
    webhook_url: Annotated[
        str | None,
        Key("", "Warnings and errors are posted here as JSON. A secret.", secret=True),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debug:
    """For those who look for a fault."""

    ws_debug_raw: Annotated[
        bool,
        Key(
            "",
            "Every raw event is logged; POLY_WS_DEBUG_RAW says the same.",
            old=("debug.ws_raw", "ws_raw"),
        ),
    ] = False
    log_level: Annotated[LogLevel, Key("", "Lowest level written; --verbose is debug.")] = (
        LogLevel.INFO
    )
