"""A file changed while the program runs: all of it or nothing, and never looser."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.settings import (
    Options,
    Settings,
    Takes,
    build_run_params,
    load_settings,
    reload_settings,
    tightened,
)
from POLYMARKET_MAKER.settings.groups import Risk
from POLYMARKET_MAKER.settings.model import GLOBAL_GROUPS
from POLYMARKET_MAKER.settings.reload import EXCEPTIONS, GROUPS
from POLYMARKET_MAKER.settings.schema import declared

Write = Callable[..., Options]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(
        global_config: object = None, strategy: object = None, *, template: object = None,
        **options: object,
    ) -> Options:  # fmt: skip
        files = {}
        for name, content in (
            ("global_config", global_config),
            ("strategy_config", strategy),
            ("run_config_template", template),
        ):
            files[name] = tmp_path / f"{name}.json"
            files[name].write_text(
                content if isinstance(content, str) else json.dumps(content or {})
            )
        return Options(**files, **options)  # type: ignore[arg-type]

    return write


def start(options: Options, **env: str) -> Settings:
    root = options.global_config.parent
    return load_settings(env={"POLY_RUN_MODE": "paper", **env}, options=options, root=root)


def test_unchanged_files_change_nothing(write: Write) -> None:
    before = start(write({"max_concurrent_tasks": 3}))

    after = reload_settings(before)

    assert after.changes == ()
    assert after.settings == before


def test_a_changed_key_is_taken_and_told(write: Write) -> None:
    before = start(write({"max_concurrent_tasks": 3}))
    write({"max_concurrent_tasks": 5, "tokens": ["7"]})

    after = reload_settings(before)

    assert after.settings.scheduler.max_concurrent_tasks == 5
    assert after.settings.tokens == ("7",)
    assert [str(each) for each in after.changes] == [
        "scheduler.max_concurrent_tasks: 3 -> 5, at once",
        "tokens: - -> 7, at once",
    ]


def test_a_bad_file_keeps_everything_as_it_was(write: Write) -> None:
    before = start(write())
    write({"max_concurrent_tasks": 5, "max_daily_loss": 0}, '{"default": ')

    with pytest.raises(SettingsError) as caught:
        reload_settings(before)

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("before", "after", "taken"),
    [(20, 10, True), (20, 30, False), (20, None, False), (None, 30, True)],
)
def test_a_limit_is_lowered_at_once_and_raised_by_a_restart(
    write: Write,
    before: int | None,
    after: int | None,
    taken: bool,  # noqa: FBT001
) -> None:
    settings = start(write({"max_daily_loss": before}))
    write({"max_daily_loss": after})

    reloaded = reload_settings(settings)

    said = before if not taken else after
    assert reloaded.settings.risk.max_daily_loss == (None if said is None else Decimal(said))
    assert reloaded.changes[0].takes is (Takes.NOW if taken else Takes.RESTART)


def test_paths_and_mode_never_change_while_it_runs(write: Write, tmp_path: Path) -> None:
    options = write({"mode": "paper"})
    before = load_settings(env={}, options=options, root=tmp_path)
    write({"mode": "live", "data_directory": "elsewhere"})

    after = reload_settings(before)

    assert (after.settings.mode, after.settings.data_dir) == (before.mode, before.data_dir)
    assert [str(each) for each in after.changes] == [
        "paths.data_directory: data -> elsewhere, after a restart",
        "mode: paper -> live, after a restart",
    ]


def test_what_an_option_decided_is_not_the_files_to_change(write: Write) -> None:
    before = start(write({}, tokens=("1",), ws_shared=False, verbose=True), POLY_WS_DEBUG_RAW="1")
    write({"tokens": ["2"], "ws_shared": True, "mode": "live", "log_level": "error"})

    after = reload_settings(before)

    assert after.changes == ()
    assert after.settings.tokens == ("1",)
    assert after.settings.feed.ws_shared is False
    assert after.settings.debug.ws_debug_raw


def test_a_strategy_changes_for_the_next_child(write: Write) -> None:
    before = start(write(strategy={"default": {"order_size": 10}}))
    write(strategy={"default": {"order_size": 20}, "topics": {"12": {"drop_pct": 0.02}}})

    after = reload_settings(before)

    assert build_run_params(after.settings, "12")["order_size"] == 20
    assert [str(each) for each in after.changes] == [
        "strategy order_size: 10 -> 20, for each child at its next start",
        "strategy of 12 order_size: 10 -> 20, for each child at its next start",
        "strategy of 12 drop_pct: 0.05 -> 0.02, for each child at its next start",
    ]


def test_a_secret_that_changed_is_not_told(write: Write) -> None:
    before = start(write())
    write({"webhook_url": "https://hooks.example/s3cr3t"})

    (change,) = reload_settings(before).changes

    assert str(change) == "alerts.webhook_url: *** -> ***, at once"


def test_a_running_child_takes_the_tighter_limits_only() -> None:
    now = Risk(max_notional_total=None, max_daily_loss=Decimal(20), max_order_errors=5)
    said = Risk(max_notional_total=Decimal(50), max_daily_loss=Decimal(30), max_order_errors=2,
                adopt_wallet_positions=True)  # fmt: skip

    assert tightened(now, said) == Risk(
        max_notional_total=Decimal(50), max_daily_loss=Decimal(20), max_order_errors=2
    )


def test_every_key_says_when_it_takes_effect() -> None:
    paths = {each.path for name, group in GLOBAL_GROUPS for each in declared(group, name)}

    assert EXCEPTIONS.keys() <= paths
    assert {path.partition(".")[0] for path in paths if "." in path} == GROUPS.keys()
    assert {path for path in paths if "." not in path} <= EXCEPTIONS.keys()
