"""Real processes, real faults: which check says so, and nothing else does."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.house import (
    GOOD_IMPORT,
    TOKENS,
    Examined,
    House,
    answer,
    doctor,
    end,
    examine,
    freeze,
)


def only_failure(examined: Examined) -> str:
    failed = examined.with_status("fail")
    assert len(failed) == 1, [(name, examined.detail(name)) for name in failed]
    return failed[0]


def test_nothing_is_wrong_where_nothing_is_wrong(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        examined = house.examine()

    assert [(n, examined.detail(n)) for n in examined.with_status("fail")] == []
    assert [(n, examined.detail(n)) for n in examined.with_status("warn")] == []
    assert examined.rows["child.count"].detail == "3 of 3 run"
    assert examined.rows["cache.advancing"].status == "ok"


def test_a_stopped_child_is_named_with_the_command_that_continues_it(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        pid = house.child_pid(TOKENS[1])
        freeze(pid)
        examined = house.examine()

    assert only_failure(examined) == "child.responding"
    row = examined.rows["child.responding"]
    assert f"(pid {pid})" in row.detail
    assert row.fix is not None
    assert row.fix.command == f"kill -CONT {pid}"


def test_a_killed_child_is_missing(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        end(house.child_pid())
        examined = house.examine()

    assert only_failure(examined) == "child.count"
    assert examined.rows["child.responding"].status != "fail"


def test_a_stopped_supervisor_is_the_cause_of_the_silent_file(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        freeze(house.supervisor_pid)
        examined = house.examine()

    assert only_failure(examined) == "agg.running"
    assert "state T" in examined.detail("agg.running")
    assert examined.rows["cache.advancing"].blocked_by == "agg.running"
    assert examined.rows["cache.json"].status == "ok"


def test_a_killed_supervisor_is_a_crash_and_its_children_are_orphans(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        end(house.supervisor_pid)
        examined = house.examine()

    assert set(examined.with_status("fail")) == {"agg.running", "child.orphans"}
    assert "killed or it crashed" in examined.detail("agg.running")


def test_garbage_in_the_file_is_seen_although_the_writer_replaces_it(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        stop = threading.Event()

        def spoil() -> None:
            while not stop.wait(0.01):
                house.cache.write_bytes(b'{"tokens": {')

        spoiler = threading.Thread(target=spoil)
        spoiler.start()
        try:
            examined = house.examine()
        finally:
            stop.set()
            spoiler.join()

    assert only_failure(examined) == "cache.json"
    assert examined.rows["child.last_px"].status != "fail"


def test_garbage_under_a_stopped_supervisor_is_named_beside_it(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        freeze(house.supervisor_pid)
        house.cache.write_bytes(b"\xff\x00garbage")
        examined = house.examine()

    assert examined.with_status("fail") == ["agg.running", "cache.json"]


@pytest.mark.parametrize(
    ("plan", "cause", "text"),
    [
        (
            {"writes": False, "aggregator": {"state": "failed", "error": "No module named x"}},
            "agg.thread",
            "No module named x",
        ),
        (
            {
                "status": {"started_at": 1.0},
                "aggregator": {
                    "state": "starting",
                    "connections": [{"state": "down", "last_close": "refused"}],
                },
            },
            "agg.socket",
            "line 0 is down (refused)",
        ),
        ({"writes": False}, "cache.exists", "does not exist"),
        ({"aggregator": {"wanted": 5}}, "agg.subscribed", "3 of 5 tokens confirmed"),
        ({"aggregator": {"connections": []}}, "agg.connections", "0 connections for 3 tokens"),
        (
            {"aggregator": {"unreadable": 2, "first_unreadable": "{]"}},
            "agg.frames",
            "2 frames could not be read",
        ),
        ({"entries": {"best_bid": 0.0}}, "cache.values", "best_bid was 0.0"),
        ({"entries": {"best_bid": 0.6}}, "cache.values", "bid 0.6 is not below ask 0.51"),
        ({"entries": {"health": "resync"}}, "cache.health", "no quote may be traded on"),
        ({"children": {"mode": "live"}}, "child.mode", "another mode"),
        ({"children": {"reads": {"missing": 9}}}, "child.reading", "never read a quote"),
        (
            {"children": {"stages": {"risk": {"state": "fail", "reason": "no_ledger"}}}},
            "strat.stages",
            "risk: no_ledger",
        ),
        ({"children": {"boottime_s": 1.0}}, "child.responding", "silent for"),
        ({"status": {"boottime_s": 1.0}}, "agg.running", "lives, but its status"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_fault_is_one_failure(
    tmp_path: Path, plan: dict[str, Any], cause: str, text: str
) -> None:
    with House(tmp_path, **plan) as house:
        examined = house.examine()

    assert only_failure(examined) == cause
    assert text in examined.detail(cause)


@pytest.mark.parametrize("reason", ["killed", "paused"])
def test_what_was_stopped_by_hand_is_a_warning_that_says_how_to_go_on(
    tmp_path: Path, reason: str
) -> None:
    """Nobody remembers it in the morning; "no fault found" would be the wrong last line."""
    stages = {"risk": {"state": "blocked", "reason": reason, "since": 1.0}}
    with House(tmp_path, children={"stages": stages}) as house:
        done = doctor("strat", "--data-dir", str(house.data_dir))

    assert done.returncode == 0
    last = " ".join(done.stdout.partition("exit code 0")[2].split())
    assert last.startswith("no fault; first warning: strat.stages: stopped by hand")
    assert last.endswith("polyshared resume")


def test_a_missing_websocket_client_explains_that_the_program_does_not_import(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    data = json.loads(json.dumps(GOOD_IMPORT))
    for item in data["items"]:
        if item["name"] in ("websocket", "POLYMARKET_MAKER.worker"):
            item.update(ok=False, error="No module named 'websocket'")
    house.answer(answer("import", data, reason="websocket: No module named 'websocket'"))
    with house:
        examined = house.examine()

    assert only_failure(examined) == "env.websocket"
    assert examined.rows["agg.import"].blocked_by == "env.websocket"
    assert examined.rows["agg.running"].status == "ok"


def test_unreadable_settings_are_named(tmp_path: Path) -> None:
    house = House(tmp_path)
    said = "global_config.json: unknown key 'max_concurent_tasks' in scheduler"
    house.answer(answer("settings", {}, reason=said))
    with house:
        examined = house.examine()

    assert only_failure(examined) == "config.load"
    assert examined.detail("config.load").startswith(said)


def test_an_empty_directory_has_nothing_to_judge(tmp_path: Path) -> None:
    examined = examine(tmp_path)

    runtime = ("agg.running", "cache.exists", "cache.json", "child.count", "order.recent")
    assert {examined.rows[name].status.value for name in runtime} == {"skip"}


def test_a_status_file_that_is_garbage_is_named(tmp_path: Path) -> None:
    (tmp_path / "autorun_status.json").write_bytes(b"\xff{")

    examined = examine(tmp_path)

    assert only_failure(examined) == "agg.running"
    assert "autorun_status.json" in examined.detail("agg.running")


def test_a_program_that_is_only_half_there_does_not_hide_a_running_one(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        (house.root / "POLYMARKET_MAKER" / "probe.py").unlink()
        examined = house.examine()

    assert examined.with_status("fail")[0] == "env.python"
    assert "No module named POLYMARKET_MAKER.probe" in examined.detail("env.python")
    assert examined.rows["agg.running"].status == "ok"
    assert examined.rows["cache.json"].status == "ok"
