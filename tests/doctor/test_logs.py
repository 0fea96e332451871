"""The end of the logs: errors, and the two texts that the checklist greps for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyshared.doctor.logs import broken_lines, digest, look, parse_error, tail

STAMP = "2026-11-20T15:11:03.500Z"


def line(event: str, **more: object) -> str:
    return json.dumps({"timestamp": STAMP, "event": event, "message": "said", **more})


def test_an_entry_keeps_what_stood_beside_the_message() -> None:
    entry = parse_error(line("flush", fields={"event": "flush", "reason": "disk full"}).encode())

    assert entry is not None
    assert (entry.at, entry.event) == (1795187463.5, "flush")
    assert entry.message == "said reason=disk full"


@given(st.binary(max_size=200))
def test_no_line_is_too_broken_to_pass_over(raw: bytes) -> None:
    parse_error(raw)


def test_the_newest_supervisors_log_is_searched(tmp_path: Path) -> None:
    old, new = tmp_path / "autorun_main_1.log", tmp_path / "autorun_main_2.log"
    old.write_text("无法启动 WS 聚合器: no module\n", encoding="utf-8")
    new.write_text("[WS] 聚合订阅启动，tokens=4\n", encoding="utf-8")
    os.utime(old, (1.0, 1.0))

    found = look(tmp_path)

    assert found.main_log == new
    assert found.not_started_lines == ()
    assert found.started_lines == ("[WS] 聚合订阅启动，tokens=4",)


def test_a_start_that_failed_at_first_and_then_served_is_over(tmp_path: Path) -> None:
    """The network was not there yet. Where it fails again afterwards, that counts."""
    log = tmp_path / "autorun_main_1.log"
    log.write_text("无法启动 WS 聚合器: no line\n[WS] 聚合订阅启动，tokens=4\n", encoding="utf-8")
    healed = look(tmp_path).not_started_lines
    with log.open("a", encoding="utf-8") as file:
        file.write("无法启动 WS 聚合器: lock\n")

    assert healed == ()
    assert look(tmp_path).not_started_lines == ("无法启动 WS 聚合器: lock",)


def test_errors_are_counted_and_broken_lines_too(tmp_path: Path) -> None:
    lines = [line("a"), line("b"), "{half a li", line("a")]
    (tmp_path / "errors.jsonl").write_text("\n".join(lines), encoding="utf-8")

    found = look(tmp_path)

    assert digest(list(found.errors)) == [("a", 2), ("b", 1)]
    assert broken_lines(tmp_path) == 1
    assert len(found.recent(1795187463.5 + 60, within_s=61)) == 3
    assert found.recent(1795187463.5 + 60, within_s=59) == []


@pytest.mark.parametrize("size", [1, 5, 11, 12, 24, 1000])
def test_the_tail_holds_whole_lines_only(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"first line\nsecond line\nthird line\n")

    assert all(
        each in (b"first line", b"second line", b"third line") for each in tail(path, size=size)
    )


def test_no_folder_is_no_error(tmp_path: Path) -> None:
    found = look(tmp_path / "none")

    assert found.errors == ()
    assert found.largest is None
