"""The live table: what it shows, in which order, and what the keys do."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from dataclasses import replace
from pathlib import Path

import pytest

from polyshared.doctor.livetable import COLUMNS, Row, View, arranged, pressed
from tests.doctor.house import ROOT, TOKENS, House, freeze, polyshared

LOW = Row("7111", "running", "shared", "live", 0.1, 0.2, 0.5, 0.0, 1.0, 0.4, "")
HIGH = replace(LOW, token="9333", bid=0.9, health="quiet", stage="risk: cap_token")
NONE = replace(LOW, token="8222", bid=None, state="stopped")
ROWS = (HIGH, NONE, LOW)


def typed(keys: str, view: View | None = None) -> View | None:
    found: View | None = view or View()
    for key in keys:
        assert found is not None
        found = pressed(found, key)
    return found


def tokens(view: View) -> list[str]:
    return [row.token for row in arranged(ROWS, view)]


def test_rows_stand_by_token_at_first_and_can_be_reversed() -> None:
    assert tokens(View()) == ["7111", "8222", "9333"]
    assert tokens(View(reverse=True)) == ["9333", "8222", "7111"]


@pytest.mark.parametrize(
    ("reverse", "order"), [(False, ["7111", "9333", "8222"]), (True, ["9333", "7111", "8222"])]
)
def test_what_is_not_known_stands_last_either_way(reverse: bool, order: list[str]) -> None:  # noqa: FBT001
    assert tokens(View(sort="bid", reverse=reverse)) == order


def test_s_goes_through_every_column_and_begins_anew() -> None:
    view = View()
    seen = []
    for _ in COLUMNS:
        seen.append(view.sort)
        view = pressed(view, "s") or view

    assert tuple(seen) == COLUMNS
    assert view.sort == COLUMNS[0]


def test_r_turns_the_order_and_q_ends() -> None:
    assert typed("r") == View(reverse=True)
    assert typed("rr") == View()
    assert typed("q") is None


def test_a_filter_is_typed_mended_and_kept_with_enter() -> None:
    assert typed("/capx\x7f") == View(only="cap", typing=True)
    assert typed("/cap\r") == View(only="cap")
    assert tokens(View(only="CAP_")) == ["9333"]
    assert tokens(View(only="822")) == ["8222"]


def test_keys_are_text_while_a_filter_is_typed_and_escape_drops_it() -> None:
    assert typed("/qsr") == View(only="qsr", typing=True)
    assert typed("/qsr\x1b") == View()


def test_without_a_terminal_each_token_is_one_line_when_it_changes(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        done = polyshared("watch", "--seconds", "2", "--data-dir", str(house.data_dir))

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) == len(TOKENS)  # nothing changed meanwhile
    assert all("source=shared" in line and "bid=0.49 ask=0.51" in line for line in lines)


def test_a_stopped_child_is_exit_code_1(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        freeze(house.child_pid())
        done = polyshared("watch", "--seconds", "0.1", "--data-dir", str(house.data_dir))

    assert done.returncode == 1
    assert "state=stopped" in done.stdout


def test_where_nothing_runs_it_is_exit_code_3(tmp_path: Path) -> None:
    done = polyshared("watch", "--data-dir", str(tmp_path))

    assert (done.returncode, done.stdout) == (3, "")


def test_on_a_terminal_it_is_a_table_that_q_ends(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "polyshared", "watch", "--data-dir", str(house.data_dir)],
            env={
                **os.environ,
                "TERM": "xterm",
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]]),
            },
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        shown = read_until(ours, b"q end")
        os.write(ours, b"sr")
        shown += read_until(ours, "state▼".encode())
        os.write(ours, b"q")
        code = process.wait(10)
        os.close(ours)
        os.close(theirs)

    assert code == 0
    assert shown.count(b"0.49") >= len(TOKENS)


def read_until(descriptor: int, text: bytes) -> bytes:
    found = b""
    ends = time.monotonic() + 15
    while text not in found:
        assert time.monotonic() < ends, found
        found += os.read(descriptor, 65536)
    return found
