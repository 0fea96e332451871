"""The disk fills up, the directory goes, something else takes the file's place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.torture.stage import (
    Outcome,
    Readers,
    cover_read_only,
    force_remove,
    line_of,
    running,
    uncover,
    wrongs,
)

KEYS = 50
MODES = ["lane", "lane", "file", "whole"]
TROUBLE_S = 1.5
HEAL_S = 2.5


def fill(path: Path) -> None:
    with suppress(OSError), (path.parent / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


def unfill(path: Path) -> None:
    (path.parent / "filler").unlink()


def read_only(path: Path) -> None:
    cover_read_only(path.parent)


def writable(path: Path) -> None:
    uncover(path.parent)


def remove_directory(path: Path) -> None:
    """Take the whole directory away, with lock, owner file and board."""
    path.parent.rename(path.parent.with_name("gone"))


def nothing(path: Path) -> None:
    """Healing is the writer's own business."""
    del path


def garbage(path: Path) -> None:
    path.write_bytes(b"\0garbage" * 1000)


def directory(path: Path) -> None:
    while True:  # the writer puts its file back between the two steps, sometimes
        force_remove(path)
        with suppress(FileExistsError):
            path.mkdir()
            return


def fifo(path: Path) -> None:
    while True:
        force_remove(path)
        with suppress(FileExistsError):
            os.mkfifo(path)
            return


def link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(b"precious")
    while True:
        force_remove(path)
        with suppress(FileExistsError):
            path.symlink_to(elsewhere)
            return


Step = Callable[[Path], None]
ON_A_DISK: dict[str, tuple[Step, Step]] = {
    "disk full": (fill, unfill),
    "read-only": (read_only, writable),
}
ANYWHERE: dict[str, tuple[Step, Step]] = {
    "directory removed": (remove_directory, nothing),
    "garbage": (garbage, nothing),
    "a directory": (directory, force_remove),
    "a FIFO": (fifo, nothing),
    "a symbolic link": (link, nothing),
}


def run(path: Path, harm: Step, heal: Step, *, seed: int, pause_s: float) -> Outcome:
    with (
        running("writer", path, KEYS, seed) as writer,
        Readers(path, keys=KEYS, seed=seed, modes=MODES, max_age_s=1.0, pause_s=pause_s) as readers,
    ):
        line_of(writer)
        time.sleep(0.5)
        harm(path)
        time.sleep(TROUBLE_S)
        heal(path)
        time.sleep(HEAL_S)
        is_alive = writer.poll() is None
        reports = readers.finish()
    problems = wrongs(reports)
    if not is_alive:
        problems.append("the writer died")
    for number, report in enumerate(reports):
        state = report["states"][-1][1]
        if state != "ok":
            problems.append(f"reader {number} ({MODES[number]}) ended with {state}")
    failed = {
        f"{MODES[number]} {number}": {o: n for o, n in each["outcomes"].items() if o != "ok"}
        for number, each in enumerate(reports)
    }
    return Outcome(problems, f"outcomes other than ok, by reader: {failed}")
