"""What doctor found, for people and for programs."""

from __future__ import annotations

import json
import math
import os
import shutil
import textwrap
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from polyshared.doctor.graph import DoctorExit, Row, Status, root_cause
from polyshared.doctor.locate import Located

SCHEMA = 1
MAX_WIDTH = 100
_COLOURS = {Status.OK: "32", Status.WARN: "33", Status.FAIL: "31", Status.SKIP: "2"}
_ORDER = (Status.OK, Status.WARN, Status.FAIL, Status.SKIP)
_ID_WIDTH = 18
_INDENT = " " * (2 + 6 + _ID_WIDTH)


@dataclass(frozen=True, slots=True)
class Report:
    """One run of doctor."""

    rows: Sequence[Row]
    exit_code: DoctorExit
    located: Located
    at: float
    version: str
    verbose: bool = False

    @property
    def summary(self) -> dict[str, int]:
        return {each.value: sum(row.status is each for row in self.rows) for each in _ORDER}


def as_json(report: Report) -> str:
    """Return the object that contracts promise, and nothing else."""
    cause = root_cause(report.rows)
    return json.dumps(
        {
            "schema": SCHEMA,
            "tool": "polyshared",
            "version": report.version,
            "generated_at": _iso(report.at),
            "healthy": report.exit_code is DoctorExit.HEALTHY,
            "exit_code": int(report.exit_code),
            "data_dir": str(report.located.data_dir),
            "summary": report.summary,
            "root_cause": cause.id if cause is not None else None,
            "checks": [_check(row) for row in report.rows],
        },
        ensure_ascii=False,
        default=str,
        allow_nan=False,
    )


def _check(row: Row) -> dict[str, object]:
    fix = row.fix and {"text": row.fix.text, "command": row.fix.command, "auto": row.fix.auto}
    return {
        "id": row.id,
        "group": row.group,
        "status": row.status.value,
        "title": row.title,
        "detail": row.detail,
        "evidence": _finite(row.evidence),
        "fix": fix,
        "blocked_by": row.blocked_by,
        "duration_ms": round(row.duration_ms, 3),
    }


def _finite(value: object) -> object:
    """Return *value* with numbers that JSON does not know replaced by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def print_report(report: Report, out: TextIO, *, environ: Mapping[str, str] = os.environ) -> None:
    """Print rows by group, the counts, and last the one root cause with its cure."""
    colour = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    width = min(shutil.get_terminal_size((80, 24)).columns, MAX_WIDTH)
    lines = [f"data directory {report.located.data_dir} ({report.located.found_by})"]
    for group in dict.fromkeys(row.group for row in report.rows):
        rows = [row for row in report.rows if row.group == group]
        lines += ["", group, *_group_lines(rows, width, colour=colour, verbose=report.verbose)]
    counts = ", ".join(f"{number} {name}" for name, number in report.summary.items())
    lines += ["", f"{counts}; exit code {int(report.exit_code)}"]
    lines += _wrap(_last_words(report), width, "")
    out.write("\n".join(lines) + "\n")


def _group_lines(rows: Sequence[Row], width: int, *, colour: bool, verbose: bool) -> list[str]:
    """Return one line a row; rows that do not apply for one and the same reason share one."""
    lines, told = [], set()
    reasons = Counter(row.detail for row in rows if _does_not_apply(row))
    for row in rows:
        alike = reasons[row.detail] if _does_not_apply(row) and not verbose else 1
        if alike == 1:
            lines += _row_lines(row, width=width, colour=colour, verbose=verbose)
        elif row.detail not in told:
            told.add(row.detail)
            word = _paint("skip", Status.SKIP, colour=colour)
            lines.append(f"  {word}  {f'{alike} checks':<{_ID_WIDTH}}{row.detail}")
    return lines


def _does_not_apply(row: Row) -> bool:
    return row.status is Status.SKIP and row.blocked_by is None


def _row_lines(row: Row, *, width: int, colour: bool, verbose: bool) -> list[str]:
    word = f"{row.status.value:<4}"
    detail = f"blocked by {row.blocked_by}: {row.detail}" if row.blocked_by else row.detail
    head = f"{row.id:<{_ID_WIDTH}}"
    body = _wrap(detail, width, _INDENT)
    lines = [f"  {_paint(word, row.status, colour=colour)}  {head}{body[0].lstrip()}", *body[1:]]
    if row.fix is not None and row.status in (Status.FAIL, Status.WARN):
        lines += _wrap(f"→ {_cure(row)}", width, _INDENT)
    if verbose:
        lines += _wrap(f"({row.title}; {row.duration_ms:.1f} ms)", width, _INDENT)
        for name, value in row.evidence.items():
            lines += _wrap(f"{name}: {value}", width, _INDENT)
    return lines


def _paint(word: str, status: Status, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[status]}m{word}\x1b[0m" if colour else word


def _wrap(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    ) or [indent]


def _cure(row: Row) -> str:
    if row.fix is None:
        return "no cure is known"
    return f"{row.fix.text}: {row.fix.command}" if row.fix.command else row.fix.text


def _last_words(report: Report) -> str:
    cause = root_cause(report.rows)
    if cause is not None:
        return f"root cause: {cause.id}: {cause.detail}; cure: {_cure(cause)}"
    if report.exit_code is DoctorExit.NOTHING_RUNS:
        return f"nothing runs in {report.located.data_dir}; start python poly_maker_autorun.py"
    warned = next((row for row in report.rows if row.status is Status.WARN), None)
    if warned is not None:
        cure = f"; cure: {_cure(warned)}" if warned.fix is not None else ""
        return f"no fault; first warning: {warned.id}: {warned.detail}{cure}"
    return "no fault found"
