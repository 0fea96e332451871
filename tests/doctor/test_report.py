"""What is printed: one object for programs; rows, counts and one cure for people."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest

from polyshared.doctor.graph import DoctorExit, Fix, Row, Status
from polyshared.doctor.locate import Located
from polyshared.doctor.report import Report, as_json, print_report


def row(name: str, status: Status, **more: object) -> Row:
    values: dict[str, object] = {
        "evidence": {}, "fix": None, "blocked_by": None, "duration_ms": 1.25, **more,
    }  # fmt: skip
    return Row(name, name.partition(".")[0], "title", status, f"detail of {name}", **values)  # type: ignore[arg-type]


ROWS = [
    row("env.deps", Status.OK, evidence={"age": math.inf, "path": Path("x")}),
    row("agg.running", Status.FAIL, fix=Fix("start it", "python poly_maker_autorun.py")),
    row("cache.fresh", Status.SKIP, blocked_by="agg.running"),
    row("cache.exists", Status.WARN),
]


def report(rows: list[Row], code: DoctorExit = DoctorExit.FAILED) -> Report:
    return Report(rows, code, Located(Path("data"), "option"), 1795187463.0, "1.0.0")


def text(rows: list[Row], code: DoctorExit = DoctorExit.FAILED) -> str:
    out = io.StringIO()
    print_report(report(rows, code), out)
    return out.getvalue()


def test_the_object_has_the_promised_keys() -> None:
    said = json.loads(as_json(report(ROWS)))

    assert said["schema"] == 1
    assert said["tool"] == "polyshared"
    assert said["generated_at"] == "2026-11-20T15:11:03Z"
    assert said["healthy"] is False
    assert said["exit_code"] == 1
    assert said["summary"] == {"ok": 1, "warn": 1, "fail": 1, "skip": 1}
    assert said["root_cause"] == "agg.running"
    assert said["checks"][1]["fix"] == {
        "text": "start it", "command": "python poly_maker_autorun.py", "auto": False,
    }  # fmt: skip
    assert said["checks"][2]["blocked_by"] == "agg.running"


def test_numbers_that_json_does_not_know_are_null() -> None:
    said = json.loads(as_json(report(ROWS)), parse_constant=pytest.fail)

    assert said["checks"][0]["evidence"] == {"age": None, "path": "x"}


def test_the_last_line_names_one_cause_and_its_cure() -> None:
    last = text(ROWS).splitlines()[-2:]

    assert " ".join(last) == (
        "root cause: agg.running: detail of agg.running; cure: start it: python "
        "poly_maker_autorun.py"
    )


def test_no_line_is_wider_than_a_terminal_of_80(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = Row("agg.running", "agg", "t", Status.FAIL, "word " * 60, {}, Fix("do " * 50), None, 0.0)

    assert max(map(len, text([*ROWS, long]).splitlines())) <= 80


def test_without_a_terminal_there_is_no_colour() -> None:
    assert "\x1b" not in text(ROWS)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(*, environ: dict[str, str], coloured: bool) -> None:
    out = Terminal()
    print_report(report(ROWS), out, environ=environ)

    assert ("\x1b[31mfail\x1b[0m" in out.getvalue()) is coloured


def test_rows_that_do_not_apply_for_one_reason_share_a_line() -> None:
    idle = [
        Row(f"agg.{name}", "agg", "t", Status.SKIP, "no supervisor runs here", {}, None, None, 0.0)
        for name in ("running", "thread", "socket")
    ]

    said = text(idle, DoctorExit.NOTHING_RUNS)

    assert "  skip  3 checks          no supervisor runs here" in said
    assert "agg.thread" not in said
    assert said.splitlines()[-1].startswith("nothing runs in data")
