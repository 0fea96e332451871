"""Which data directory is meant, and which installation of the trading program."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from polyshared.doctor import processes
from polyshared.doctor.probe import Program
from polyshared.doctor.statusfiles import Supervisor, read_supervisor

VARIABLE = "POLY_DATA_DIR"
PACKAGE = "POLYMARKET_MAKER"
MODES = ("demo", "paper", "replay")  # live has the data directory itself


class SeveralSupervisors(Exception):
    """More than one supervisor runs and nothing says which is meant.

    Attributes:
        data_dirs: Theirs.
    """

    def __init__(self, data_dirs: list[Path]) -> None:
        super().__init__(data_dirs)
        self.data_dirs = data_dirs

    def __str__(self) -> str:
        names = ", ".join(str(each) for each in self.data_dirs)
        return f"{len(self.data_dirs)} supervisors run; name one with --data-dir: {names}"


@dataclass(frozen=True, slots=True)
class Located:
    """A data directory and how it was found: option, environment, supervisor or default."""

    data_dir: Path
    found_by: str


def locate(option: Path | None, environ: Mapping[str, str]) -> Located:
    """Find the data directory: the option, POLY_DATA_DIR, the running supervisor, ./data.

    Raises:
        SeveralSupervisors: Two or more run and neither option nor environment decides.
    """
    if option is not None:
        return Located(option, "option")
    if environ.get(VARIABLE):
        return Located(Path(environ[VARIABLE]), "environment")
    running = running_data_dirs()
    if len(running) > 1:
        raise SeveralSupervisors(running)
    if running:
        return Located(running[0], "supervisor")
    return Located(Path("data"), "default")


def running_data_dirs() -> list[Path]:
    """Return the data directory of every supervisor of this user that runs now."""
    found = {
        folder
        for script in processes.running_scripts(processes.SUPERVISOR_SCRIPT)
        for folder in _candidates(script)
        if _belongs_to(folder, script.pid)
    }
    return sorted(found)


def _candidates(script: processes.Script) -> Iterator[Path]:
    """Yield where a supervisor may keep its data: it holds its lock there open."""
    for file in processes.open_files(script.pid):
        yield file.parent
    data = script.path.resolve().parent / "data"
    yield data
    yield from (data / mode for mode in MODES)


def _belongs_to(folder: Path, pid: int) -> bool:
    status = read_supervisor(folder)
    if not isinstance(status, Supervisor) or status.pid != pid:
        return False
    return processes.look_up(pid, status.pid_started_s).life.is_alive


def program_of(status: object, data_dir: Path) -> Program | None:
    """Return the installation that a supervisor runs from, else the nearest one.

    Returns:
        None when there is none: polyshared is a library of its own.
    """
    if isinstance(status, Supervisor) and status.interpreter and status.root:
        root = Path(status.root).absolute()
        if (root / PACKAGE).is_dir():
            return Program(str(root / status.interpreter), root, "supervisor")
    beside = Path(__file__).resolve().parents[2]
    for root in (beside, Path.cwd(), *data_dir.absolute().parents[:2]):
        if (root / PACKAGE).is_dir():
            return Program(sys.executable, root, "here")
    return None


def log_folder(data_dir: Path, status: object) -> Path:
    """Return where the program of a data directory logs: as it says, else as the layout has it.

    ``data`` has ``logs`` beside it, ``data/demo`` has ``logs/demo``.
    """
    if isinstance(status, Supervisor) and status.log_dir and Path(status.log_dir).is_dir():
        return Path(status.log_dir)
    absolute = data_dir.absolute()
    if absolute.name in MODES:
        return absolute.parent.parent / "logs" / absolute.name
    return absolute.parent / "logs"
