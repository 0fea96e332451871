"""The processes of a scene."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: object, script: str = "actors.py") -> subprocess.Popen[str]:
    """Start a program of this folder; for an actor, its role comes first."""
    script = str(Path(__file__).with_name(script))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@contextmanager
def running(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run an actor as long as the block runs, or until it ends by itself."""
    process = start(*arguments)
    try:
        yield process
    finally:
        end(process)


class Outcome(NamedTuple):
    """What a scene showed.

    Attributes:
        problems: Promises that were broken.
        summary: One line of figures.
    """

    problems: list[str]
    summary: str


class Readers:
    """Some readers of one snapshot, and what they say in the end.

    Without *pause_s* between two reads each takes as much of a processor as it gets.
    """

    def __init__(
        self,
        path: Path,
        *,
        keys: int,
        seed: int,
        modes: list[str],
        max_age_s: float,
        pause_s: float,
    ) -> None:
        self.processes = [
            start("reader", path, keys, seed + number, mode, max_age_s, pause_s)
            for number, mode in enumerate(modes)
        ]
        for process in self.processes:
            assert line_of(process) == "ready"

    def finish(self) -> list[dict[str, Any]]:
        """End them. A reader that crashed has no last line, and that is raised."""
        reports = []
        for process in self.processes:
            output, _ = process.communicate("\n", timeout=60)
            reports.append(json.loads(output))
        return reports

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                end(process)


def wrongs(reports: list[dict[str, Any]]) -> list[str]:
    return [
        f"reader {number}: {wrong}"
        for number, each in enumerate(reports)
        for wrong in each["wrong"]
    ]


@contextmanager
def scratch() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="torture-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def small_disk(size: str) -> Iterator[Path | None]:
    """Mount a small tmpfs; None where that is not allowed."""
    with scratch() as directory:
        is_root = os.geteuid() == 0
        if not is_root or not mount("mount", "-t", "tmpfs", "-o", f"size={size}", "x", directory):
            yield None
            return
        try:
            yield directory
        finally:
            while mount("umount", "-l", directory):  # a scene may have left a cover on it
                pass


def cover_read_only(directory: Path) -> None:
    """Lay a read-only view of a directory over it: it stops root too."""
    assert mount("mount", "--bind", directory, directory)
    assert mount("mount", "-o", "remount,bind,ro", directory)


def uncover(directory: Path) -> None:
    assert mount("umount", "-l", directory)  # a reader may have a file open in it


def mount(program: str, *arguments: str | Path) -> bool:
    """Run mount or umount. Returns whether it worked."""
    command = [shutil.which(program) or program, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def force_remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
