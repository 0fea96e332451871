"""A child runs on exactly what its supervisor meant, and never more live than that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core import quote_both_sides, strategies, volatility
from POLYMARKET_MAKER.errors import SettingsError, UsageError
from POLYMARKET_MAKER.settings import (
    Credentials,
    Maker,
    Mode,
    Options,
    RunParams,
    SellMode,
    Settings,
    StrategyName,
    StrategyParams,
    Urls,
    build_run_params,
    child_environment,
    load_run_params,
    load_settings,
    run_params_path,
    with_urls,
)
from POLYMARKET_MAKER.settings.urls import NOWHERE

ANCESTOR = Path(__file__).parent / "ancestor"
TOKEN = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: object, name: str = "run_params.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


def settings_of(
    write: Write, *, default: object = None, topics: object = None, template: object = None,
    global_config: object = None, mode: Mode = Mode.DEMO, root: Path | None = None,
) -> Settings:  # fmt: skip
    options = Options(
        mode=mode,
        global_config=write(global_config or {}, "g.json"),
        strategy_config=write({"default": default or {}, "topics": topics or {}}, "s.json"),
        run_config_template=write(template or {}, "t.json"),
    )
    return load_settings(env={}, options=options, root=root or options.global_config.parent)


def load(
    path: Path, env: Mapping[str, str] | None = None, *, shared_ws_cache: str | None = None
) -> RunParams:
    return load_run_params(path, env or {}, root=path.parent, shared_ws_cache=shared_ws_cache)


# --- writing ----------------------------------------------------------------------------------


def test_layers_are_merged_template_default_topic(write: Write) -> None:
    settings = settings_of(
        write,
        template={
            "drop_pct": 0.01,
            "profit_pct": 0.01,
            "order_size": 1,
            "max_buy_price": 0.9,
            "buy_price_threshold": 0.4,
        },
        default={
            "order_size": 10,
            "profit_pct": 0.02,
            "max_buy_price": None,
            "buy_price_threshold": None,
        },
        topics={TOKEN: {"profit_pct": 3}},
    )

    params = build_run_params(settings, TOKEN)

    assert (params["drop_pct"], params["order_size"]) == (0.01, 10)
    assert params["profit_pct"] == 0.03, "a ratio above 1 is percent"
    assert params["max_buy_price"] == 0.9, "null says nothing"
    assert params["buy_price_threshold"] == 0.4, "also where null would be a value"
    assert build_run_params(settings, "1")["profit_pct"] == 0.02


def test_a_topic_may_make_orders_in_its_own_way(write: Write) -> None:
    settings = settings_of(
        write,
        global_config={"maker": {"max_chase_s": 60, "post_only": True}},
        topics={TOKEN: {"post_only": False}},
    )

    assert build_run_params(settings, TOKEN)["maker"] == {
        "post_only": False, "max_chase_s": 60, "exit_slippage": 0.05, "exit_take_s": 120,
    }  # fmt: skip


def test_a_child_reads_back_what_the_supervisor_meant(write: Write) -> None:
    settings = with_urls(
        settings_of(
            write,
            default={"drop_pct": "0.012345678901234567890", "sell_mode": "conservative"},
            global_config={
                "on_supervisor_loss": "continue", "max_daily_loss": None, "max_concurrent_tasks": 7,
            },
        ),
        NOWHERE,
        Credentials("d" * 64, None, 0),
    )  # fmt: skip
    env = child_environment(
        {"PATH": "/bin"}, mode=settings.mode, urls=settings.urls, credentials=settings.credentials
    )

    path = write(build_run_params(settings, TOKEN, extra={"topic_name": "Rain?"}), "r.json")
    params = load_run_params(path, env, root=Path("/elsewhere"))

    assert params.mode is Mode.DEMO
    assert (params.token_id, params.title) == (TOKEN, "Rain?")
    assert params.strategy.drop_pct == Decimal("0.012345678901234567890")
    assert params.strategy.sell_mode is SellMode.CONSERVATIVE
    assert params.maker == settings.maker
    assert params.risk == settings.risk
    assert params.feed.fallback_max_connections == 7
    assert params.on_supervisor_loss == "continue"
    assert params.credentials == settings.credentials
    assert params.urls == NOWHERE
    assert (params.data_dir, params.log_dir) == (settings.data_dir, settings.log_dir)
    assert params.shared_ws_cache_path == settings.data_dir / "ws_cache.json"
    assert params.exit_signal_path == settings.data_dir / f"exit_signal_{TOKEN}.json"
    assert params.begin_shared is None
    assert params.warnings == ("r.json: risk.max_daily_loss is null: no loss stops the trading",)


def test_no_secret_goes_into_the_file(write: Write) -> None:
    settings = with_urls(
        settings_of(write, global_config={"webhook_url": "https://hooks.example/s3cr3t"}),
        NOWHERE,
        Credentials("d" * 64, None, 0),
    )

    text = json.dumps(build_run_params(settings, TOKEN))

    assert "d" * 64 not in text
    assert "s3cr3t" not in text


def test_without_a_shared_feed_there_is_no_way_back(write: Write) -> None:
    settings = settings_of(write, global_config={"ws_shared": False})

    assert "shared_ws_cache_path" not in build_run_params(settings, TOKEN)


def test_an_exit_only_child_is_told_so(write: Write) -> None:
    settings = settings_of(write)
    signal = Path("/tmp/signal.json")  # noqa: S108 - only a name

    params = build_run_params(settings, TOKEN, exit_only=True, exit_signal_path=signal)

    assert (params["exit_only"], params["exit_signal_path"]) == (True, str(signal))


# --- reading ----------------------------------------------------------------------------------


def test_a_child_of_the_ancestor_runs_on_paper_and_says_so() -> None:
    path = ANCESTOR / "run_params_child.json"

    params = load_run_params(path, {"POLY_KEY": "not looked at"}, root=Path("/srv"))

    assert params.mode is Mode.PAPER
    assert params.credentials is None
    assert params.token_id == TOKEN
    assert params.exit_signal_path == Path("/srv/data/exit_signal_7132.json")
    assert params.market_url == "https://polymarket.com/market/some-market"
    assert params.shared_ws_cache_path is None
    assert params.data_dir == Path("/srv/data/paper")
    assert "run_params_child.json: no mode, so this child trades on paper only" in params.warnings
    assert all(" has no effect: " in each for each in params.warnings[:-1])


@pytest.mark.parametrize("alias", ["token_id", "tokenId", "asset_id", "assetId", "topic_id"])
def test_the_token_goes_by_many_names(write: Write, alias: str) -> None:
    assert load(write({"mode": "paper", alias: TOKEN})).token_id == TOKEN


@pytest.mark.parametrize("said", [{}, {"mode": "paper"}, {"mode": "demo"}])
def test_a_child_is_never_more_live_than_its_file(write: Write, said: dict[str, str]) -> None:
    path = write({"token_id": TOKEN, **said})

    with pytest.raises(UsageError, match=r"POLY_RUN_MODE is live, run_params\.json says"):
        load(path, {"POLY_RUN_MODE": "live"})


def test_nor_less(write: Write) -> None:
    with pytest.raises(UsageError, match="make them agree"):
        load(write({"token_id": TOKEN, "mode": "live"}), {"POLY_RUN_MODE": "paper"})


def test_a_live_child_by_hand_takes_the_key_from_the_file_of_secrets(
    write: Write, tmp_path: Path
) -> None:
    secrets = tmp_path / ".env"
    secrets.write_text(f"POLY_KEY={'a' * 64}\nPOLY_FUNDER=0x{'b' * 40}\n")
    secrets.chmod(0o600)

    params = load(write({"token_id": TOKEN, "mode": "live"}))

    assert params.credentials is not None
    assert params.credentials.key == "a" * 64
    assert params.data_dir == tmp_path / "data"


def test_option_and_variable_say_where_to_begin(write: Write) -> None:
    path = write({"token_id": TOKEN, "mode": "paper"})
    env = {"POLY_WS_SHARED_CACHE": "/a/ws_cache.json"}

    assert load(path, env).begin_shared == "/a/ws_cache.json"
    assert load(path, env, shared_ws_cache="/b/ws_cache.json").begin_shared == "/b/ws_cache.json"
    assert load(path).begin_shared is None


def test_all_problems_are_told_at_once(write: Write) -> None:
    path = write({"mode": "paper", "token_id": "abc", "clock_scale": 5, "urls": {"clob": "x"}})

    with pytest.raises(SettingsError) as caught:
        load(path)

    assert caught.value.problems == (
        "POLY_HOST: was no address, needs https://host",
        "run_params.json: token_id was 'abc', needs a decimal number",
        "run_params.json: clock_scale needs every address on this machine",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "token_id was '', needs a decimal number"),
        ({"urls": []}, "urls needs an object of addresses"),
        ({"urls": {"clob": 1}}, "urls needs an object of addresses"),
        ({"urls": {"host": "https://x"}}, "unknown urls host"),
        ({"drop_pct": 0}, "drop_pct was 0, must be greater than 0"),
        ({"order_sise": 1}, "unknown key 'order_sise'; did you mean 'order_size'?"),
        ({"countdown": {"minutes": 1}}, "countdown has an unknown key 'minutes'"),
        ({"countdown": {"minutes_before_end": "soon"}}, "countdown minutes_before_end was 'soon'"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    write: Write, content: dict[str, object], problem: str
) -> None:
    token = {} if content == {} else {"token_id": TOKEN}

    with pytest.raises(SettingsError) as caught:
        load(write({"mode": "paper", **token, **content}))

    assert problem in str(caught.value)


def test_a_demo_child_cannot_be_pointed_at_the_exchange(write: Write) -> None:
    path = write({"token_id": TOKEN, "mode": "demo", "urls": Urls().as_dict()})

    with pytest.raises(SettingsError, match="demo talks to this machine only"):
        load(path)


def test_the_file_is_argument_then_variable_then_template() -> None:
    env = {"POLY_RUN_CONFIG_PATH": "/e.json"}

    assert run_params_path("/a.json", env) == Path("/a.json")
    assert run_params_path(None, env) == Path("/e.json")
    assert run_params_path(None, {}).name == "run_params.json"


# --- and the strategies -----------------------------------------------------------------------


def test_every_strategy_can_be_named() -> None:
    assert set(StrategyName) == strategies.NAMES


def test_every_parameter_of_every_strategy_can_be_set() -> None:
    """A parameter that only the code knows is one that nobody can tune."""
    keys = {each.name for group in (StrategyParams, Maker) for each in fields(group)}
    units = {parameter: key for key, (parameter, _) in strategies._UNITS.items()}

    parameters = {
        each.name for kind in (volatility.Params, quote_both_sides.Params) for each in fields(kind)
    }

    assert {units.get(each, each) for each in parameters} <= keys


@pytest.mark.parametrize("name", list(StrategyName))
def test_the_shipped_settings_make_every_strategy(name: StrategyName, tmp_path: Path) -> None:
    settings = load_settings(env={}, options=Options(mode=Mode.PAPER))
    path = tmp_path / "r.json"
    path.write_text(json.dumps(build_run_params(settings, TOKEN) | {"strategy": name}))

    params = load(path)

    said = asdict(params.strategy) | asdict(params.maker)
    assert strategies.make_strategy(params.strategy.strategy, said)
