"""Keep data and logs bounded over weeks: rotate the children's logs, archive ended tokens.

Nothing is thrown away but the oldest rotated piece of a log that grew too large: what
belongs to a token that ended long ago goes, compressed, to ``archive/`` beside it. A
file of a token that runs, waits, or has a live process by its status file is never touched.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.processes import started_s

ROTATE_BYTES = 20_000_000
PIECES_KEPT = 5
DAY_S = 86_400.0
ARCHIVE_AFTER_S = 7 * DAY_S
ROTATE_EVERY_S = 60.0
ARCHIVE_EVERY_S = 3600.0
ARCHIVE = "archive"

_CHILD_LOG = re.compile(r"autorun_(?:exit_)?(?P<token>[0-9]+)\.log(?:\.[0-9]+)?")
_MAIN_LOG = re.compile(r"autorun_main_[0-9_]+\.log(?:\.[0-9]+)?")
_TOKEN_DATA = re.compile(r"(?:run_params|exit_signal)_(?P<token>[0-9]+)\.json")
_CHILD_DATA = re.compile(r"(?P<token>[0-9]+)\.(?:json|bell)")


class _ChildFile(msgspec.Struct):
    pid: int | None = None
    pid_started_s: float | None = None


class Housekeeping:
    """What is done once a minute and once an hour, a little at a time.

    Args:
        data_dir: Data of this run.
        log_dir: Its logs.
        in_use: Returns the tokens that run or wait, and so keep all their files.
        clock: The clock; a week is a week here, whatever the rehearsal's scale is.
    """

    def __init__(
        self, data_dir: Path, log_dir: Path, *, in_use: Callable[[], Collection[str]], clock: Clock
    ) -> None:
        self._data_dir = data_dir
        self._log_dir = log_dir
        self._in_use = in_use
        self._clock = clock
        self._rotated_mono = clock.mono()
        self._archived_mono = float("-inf")
        self._todo: list[Path] = []

    def work(self) -> None:
        """Do what is due. At most one file is archived in a turn, so that no turn is long."""
        mono = self._clock.mono()
        try:
            if mono - self._rotated_mono >= ROTATE_EVERY_S:
                self._rotated_mono = mono
                self.rotate_logs()
            if mono - self._archived_mono >= ARCHIVE_EVERY_S:
                self._archived_mono = mono
                self._todo = self.old_files()
            if self._todo:
                self.archive(self._todo.pop())
        except OSError as error:
            if log.every(3600, "housekeeping"):
                log.error("[RUN]", event="housekeeping", reason=str(error))

    def rotate_logs(self) -> None:
        """Set aside the content of every child's log that has grown too large.

        A child appends to a file that it never opens again, so the file is copied and
        then emptied. A line written between the two is lost; nothing but people reads it.
        """
        for path in _files(self._log_dir):
            if _CHILD_LOG.fullmatch(path.name) and path.suffix == ".log":
                with suppress(FileNotFoundError):
                    if path.stat().st_size >= ROTATE_BYTES:
                        _set_aside(path)

    def old_files(self) -> list[Path]:
        """Return the files of tokens, and of earlier runs, that nobody uses any more."""
        in_use = set(self._in_use()) | self._alive()
        by_token: dict[str, list[Path]] = {}
        for path, token_id in self._of_tokens():
            by_token.setdefault(token_id, []).append(path)
        found = [
            path
            for token_id, paths in by_token.items()
            if token_id not in in_use and all(self._is_old(path) for path in paths)
            for path in paths
        ]
        mains = [path for path in _files(self._log_dir) if _MAIN_LOG.fullmatch(path.name)]
        # A clock that was set forward makes also the log of this run look old.
        return found + [path for path in mains if self._is_old(path) and not _is_open_here(path)]

    def archive(self, path: Path) -> None:
        """Move *path*, compressed, to the archive beside it; asked again whether it is in use."""
        match = next(filter(None, (p.fullmatch(path.name) for p in _BY_TOKEN)), None)
        if match is not None and match["token"] in set(self._in_use()) | self._alive():
            return
        if not self._is_old(path):
            return
        if path.suffix == ".bell":  # it holds nothing
            path.unlink()
            return
        folder = path.parent / ARCHIVE
        folder.mkdir(exist_ok=True)
        stamp = int(path.stat().st_mtime)
        _compress(path, folder / f"{path.name}.{stamp}.gz")
        path.unlink()
        log.info("[RUN]", event="archived", file=path.name)

    def _of_tokens(self) -> Iterator[tuple[Path, str]]:
        places = (
            (self._log_dir, _CHILD_LOG),
            (self._data_dir, _TOKEN_DATA),
            (self._data_dir / "children", _CHILD_DATA),
        )
        for folder, pattern in places:
            for path in _files(folder):
                match = pattern.fullmatch(path.name)
                if match is not None:
                    yield path, match["token"]

    def _alive(self) -> set[str]:
        """Return the tokens whose status file names a live process, as one started by hand."""
        alive = set()
        for path in _files(self._data_dir / "children"):
            if path.suffix == ".json" and _is_alive(path):
                alive.add(path.stem)
        return alive

    def _is_old(self, path: Path) -> bool:
        try:
            return self._clock.now() - path.stat().st_mtime >= ARCHIVE_AFTER_S
        except FileNotFoundError:
            return False


_BY_TOKEN = (_CHILD_LOG, _TOKEN_DATA, _CHILD_DATA)


def _files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(each.path) for each in entries if each.is_file())
    except FileNotFoundError:
        return []


def _is_open_here(path: Path) -> bool:
    """Whether this very process has the file open."""
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # closed since
            if os.path.samestat(os.fstat(int(name)), os.stat(path)):
                return True
    return False


def _is_alive(path: Path) -> bool:
    try:
        said = msgspec.json.decode(path.read_bytes(), type=_ChildFile)
    except (OSError, msgspec.MsgspecError):
        return True  # when in doubt it is in use
    if said.pid is None:
        return False
    now_s = started_s(said.pid)
    return now_s is not None and (said.pid_started_s is None or now_s == said.pid_started_s)


def _set_aside(path: Path) -> None:
    """Copy a log to ``.1``, the older pieces one further, and empty it for who appends to it."""
    copy = path.with_name(f"{path.name}.new")
    try:
        shutil.copyfile(path, copy)
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    for number in range(PIECES_KEPT - 1, 0, -1):
        with suppress(FileNotFoundError):
            os.replace(_piece(path, number), _piece(path, number + 1))
    os.replace(copy, _piece(path, 1))
    os.truncate(path, 0)


def _piece(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _compress(path: Path, to: Path) -> None:
    """Write *path* to *to*, whole or not at all."""
    half = to.with_name(f"{to.name}.tmp")
    try:
        with open(path, "rb") as plain, gzip.open(half, "wb", compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed)
        os.replace(half, to)
    except OSError:
        half.unlink(missing_ok=True)
        raise
