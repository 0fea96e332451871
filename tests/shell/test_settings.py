"""What the operator wrote is what runs, or one sentence for each thing that cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from POLYMARKET_MAKER.errors import SettingsError, UsageError
from POLYMARKET_MAKER.settings import (
    Credentials,
    Mode,
    Options,
    Settings,
    SupervisorLoss,
    Urls,
    load_settings,
    with_urls,
)
from POLYMARKET_MAKER.settings.groups import General, Scheduler
from POLYMARKET_MAKER.settings.model import GLOBAL_GROUPS
from POLYMARKET_MAKER.settings.reader import Findings, Reader, parse_json
from POLYMARKET_MAKER.settings.retired import GLOBAL
from POLYMARKET_MAKER.settings.schema import Unfit, declared, parse

Load = Callable[..., Settings]
ANCESTOR = Path(__file__).parent / "ancestor"
PAPER = {"POLY_RUN_MODE": "paper"}
LOOPBACK = Urls(
    clob="http://127.0.0.1:8001",
    ws_market="ws://127.0.0.1:8002/ws/market",
    ws_user="ws://127.0.0.1:8002/ws/user",
    gamma="http://localhost:8003",
    data="http://[::1]:8004",
)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load settings from what a test says, with an empty folder as the repository root."""

    def load(
        global_config: object = None,
        *,
        strategy: object = None,
        template: object = None,
        env: Mapping[str, str] = PAPER,
        **options: object,
    ) -> Settings:
        paths = {}
        for name, content in (
            ("global_config", global_config),
            ("strategy_config", strategy),
            ("run_config_template", template),
        ):
            paths[name] = tmp_path / f"{name}.json"
            text = content if isinstance(content, str) else json.dumps(content or {})
            paths[name].write_text(text, encoding="utf-8")
        made = Options(**paths, **options)  # type: ignore[arg-type]
        return load_settings(env=env, options=made, root=tmp_path)

    return load


def problems_of(load: Load, *args: object, **said: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(*args, **said)
    return caught.value.problems


# --- spellings --------------------------------------------------------------------------------


def test_empty_files_give_the_defaults(load: Load) -> None:
    settings = load()

    assert settings.scheduler == Scheduler()
    assert settings.scheduler.max_concurrent_tasks == 10
    assert settings.risk.max_notional_per_token == Decimal(25)
    assert settings.fallback_max_connections == 10
    assert settings.warnings == ()


@pytest.mark.parametrize(
    "spelling",
    [
        {"debug": {"ws_debug_raw": True}},
        {"ws_debug_raw": True},
        {"ws_raw": "true"},
        {"debug": {"ws_raw": True}},
    ],
)
def test_grouped_flat_and_old_spellings_mean_the_same(
    load: Load, spelling: dict[str, object]
) -> None:
    assert load(spelling).debug.ws_debug_raw


def test_two_spellings_that_disagree_are_an_error_that_names_both(load: Load) -> None:
    said = {"scheduler": {"max_concurrent_tasks": 4}, "max_concurrent_tasks": 5}

    assert problems_of(load, said) == (
        (
            "global_config.json: scheduler.max_concurrent_tasks and max_concurrent_tasks disagree; "
            "keep one of them"
        ),
    )


def test_two_spellings_that_agree_are_fine(load: Load) -> None:
    said = {"max_concurrent_tasks": 4, "scheduler": {"max_concurrent_tasks": 4}}

    assert load(said).scheduler.max_concurrent_tasks == 4


def test_an_unknown_key_suggests_the_nearest(load: Load) -> None:
    assert problems_of(load, {"scheduler": {"max_concurent_tasks": 4}}) == (
        (
            "global_config.json: unknown key 'max_concurent_tasks' in scheduler; "
            "did you mean 'max_concurrent_tasks'?"
        ),
    )


def test_a_key_in_the_wrong_group_suggests_its_own(load: Load) -> None:
    assert problems_of(load, {"paths": {"max_concurrent_tasks": 4}}) == (
        (
            "global_config.json: unknown key 'max_concurrent_tasks' in paths; "
            "did you mean 'scheduler.max_concurrent_tasks'?"
        ),
    )


def test_a_key_like_no_other_suggests_nothing(load: Load) -> None:
    assert problems_of(load, {"qqq": 1}) == ("global_config.json: unknown key 'qqq'",)


def test_all_problems_of_all_files_are_told_at_once(load: Load) -> None:
    problems = problems_of(
        load,
        {"scheduler": {"max_concurrent_tasks": 0}, "zzz": 1, "risk": 7},
        strategy={"default": {"order_size": -1}, "topics": {"1": {"drop_pct": "x"}, "2": 3}},
        template={"sell_mode": "fast"},
        env={"POLY_RUN_MODE": "paper", "POLY_CHAIN_ID": "x", "POLY_HOST": "ftp://h"},
    )

    assert set(problems) == {
        "global_config.json: scheduler.max_concurrent_tasks was 0, must be at least 1 (children)",
        "global_config.json: unknown key 'zzz'",
        "global_config.json: risk was 7, needs an object",
        (
            "strategy_config.json default: order_size was -1, must be greater than 0 (shares); "
            "null means none"
        ),
        "strategy_config.json topics.1: drop_pct was 'x', needs a number",
        "strategy_config.json: topics.2 was 3, needs an object",
        "run_config_template.json: sell_mode was 'fast', allowed are aggressive, conservative",
        "POLY_CHAIN_ID: was 'x', needs a whole number",
        "POLY_HOST: was ftp://h, needs https://host",
    }


def test_a_comment_key_is_ignored(load: Load) -> None:
    load({"_about": "mine", "scheduler": {"_why": "four cores"}}, strategy={"_x": 1})


def test_a_retired_key_warns_with_its_reason(load: Load) -> None:
    settings = load({"ws_silence_timeout_sec": 1200, "maker": {"poll_sec": 10}})

    assert settings.warnings == (
        (
            "global_config.json: ws_silence_timeout_sec has no effect: "
            "the line is judged by its heartbeat, a token by its own rhythm"
        ),
        (
            "global_config.json: maker.poll_sec has no effect: "
            "the program acts on what happens, it does not poll"
        ),
    )


def test_no_retired_key_is_alive() -> None:
    alive = {spelling for name, group in GLOBAL_GROUPS for each in declared(group, name)
             for spelling in each.spellings}  # fmt: skip

    assert not alive & GLOBAL.keys()


def test_no_two_keys_share_a_spelling() -> None:
    """Flat spelling works only as long as names are unique over all groups."""
    spellings = [
        spelling
        for name, group in GLOBAL_GROUPS
        for each in declared(group, name)
        for spelling in each.spellings
    ]

    assert len(spellings) == len(set(spellings))


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": True}', "is not JSON: expecting value at line 1 column 7; JSON writes true"),
        ("{", "is not JSON: expecting property name enclosed in double quotes at line 1 column 2"),
        ("[1]", "was [1], needs an object"),
        ('{"mode": "paper", "mode": "live"}', "key 'mode' stands twice in one object"),
        ('{"max_daily_loss": NaN}', "max_daily_loss was nan, needs a number"),
        ("[" * 100_000, "is not JSON: nested too deeply"),
    ],
)
def test_a_broken_file_is_one_sentence(load: Load, text: str, problem: str) -> None:
    assert problems_of(load, text) == (f"global_config.json: {problem}",)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    options = Options(global_config=tmp_path / "absent.json")

    with pytest.raises(SettingsError, match=r"absent\.json: cannot be read: No such file"):
        load_settings(env=PAPER, options=options, root=tmp_path)


def test_a_file_that_is_not_utf8_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes(b'{"_": "\xe9"}')

    with pytest.raises(SettingsError, match=r"latin\.json: is not UTF-8 at byte 7"):
        load_settings(env=PAPER, options=Options(global_config=path), root=tmp_path)


def test_a_byte_order_mark_is_no_problem(load: Load) -> None:
    assert load("\ufeff" + json.dumps({"max_concurrent_tasks": 3})).fallback_max_connections == 3


@hypothesis(deadline=None)  # two busy cores
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["scheduler", "risk", "mode", "x", "max_daily_loss"]) | st.text(), inner,
        max_size=4,
    ),
    max_leaves=12,
))  # fmt: skip
def test_any_json_is_read_or_refused_in_whole_sentences(data: object) -> None:
    findings = Findings()

    read = parse_json(json.dumps(data), "f.json", findings)
    Reader(GLOBAL_GROUPS, GLOBAL, findings).read(read, "f.json")

    assert all(each.startswith("f.json: ") for each in findings.problems)


# --- values -----------------------------------------------------------------------------------


def key_of(path: str) -> tuple[object, Callable[[object], object]]:
    found = next(
        each for name, group in GLOBAL_GROUPS for each in declared(group, name) if each.path == path
    )
    return found, lambda raw: parse(found, raw)


def test_fractions_stay_exact(load: Load) -> None:
    """0.1 + 0.2 is no price."""
    assert load({"exit_slippage": 0.1}).maker.exit_slippage == Decimal("0.1")
    assert load('{"max_daily_loss": 0.30000000000000000001}').risk.max_daily_loss == Decimal(
        "0.30000000000000000001"
    )


def test_on_and_off_are_true_and_false(load: Load) -> None:
    assert load({"dead_man": "off"}).risk.dead_man is False
    assert load({"dead_man": "On"}).risk.dead_man is True


@pytest.mark.parametrize(
    ("path", "raw", "problem"),
    [
        ("risk.max_daily_loss", 0, "was 0, must be greater than 0 (USD); null means none"),
        ("risk.max_daily_loss", True, "was true, needs a number"),
        ("risk.max_order_errors", 1.5, "was 1.5, needs a whole number"),
        ("risk.max_order_errors", None, "was null, needs a value"),
        ("risk.dead_man", 1, "was 1, needs true or false"),
        ("feed.ws_shared", None, "was null, needs a value"),
        ("maker.exit_slippage", "1e999999", "was '1e999999', must be at most 1 (USD per share)"),
        ("scheduler.on_supervisor_loss", "die", "was 'die', allowed are stop, continue"),
        ("tokens", "123", "was '123', needs a list of texts"),
        ("paths.log_directory", ["x"], "was ['x'], needs text"),
    ],
)
def test_a_value_that_does_not_fit_says_what_would(path: str, raw: object, problem: str) -> None:
    _, read = key_of(path)

    with pytest.raises(Unfit) as caught:
        read(raw)

    assert str(caught.value) == problem


def test_null_for_a_limit_means_none_and_warns(load: Load) -> None:
    settings = load({"risk": {"max_notional_total": None}})

    assert settings.risk.max_notional_total is None
    assert settings.warnings == (
        (
            "global_config.json: risk.max_notional_total is null: "
            "all tokens together may hold any amount"
        ),
    )


def test_null_for_any_other_key_says_nothing(load: Load) -> None:
    assert load({"max_concurrent_tasks": None}).scheduler.max_concurrent_tasks == 10


def test_enumerations_and_lists_are_typed(load: Load) -> None:
    settings = load({"on_supervisor_loss": "Continue", "tokens": ["12", 34]})

    assert settings.scheduler.on_supervisor_loss is SupervisorLoss.CONTINUE
    assert settings.tokens == ("12", "34")


# --- the ancestor's files ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "c", "flat"])
def test_the_ancestors_files_load_with_warnings_only(name: str, tmp_path: Path) -> None:
    options = Options(
        global_config=ANCESTOR / f"global_config_{name}.json",
        strategy_config=ANCESTOR / "strategy_defaults.json",
        run_config_template=ANCESTOR / f"run_params_{'a' if name == 'a' else 'c'}.json",
    )

    settings = load_settings(env=PAPER, options=options, root=tmp_path)

    assert len(settings.warnings) > 3
    assert all(" has no effect: " in each for each in settings.warnings)


def test_the_ancestors_values_are_taken(tmp_path: Path) -> None:
    env = {"POLY_KEY": "a" * 64, "POLY_FUNDER": "0x" + "b" * 40}
    options = Options(global_config=ANCESTOR / "global_config_flat.json")

    settings = load_settings(env=env, options=options, root=tmp_path)

    assert settings.mode is Mode.LIVE
    assert settings.scheduler.process_graceful_timeout_sec == 5.0
    assert settings.debug.ws_debug_raw
    assert settings.copytrade_tokens_path == Path("/srv/copytrade/tokens_from_copytrade.json")
    assert settings.handled_topics_path.parts[-2:] == ("data", "handled.json")


def test_the_shipped_files_load_without_a_warning() -> None:
    assert load_settings(env=PAPER, options=Options()).warnings == ()


# --- paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"mode": Mode.DEMO}, "demo"),
        ({"mode": Mode.PAPER}, "paper"),
        ({"mode": Mode.PAPER, "replay": Path("x.jsonl")}, "replay"),
    ],
)
def test_each_mode_but_live_has_data_of_its_own(
    load: Load, tmp_path: Path, options: dict[str, object], name: str
) -> None:
    settings = load({"paths": {"run_state_file": "data/state.json"}}, env={}, **options)

    assert settings.run_name == name
    assert settings.data_dir == tmp_path / "data" / name
    assert settings.log_dir == tmp_path / "logs" / name
    assert settings.status_path == tmp_path / "data" / name / "state.json"
    assert settings.handled_topics_path.parent == settings.data_dir


def test_live_has_data_and_logs_where_the_paths_say(load: Load, tmp_path: Path) -> None:
    env = {"POLY_KEY": "a" * 64, "POLY_FUNDER": "0x" + "b" * 40}

    settings = load(
        {"paths": {"data_directory": "run", "log_directory": "/var/log/maker"}}, env=env
    )

    assert settings.data_dir == tmp_path / "run"
    assert settings.log_dir == Path("/var/log/maker")
    assert settings.status_path == tmp_path / "run" / "autorun_status.json"


def test_the_environment_names_directories_as_they_are(load: Load, tmp_path: Path) -> None:
    env = {**PAPER, "POLY_DATA_DIR": str(tmp_path / "d"), "POLY_LOG_DIR": str(tmp_path / "l")}

    settings = load(env=env)

    assert (settings.data_dir, settings.log_dir) == (tmp_path / "d", tmp_path / "l")


# --- demo's addresses and the clock -----------------------------------------------------------


def test_a_demo_is_nowhere_until_its_simulator_runs(load: Load) -> None:
    settings = load(env={}, mode=Mode.DEMO)

    assert settings.urls.all_loopback
    assert settings.credentials is None

    pointed = with_urls(settings, LOOPBACK, Credentials("a" * 64, None, 0))
    assert pointed.urls == LOOPBACK
    assert pointed.credentials is not None


def test_a_demo_cannot_be_pointed_at_the_exchange(load: Load) -> None:
    settings = load(env={}, mode=Mode.DEMO)

    with pytest.raises(SettingsError, match="demo talks to this machine only"):
        with_urls(settings, Urls())


def test_the_clock_is_scaled_only_on_this_machine(load: Load) -> None:
    with pytest.raises(UsageError, match="every address must be on this machine"):
        load(env={}, mode=Mode.PAPER, clock_scale=60.0)

    one_is_not = {**LOOPBACK.to_env(), "POLY_GAMMA_ROOT": "https://gamma.example"}
    with pytest.raises(UsageError, match="every address must be on this machine"):
        load(env=one_is_not, mode=Mode.PAPER, clock_scale=60.0)

    assert load(env=LOOPBACK.to_env(), mode=Mode.PAPER, clock_scale=60.0).clock_scale == 60


def test_options_win_over_the_files(load: Load) -> None:
    said = {"tokens": ["1"], "ws_shared": True, "mode": "demo"}

    settings = load(said, env={}, mode=Mode.PAPER, tokens=("2",), ws_shared=False)

    assert settings.mode is Mode.PAPER
    assert settings.tokens == ("2",)
    assert settings.feed.ws_shared is False


def test_the_mode_is_told_together_with_other_problems(load: Load) -> None:
    problems = problems_of(load, {"zzz": 1}, env={})

    assert len(problems) == 2
    assert "--demo, --paper or --live" in problems[1]


def test_every_field_of_a_group_is_declared_with_a_meaning() -> None:
    for name, group in GLOBAL_GROUPS:
        keys = declared(group, name)
        assert len(keys) == len(fields(group))
        assert all(each.key.meaning.endswith(".") for each in keys)
    assert declared(General)[0].path == "mode"
