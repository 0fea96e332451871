"""A data directory with real processes in it, for doctor to look at.

The supervisor is a real process that holds a real snapshot writer; children are real
processes that it starts. Both say what docs/status.md lets them say, and can be told to
say or do something wrong. The trading program's probe answers from files.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from polyshared._clock import boot_s
from polyshared.doctor import command
from polyshared.doctor.checks import select
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Row
from polyshared.doctor.locate import Located

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
Done = subprocess.CompletedProcess[str]
TOKENS = tuple(f"{first}1321046679552845215562000{first}" for first in "789")

GOOD_IMPORT: dict[str, Any] = {
    "python": {
        "version": "3.11.7",
        "executable": sys.executable,
        "prefix": sys.prefix,
        "encoding": "UTF-8",
        "utf8_mode": False,
        "filesystem_encoding": "utf-8",
        "pythonpath": [],
        "root": str(ROOT),
    },
    "items": [
        {
            "name": name,
            "distribution": name,
            "purpose": "trading",
            "ok": True,
            "version": "1.0",
            "file": f"/lib/{name}.py",
            "error": None,
            "took_ms": 1.0,
        }
        for name in ("websocket", "py_clob_client_v2", "py_clob_client", "POLYMARKET_MAKER.worker")
    ],
}


GOOD_LEDGER: dict[str, Any] = {
    "open_orders": {"0x1": TOKENS[0]},
    "unresolved": {},
    "foreign_orders": 0,
}


def answer(subject: str, data: Mapping[str, Any], *, reason: str | None = None) -> dict[str, Any]:
    return {
        "schema": 1,
        "subject": subject,
        "available": True,
        "ok": reason is None,
        "reason": reason,
        "data": data,
    }


class House:
    """One data directory.

    Args:
        base: An empty folder.
        plan: Given to the supervisor; see ``programs/poly_maker_autorun.py``.
    """

    def __init__(self, base: Path, **plan: Any) -> None:
        self.data_dir = base / "data"
        self.root = base / "root"
        self.data_dir.mkdir()
        (self.root / "POLYMARKET_MAKER").mkdir(parents=True)
        script = (PROGRAMS / "probe.py").read_text(encoding="utf-8")
        (self.root / "POLYMARKET_MAKER" / "__init__.py").touch()
        (self.root / "POLYMARKET_MAKER" / "probe.py").write_text(script, encoding="utf-8")
        self.answer(answer("import", GOOD_IMPORT))
        self.answer(answer("settings", {"mode": "demo", "warnings": []}))
        read = {"account_read_at": time.time(), "account_read_boot_s": boot_s()}
        self.answer(answer("ledger", {**GOOD_LEDGER, **read}))
        (self.data_dir / "ledger.db").touch()
        self.plan = {"tokens": TOKENS, "root": str(self.root), **plan}
        self._supervisor: subprocess.Popen[str] | None = None

    @property
    def cache(self) -> Path:
        return self.data_dir / "ws_cache.json"

    def answer(self, said: Mapping[str, Any]) -> None:
        """Set what the probe answers to one question."""
        text = json.dumps(said)
        (self.root / f"{said['subject']}.json").write_text(text, encoding="utf-8")

    def __enter__(self) -> Self:
        """Start the supervisor and its children, and wait until all have spoken."""
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])}
        self._supervisor = subprocess.Popen(
            [
                sys.executable,
                str(PROGRAMS / "poly_maker_autorun.py"),
                str(self.data_dir),
                json.dumps(self.plan),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._supervisor.stdout is not None
        assert self._supervisor.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process of the house."""
        assert self._supervisor is not None
        os.killpg(self._supervisor.pid, signal.SIGKILL)
        self._supervisor.wait()
        assert self._supervisor.stdout is not None
        self._supervisor.stdout.close()

    @property
    def supervisor_pid(self) -> int:
        assert self._supervisor is not None
        return self._supervisor.pid

    def child_pid(self, token: str = TOKENS[0]) -> int:
        pid = json.loads((self.data_dir / "children" / f"{token}.json").read_text())["pid"]
        assert isinstance(pid, int)
        return pid

    def examine(self, *, timeout_s: float = 18.0) -> Examined:
        """Run every check on this house."""
        return examine(self.data_dir, timeout_s=timeout_s)


def freeze(pid: int) -> None:
    """Stop a process and wait until the machine says so."""
    os.kill(pid, signal.SIGSTOP)
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.005)


def end(pid: int) -> None:
    """Kill a process and wait until it runs no more; its parent may not have asked yet."""
    os.kill(pid, signal.SIGKILL)
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.005)


class Examined:
    """What all checks said."""

    def __init__(self, facts: Facts, rows: list[Row]) -> None:
        self.facts = facts
        self.rows = {row.id: row for row in rows}

    def with_status(self, status: str) -> list[str]:
        return [row.id for row in self.rows.values() if row.status == status]

    def detail(self, check: str) -> str:
        return self.rows[check].detail


def examine(data_dir: Path, *, timeout_s: float = 18.0) -> Examined:
    """Run every check that looks at this machine alone."""
    found = command.examine(Located(data_dir, "option"), select([]), timeout_s=timeout_s)
    return Examined(found.facts, list(found.report.rows))


def polyshared(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Done:
    """Run the command itself."""
    path = os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])
    return subprocess.run(
        [sys.executable, "-m", "polyshared", *arguments],
        env={**os.environ, "PYTHONPATH": path, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def doctor(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Done:
    return polyshared("doctor", *arguments, env=env, cwd=cwd)
