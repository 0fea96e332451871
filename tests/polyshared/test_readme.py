"""The README shows what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import polyshared
from polyshared import SnapshotReader, cli
from tests.polyshared.kit import ROOT

README = (ROOT / "polyshared/README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_of_writing_does_what_its_comments_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    block = next(block for block in BLOCKS if "SnapshotWriter" in block)
    exec(block, {})  # noqa: S102 - the project's own text
    snapshot = SnapshotReader("data/ws_cache.json").read()

    assert snapshot.feed == {"state": "open"}
    assert snapshot.tokens["a"].fields == {"price": 0.6, "health": "quiet"}
    assert snapshot.tokens["a"].seq == 2
    assert re.findall(r"put\(.*?# (?:returns the entry's seq: )?(\d)", block) == ["1", "2", "2"]


def test_the_example_of_a_file_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(next(block for block in BLOCKS if "write_atomic" in block), {})  # noqa: S102 - likewise

    assert Path("status.json").read_bytes() == b"{}\n"


def test_every_command_of_the_library_is_shown() -> None:
    for command in ("show", "watch", "validate"):
        assert CliRunner().invoke(cli.app, [command, "--help"]).exit_code == 0
        assert f"polyshared {command}" in README


def test_every_error_and_reading_call_is_named() -> None:
    names = [name for name in polyshared.__all__ if name.startswith(("Snapshot", "Writer"))]
    names += ["entry(", "follow(", "feed(", "read(", "since(", "wakeup("]

    assert [name for name in names if name not in README and name != "Snapshot"] == []
