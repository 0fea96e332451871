"""Whom to watch."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.settings import Target, load_copytrade_config

ANCESTOR = Path(__file__).parent / "ancestor"
ACCOUNT = "0x" + "1" * 40


def test_the_ancestors_file_loads() -> None:
    config = load_copytrade_config(ANCESTOR / "copytrade_config.json")

    assert config.source.poll_interval_sec == 60
    assert config.source.initial_lookback_sec == 3600
    assert config.targets == (
        Target(account=ACCOUNT, min_size=Decimal(10)),
        Target(account="0x" + "2" * 40, enabled=False),
    )
    assert config.warnings == ()


def test_the_shipped_file_watches_nobody() -> None:
    from POLYMARKET_MAKER.settings import Options  # noqa: PLC0415 - only its folder

    path = Options().global_config.with_name("copytrade_config.json")

    assert load_copytrade_config(path).targets == ()


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "copytrade_config.json"
    path.write_text(json.dumps({
        "poll_interval_sec": 0,
        "target": [],
        "targets": [{"account": "me"}, {"acount": ACCOUNT}, 7, {"account": ACCOUNT},
                    {"account": ACCOUNT, "min_size": -1}],
    }))  # fmt: skip

    with pytest.raises(SettingsError) as caught:
        load_copytrade_config(path)

    assert caught.value.problems == (
        "copytrade_config.json targets[0]: account needs 0x and 40 hex digits",
        "copytrade_config.json targets[1]: unknown key 'acount'; did you mean 'account'?",
        "copytrade_config.json targets[1]: account needs 0x and 40 hex digits",
        "copytrade_config.json targets[2]: needs an object",
        "copytrade_config.json targets[4]: min_size was -1, must be at least 0 (shares)",
        "copytrade_config.json: poll_interval_sec was 0, must be at least 1 (s)",
        "copytrade_config.json: unknown key 'target'",
        f"copytrade_config.json: targets names {ACCOUNT} twice",
    )
