"""The README shows what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import polyshared
from polyshared import SnapshotReader, SnapshotWriter, cli
from tests.polyshared.kit import ROOT, line_of, program

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
    assert snapshot.tokens["a"].fields == {"price": 0.7, "health": "live"}
    assert snapshot.tokens["a"].seq == 3
    said = re.findall(r"put(?:_text)?\(.*?# (?:returns the entry's seq: )?(\d)", block)
    assert said == ["1", "2", "2", "3"]


def test_the_example_of_reading_says_why_it_cannot_and_then_prints_what_was_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    block = next(block for block in BLOCKS if "SnapshotReader" in block)
    with program(f"import os, sys; os.chdir(sys.argv[1])\n{block}", tmp_path) as process:
        before = line_of(process)
        with SnapshotWriter(tmp_path / "data/ws_cache.json").start() as writer:
            writer.put("a", {"price": 0.5})
            after = line_of(process)
            while after.startswith("data/ws_cache.json: "):
                after = line_of(process)

    assert before == "data/ws_cache.json: does not exist; is the writer running?"
    assert after.split()[:2] == ["0.5", "1"]


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
