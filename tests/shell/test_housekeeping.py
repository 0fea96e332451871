"""Logs stay bounded, ended tokens go to the archive, and nothing in use is ever touched."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from POLYMARKET_MAKER import housekeeping
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.housekeeping import ARCHIVE_AFTER_S, DAY_S, PIECES_KEPT, Housekeeping
from POLYMARKET_MAKER.processes import started_s

OLD, NEW = "111", "222"
APPEND = """
import os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while text := sys.stdin.readline():
    os.write(log, text.encode())
    print("written", flush=True)
"""


@dataclass(frozen=True, slots=True)
class InDays(Clock):
    """A clock that is some days ahead."""

    days: float = 0.0

    def now(self) -> float:
        return time.time() + self.days * DAY_S


def house(root: Path, *, in_use: tuple[str, ...] = (), days: float = 0.0) -> Housekeeping:
    for folder in (root / "data" / "children", root / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    return Housekeeping(
        root / "data", root / "logs", in_use=lambda: in_use, clock=InDays(days=days)
    )


def files_of(root: Path, token_id: str) -> list[Path]:
    """Make all that a token leaves behind."""
    data, logs = root / "data", root / "logs"
    paths = [
        logs / f"autorun_{token_id}.log",
        logs / f"autorun_{token_id}.log.1",
        logs / f"autorun_exit_{token_id}.log",
        data / f"run_params_{token_id}.json",
        data / f"exit_signal_{token_id}.json",
        data / "children" / f"{token_id}.json",
        data / "children" / f"{token_id}.bell",
    ]
    for path in paths:
        path.write_text(json.dumps({"pid": None, "name": path.name}))
    return paths


def test_a_log_is_rotated_under_a_process_that_goes_on_appending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "ROTATE_BYTES", 10)
    keeper = house(tmp_path)
    path = tmp_path / "logs" / f"autorun_{NEW}.log"
    with subprocess.Popen(
        [sys.executable, "-c", APPEND, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for text in ("first line\n", "second line\n"):
            child.stdin.write(text)
            child.stdin.flush()
            assert child.stdout.readline() == "written\n"
            keeper.rotate_logs()
        child.stdin.write("third\n")
        child.stdin.close()

    assert path.read_text() == "third\n"
    assert path.with_name(f"{path.name}.1").read_text() == "second line\n"
    assert path.with_name(f"{path.name}.2").read_text() == "first line\n"


def test_only_so_many_pieces_of_a_log_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "ROTATE_BYTES", 1)
    keeper = house(tmp_path)
    path = tmp_path / "logs" / f"autorun_{NEW}.log"
    for number in range(PIECES_KEPT + 3):
        path.write_text(f"line {number}\n")
        keeper.rotate_logs()

    pieces = sorted(each.name for each in path.parent.iterdir())
    assert pieces == [path.name, *(f"{path.name}.{number}" for number in range(1, PIECES_KEPT + 1))]
    assert path.with_name(f"{path.name}.1").read_text() == f"line {PIECES_KEPT + 2}\n"


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    keeper = house(tmp_path)
    path = tmp_path / "logs" / f"autorun_{NEW}.log"
    path.write_text("line\n")
    keeper.rotate_logs()

    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_week_after_its_end_a_token_is_in_the_archive_and_can_be_read_there(
    tmp_path: Path,
) -> None:
    keeper = house(tmp_path, days=7.1)
    paths = files_of(tmp_path, OLD)
    texts = {path.name: path.read_text() for path in paths}
    for path in keeper.old_files():
        keeper.archive(path)

    assert [path for path in paths if path.exists()] == []
    for path in paths:
        if path.suffix != ".bell":
            archived = (path.parent / "archive").iterdir()
            [packed] = [each for each in archived if each.name.rsplit(".", 2)[0] == path.name]
            assert gzip.decompress(packed.read_bytes()).decode() == texts[path.name]


def test_before_the_week_is_over_everything_stays(tmp_path: Path) -> None:
    keeper = house(tmp_path, days=6.9)
    files_of(tmp_path, OLD)

    assert keeper.old_files() == []


def test_a_token_that_runs_or_waits_keeps_its_old_files(tmp_path: Path) -> None:
    """The ancestor removed run_params that were in use."""
    keeper = house(tmp_path, in_use=(OLD,), days=30)
    files_of(tmp_path, OLD)

    assert keeper.old_files() == []


def test_one_young_file_keeps_all_of_its_token(tmp_path: Path) -> None:
    keeper = house(tmp_path, days=7.1)
    paths = files_of(tmp_path, OLD)
    ahead = time.time() + DAY_S
    os.utime(paths[0], (ahead, ahead))

    assert keeper.old_files() == []


def test_a_live_process_that_nobody_here_started_keeps_its_files(tmp_path: Path) -> None:
    keeper = house(tmp_path, days=30)
    paths = files_of(tmp_path, OLD)
    status = tmp_path / "data" / "children" / f"{OLD}.json"
    status.write_text(json.dumps({"pid": os.getpid(), "pid_started_s": started_s()}))
    assert keeper.old_files() == []

    status.write_text(json.dumps({"pid": os.getpid(), "pid_started_s": 1.0}))
    assert set(keeper.old_files()) == set(paths), "the pid is somebody else's by now"


def test_a_token_that_comes_back_while_it_is_archived_keeps_the_rest(tmp_path: Path) -> None:
    keeper = house(tmp_path, days=7.1)
    files_of(tmp_path, OLD)
    found = keeper.old_files()
    later = house(tmp_path, in_use=(OLD,), days=7.1)
    for path in found:
        later.archive(path)

    assert all(path.exists() for path in found)


def test_logs_of_earlier_runs_are_archived_too_and_other_files_are_not(tmp_path: Path) -> None:
    keeper = house(tmp_path, days=8)
    main = tmp_path / "logs" / "autorun_main_20261101_101500.log"
    others = [
        tmp_path / "logs" / "notes.txt",
        tmp_path / "logs" / "errors.jsonl",
        tmp_path / "data" / "ledger.db",
        tmp_path / "data" / "PAUSE.json",
    ]
    for path in (main, *others):
        path.write_text("x")

    assert keeper.old_files() == [main]


def test_the_log_of_this_run_stays_where_it_is_however_old_a_clock_makes_it_look(
    tmp_path: Path,
) -> None:
    """It would go on writing to a file that has no name any more."""
    keeper = house(tmp_path, days=400)
    ours = tmp_path / "logs" / "autorun_main_20261120_101500.log"
    with ours.open("w"):
        assert keeper.old_files() == []

    assert keeper.old_files() == [ours]


def test_one_file_is_archived_in_a_turn(tmp_path: Path) -> None:
    keeper = house(tmp_path, days=7.1)
    paths = files_of(tmp_path, OLD)
    keeper.work()

    assert sum(path.exists() for path in paths) == len(paths) - 1
    assert ARCHIVE_AFTER_S == 7 * 24 * 3600
