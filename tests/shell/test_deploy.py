"""The files of deploy/, held against what they are for and against the program."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from POLYMARKET_MAKER.account_desk import CANCEL_S
from POLYMARKET_MAKER.errors import SupervisorExit
from POLYMARKET_MAKER.settings.groups import Scheduler
from tests.support.program import ROOT, run_program

DEPLOY = ROOT / "deploy"
STOP_S = Scheduler().process_graceful_timeout_sec + CANCEL_S


def unit() -> dict[str, str]:
    """Return the last value of every directive of the unit."""
    lines = (DEPLOY / "polymaker.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def copied() -> list[str]:
    """Return what the Dockerfile takes out of the repository."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    return [line.split()[1].rstrip("/") for line in lines if line.startswith("COPY ")]


def ignored(name: str) -> bool:
    """Whether .dockerignore keeps a path of the repository out of the image."""
    patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    parts = name.split("/")
    prefixes = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return any(
        fnmatch.fnmatch(prefix, pattern) or fnmatch.fnmatch(f"x/{prefix}", pattern)
        for prefix in prefixes
        for pattern in patterns
    )


@pytest.mark.parametrize("with_drop_in", [False, True])
def test_systemd_accepts_the_unit(tmp_path: Path, *, with_drop_in: bool) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed here")
    text = (DEPLOY / "polymaker.service").read_text()
    here = text.replace("/opt/polymaker/.venv/bin/python", sys.executable).replace(
        "/opt/polymaker", str(ROOT)
    )
    # Who runs it and where is each machine's own; this one has no such user.
    here = re.sub(r"^(User|Group)=.*$", "", here, flags=re.MULTILINE)
    path = tmp_path / "polymaker.service"
    path.write_text(here)
    if with_drop_in:
        (tmp_path / "polymaker.service.d").mkdir()
        shutil.copy(DEPLOY / "continue.conf", tmp_path / "polymaker.service.d")
    done = subprocess.run(
        [verify, "verify", str(path)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_does_not_repeat_what_trying_again_cannot_change() -> None:
    codes = {int(code) for code in unit()["RestartPreventExitStatus"].split()}

    assert codes == {SupervisorExit.USAGE, SupervisorExit.SETTINGS}
    assert unit()["RestartSec"] == "30"
    assert unit()["Type"] == "notify"


def test_every_child_is_asked_and_has_the_time_to_cancel() -> None:
    assert unit()["KillMode"] == "control-group"
    assert int(unit()["TimeoutStopSec"]) > STOP_S
    assert "KillMode=process" in (DEPLOY / "continue.conf").read_text().splitlines()
    compose = (DEPLOY / "compose.yaml").read_text()
    grace = re.search(r"stop_grace_period: (\d+)s", compose)
    assert grace is not None
    assert int(grace[1]) > STOP_S


def test_the_unit_starts_the_program_and_can_write_where_it_writes() -> None:
    command = unit()["ExecStart"].split()
    assert Path(command[1]).name == "poly_maker_autorun.py"
    assert "--no-repl" in command
    assert unit()["ReadWritePaths"].split() == ["/opt/polymaker/data", "/opt/polymaker/logs"]


@pytest.mark.parametrize(
    "name",
    [".env", ".env.live", "deploy/.env", "data/ledger.db", "logs/errors.jsonl", ".git/config"],
)
def test_no_image_holds_secrets_or_what_a_run_wrote(name: str) -> None:
    assert ignored(name)


def test_all_that_the_image_needs_is_in_it() -> None:
    for name in copied():
        assert (ROOT / name).exists(), name
        assert not ignored(name), name
    assert {"requirements.txt", "polyshared", "POLYMARKET_MAKER"} <= set(copied())


def test_secrets_come_at_run_time() -> None:
    assert "env_file: ../.env" in (DEPLOY / "compose.yaml").read_text()
    assert not re.search(r"POLY_KEY|PRIVATE", (DEPLOY / "Dockerfile").read_text())


@pytest.mark.timeout(120)
def test_what_the_image_holds_is_enough_to_run(tmp_path: Path) -> None:
    """The Dockerfile's COPY and last RUN step, in a clean directory; pip needs a network."""
    for name in copied():
        source = ROOT / name
        if source.is_dir():
            skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, tmp_path / name, ignore=skipped)
        else:
            shutil.copy(source, tmp_path / name)
    for folder in ("data", "logs"):
        (tmp_path / folder).mkdir()

    compiled = run_program("-m", "compileall", "-q", "POLYMARKET_MAKER", "polyshared", cwd=tmp_path)
    assert (compiled.code, compiled.err) == (0, "")
    shown = run_program("poly_maker_autorun.py", "--paper", "--show-config", cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert "max_notional_total" in shown.out
    health = run_program("-m", "polyshared", "status", "--data-dir", "data", cwd=tmp_path)
    assert health.code == 3, "nothing runs yet"
