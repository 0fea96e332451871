"""What ``--fix`` may do by itself: local, harmless when done twice, and undone by hand.

Never orders, keys, packages, or processes. A child or an aggregator that should begin anew
is not ended from here: the supervisor is asked to do it.
"""

from __future__ import annotations

import getpass
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from polyshared._atomic import clean_temporaries, process_exists
from polyshared.doctor import control
from polyshared.doctor.graph import Fix, Row, Status

IN_USE_S = 600.0
ANSWER_S = 10.0


class CannotFix(Exception):
    """It was not done; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that can be done.

    Attributes:
        check: The check that asks for it.
        text: What will be done, one clause.
        act: Does it; returns what was done.

    """

    check: str
    text: str
    act: Callable[[], str]


def plan(rows: Iterable[Row], data_dir: Path) -> list[Step]:
    """Return what can be done about the rows that are not well."""
    return [
        _step(row, row.fix, data_dir)
        for row in rows
        if row.status in (Status.WARN, Status.FAIL) and row.fix is not None and row.fix.auto
    ]


def _step(row: Row, fix: Fix, data_dir: Path) -> Step:
    assert fix.action is not None  # as plan() asked
    act = ACTIONS[fix.action]
    return Step(row.id, fix.text, lambda: act(data_dir, fix.target))


def _open_directory(data_dir: Path, _: str) -> str:
    """Give ourselves the right to write; somebody else's directory stays as it is."""
    status = data_dir.stat()
    if status.st_uid != os.getuid():
        raise CannotFix(f"{data_dir} belongs to user {status.st_uid}")
    mode = stat.S_IMODE(status.st_mode)
    data_dir.chmod(mode | stat.S_IRWXU)
    return f"{data_dir}: mode was {mode:04o}, is {mode | stat.S_IRWXU:04o}"


def _clean_temporaries(data_dir: Path, _: str) -> str:
    folders = [data_dir, data_dir / "children", data_dir / control.FOLDER]
    removed = sum(
        clean_temporaries(folder, own=(), is_alive=process_exists)
        for folder in folders
        if folder.is_dir()
    )
    return f"{removed} temporary files of dead processes removed"


def _set_log_aside(_: Path, name: str) -> str:
    """Rename a log that nobody writes to any more; the supervisor begins a new one."""
    path = Path(name)
    quiet_s = time.time() - path.stat().st_mtime
    if quiet_s < IN_USE_S:
        raise CannotFix(f"{path} was written {quiet_s:.0f} s ago: its process still uses it")
    aside = path.with_name(f"{path.name}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    path.rename(aside)
    return f"{path} is now {aside.name}; remove it when you do not need it"


def _restart(data_dir: Path, token: str) -> str:
    """Ask the supervisor to begin a child, or without a token the aggregator, anew."""
    try:
        answer = control.ask(
            data_dir, "restart", token=token or None, by=getpass.getuser(), timeout_s=ANSWER_S
        )
    except control.NoAnswer as error:
        raise CannotFix(str(error)) from error
    if not answer.ok:
        raise CannotFix(f"the supervisor refused: {answer.message}")
    return answer.message or "restarted"


ACTIONS: Mapping[str, Callable[[Path, str], str]] = {
    "open_directory": _open_directory,
    "clean_temporaries": _clean_temporaries,
    "set_log_aside": _set_log_aside,
    "restart": _restart,
}


def carry_out(step: Step) -> tuple[bool, str]:
    """Do one step; return whether it was done, and what to say of it."""
    try:
        return True, step.act()
    except CannotFix as error:
        return False, str(error)
    except OSError as error:
        return False, f"{error.filename or step.text}: {error.strerror}"
