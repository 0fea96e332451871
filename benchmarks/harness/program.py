"""The project's own programs as processes of a measurement: the simulator and the supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness.errors import DidNotStartError

ROOT = Path(__file__).resolve().parents[2]
_STOP_S = 120.0
_ADDRESSES = {
    "POLY_HOST": "clob",
    "POLY_WS_URL": "ws_market",
    "POLY_WS_USER_URL": "ws_user",
    "POLY_GAMMA_ROOT": "gamma",
    "POLY_DATA_API_ROOT": "data",
}


@contextmanager
def program(
    *arguments: str, out: int = subprocess.DEVNULL, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run one of the project's programs for the length of a block.

    Args:
        arguments: What follows ``python``.
        out: Where its standard output goes; what it says on standard error is not shown.
        env: What its environment has beside this process's own.
    """
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(env or {})},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()  # its children notice, and end themselves
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def simulator(tokens: int, *options: str) -> Iterator[dict[str, Any]]:
    """Run the offline exchange; give its addresses and its token ids.

    Raises:
        DidNotStartError: It said nothing, or no addresses.
    """
    told = (f"--tokens={tokens}", *options, f"--parent-pid={os.getpid()}")
    with program("-m", "POLYMARKET_MAKER.sim", *told, out=subprocess.PIPE) as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline() or "{}")
        if "tokens" not in urls:
            raise DidNotStartError("the simulator did not start")
        yield urls


def surroundings(folder: Path, urls: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a supervisor at home in *folder*, on the simulator at *urls*."""
    places = {"POLY_DATA_DIR": str(folder / "data"), "POLY_LOG_DIR": str(folder / "logs")}
    return places | {variable: str(urls[name]) for variable, name in _ADDRESSES.items()}


def began_at(pid: int) -> float:
    """Return when *pid* began, in epoch seconds, to a hundredth.

    psutil's ``create_time`` is late or early by up to a second, always by the same: it adds the
    kernel's ticks to the time of the boot, which the kernel tells in whole seconds.
    """
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    began_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + began_s
