"""--show-config shows what holds and why; docs/settings.md says what can be said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.settings import Options, load_settings, show
from POLYMARKET_MAKER.settings.names import BY_NAME
from POLYMARKET_MAKER.settings.reference import reference

ENV = {
    "POLY_KEY": "0x" + "5e" * 32,
    "POLY_FUNDER": "0x" + "b" * 40,
    "POLY_API_KEY": "sesame-key",
    "POLY_API_SECRET": "sesame-secret",
    "POLY_API_PASSPHRASE": "sesame-phrase",
    "POLY_HOST": "https://clob.example",
}


@pytest.fixture
def shown(tmp_path: Path) -> str:
    files: dict[str, Any] = {}
    for name, text in (
        ("global_config", '{"max_concurrent_tasks": 3, "webhook_url": "https://h.example/sesame"}'),
        ("strategy_config", '{"default": {"order_size": 10}, "topics": {"12": {"drop_pct": 2}}}'),
        ("run_config_template", '{"drop_pct": 0.01, "side": "x"}'),
    ):
        files[name] = tmp_path / f"{name}.json"
        files[name].write_text(text)
    return show(load_settings(env=ENV, options=Options(**files), root=tmp_path))


def line(shown: str, start: str) -> str:
    found = next(each for each in shown.splitlines() if each.startswith(f"{start} "))
    return " ".join(found.split())


def test_each_value_stands_with_its_origin(shown: str) -> None:
    assert line(shown, "mode") == "mode live environment POLY_KEY and POLY_FUNDER"
    assert line(shown, "POLY_HOST") == "POLY_HOST https://clob.example environment"
    assert line(shown, "scheduler.max_concurrent_tasks") == (
        "scheduler.max_concurrent_tasks 3 children global_config.json max_concurrent_tasks"
    )
    assert line(shown, "risk.max_daily_loss") == "risk.max_daily_loss 20 USD default"
    assert line(shown, "order_size") == (
        "order_size 10 shares strategy_config.json default order_size"
    )


def test_a_topic_shows_what_it_changes(shown: str) -> None:
    _, _, topic = shown.partition("# strategy of 12, where it differs\n")

    assert topic.splitlines()[0].split() == [
        "drop_pct", "0.02", "ratio", "strategy_config.json", "topics.12", "drop_pct",
    ]  # fmt: skip


def test_secrets_are_stars(shown: str) -> None:
    assert "sesame" not in shown
    assert "5e5e" not in shown
    assert line(shown, "POLY_KEY") == "POLY_KEY ***"
    assert line(shown, "alerts.webhook_url") == (
        "alerts.webhook_url *** global_config.json webhook_url"
    )


def test_warnings_are_shown_too(shown: str) -> None:
    assert "# warning: run_config_template.json: side has no effect: " in shown


def test_the_page_in_docs_is_exact(root: Path) -> None:
    """Make it anew: python -m POLYMARKET_MAKER.settings > docs/settings.md."""
    assert (root / "docs" / "settings.md").read_text(encoding="utf-8") == reference()


def test_the_example_of_the_file_of_secrets_names_known_variables(root: Path) -> None:
    text = (root / ".env.example").read_text(encoding="utf-8")

    names = set(re.findall(r"^#? ?([A-Z_]+)=", text, flags=re.MULTILINE))

    assert {"POLY_KEY", "POLY_FUNDER", "POLY_SIGNATURE"} <= names
    assert names <= BY_NAME.keys()
