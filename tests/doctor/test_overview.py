"""One screen of what runs, and the digest of errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polyshared.doctor.overview import shares
from tests.doctor.house import TOKENS, House, freeze, polyshared


def test_the_screen_has_a_line_for_each_child_and_80_columns(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        done = polyshared("status", "--data-dir", str(house.data_dir))

    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(house.data_dir))
    rows = [line.split() for line in done.stdout.splitlines() if "…" in line]
    assert [row[1:5] for row in rows] == [["running", "shared", "0.49", "0.51"]] * 3


LATE = {"lag_ms": {"p50": 0.42, "p99": 2.1, "count": 40}, "last_order": {"at": 1.0,
        "data_age_ms": 210.4}}  # fmt: skip


@pytest.mark.parametrize(
    ("children", "text", "lag_ms", "age_ms"),
    [
        (
            LATE,
            "worst child: frame to child p50 0.4 ms, p99 2.1 ms; quote age at order 210 ms",
            {"p50": 0.42, "p99": 2.1},
            210.4,
        ),
        (
            {"lag_ms": {}},
            "frame to child not known yet; quote age at order not known yet",
            {"p50": None, "p99": None},
            None,
        ),
    ],
)
def test_it_says_how_late_a_quote_is_at_the_child_and_at_the_order(
    tmp_path: Path,
    children: dict[str, Any],
    text: str,
    lag_ms: dict[str, float | None],
    age_ms: float | None,
) -> None:
    with House(tmp_path, children=children) as house:
        shown = polyshared("status", "--data-dir", str(house.data_dir)).stdout
        told = polyshared("status", "--json", "--data-dir", str(house.data_dir)).stdout

    child = json.loads(told)["children"][TOKENS[0]]
    assert text in " ".join(shown.split())
    assert (child["lag_ms"], child["data_age_ms"]) == (lag_ms, age_ms)


def test_a_stopped_child_is_seen_and_is_exit_code_1(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        freeze(house.child_pid(TOKENS[1]))
        done = polyshared("status", "--json", "--data-dir", str(house.data_dir))

    states = {token: row["state"] for token, row in json.loads(done.stdout)["children"].items()}
    assert states == {TOKENS[0]: "running", TOKENS[1]: "stopped", TOKENS[2]: "running"}
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("size", "shown"), [("20.00", "20"), ("0.00", "0"), ("12.680", "12.68"), ("100", "100")]
)
def test_a_size_is_shown_without_the_zeros_that_a_sum_leaves(size: str, shown: str) -> None:
    assert shares(size) == shown


def test_nothing_runs_is_exit_code_3_and_a_sentence(tmp_path: Path) -> None:
    done = polyshared("status", "--data-dir", str(tmp_path))

    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing runs" in done.stderr


@pytest.mark.parametrize("asked", [("status",), ("why", "7132")])
def test_a_status_that_cannot_be_read_is_not_called_nothing(
    tmp_path: Path, asked: tuple[str, ...]
) -> None:
    (tmp_path / "autorun_status.json").write_text('{"pid": 1', encoding="utf-8")

    done = polyshared(*asked, "--data-dir", str(tmp_path))

    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing runs" not in done.stderr
    assert "autorun_status.json" in done.stderr


def error_line(event: str, stamp: str, message: str) -> str:
    return json.dumps({"timestamp": stamp, "event": event, "message": message})


def test_errors_are_counted_by_event_with_the_last_message(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    lines = [
        error_line("flush_failed", "2026-11-20T15:11:03.123Z", "disk full"),
        error_line("aggregator_failed", "2026-11-20T15:12:00.000Z", "port in use"),
        "not json",
        error_line("flush_failed", "2026-11-20T15:13:00.000Z", "disk still full"),
    ]
    (tmp_path / "logs" / "errors.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    done = polyshared(
        "errors", "--json", "--hours", "1000000", "--data-dir", str(tmp_path / "data")
    )

    events = json.loads(done.stdout)["events"]
    assert [(e["event"], e["count"], e["message"]) for e in events] == [
        ("flush_failed", 2, "disk still full"),
        ("aggregator_failed", 1, "port in use"),
    ]
    assert done.returncode == 1
    assert "1 of the last lines of errors.jsonl cannot be read" in done.stderr


def test_without_errors_there_is_nothing_to_count(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()

    done = polyshared("errors", "--data-dir", str(tmp_path / "data"))

    assert done.returncode == 0
    assert done.stdout.startswith("no error")
