"""Run a program for a limited time; nothing of what it started is left afterwards.

It runs in a process group of its own, so that what it starts in turn is ended with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

GRACE_S = 0.5  # between the request to end and the end by force

Process = subprocess.Popen[bytes]

_lock = Lock()
_running: set[Process] = set()
_is_over = False  # between end_all() and begin(): nothing may start behind its back


class Late(Exception):
    """The program had not ended in time; it has now."""


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], deadline_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Run *command* to its end and return what it printed.

    Args:
        command: Program and arguments; its standard input is empty.
        cwd: Folder to run it in.
        env: Its whole environment.
        deadline_s: How long it may take. Ending it takes up to ``GRACE_S`` more.

    Raises:
        Late: It took longer.
        OSError: It could not be started.
    """
    with _started(command, cwd, env) as process, process:
        try:
            out, err = process.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            _end(process)
            raise Late from None
        return subprocess.CompletedProcess(command, process.returncode, out, err)


@contextmanager
def _started(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Iterator[Process]:
    """Start a process; at no instant does it run where :func:`end_all` would not find it."""
    with _lock:
        if _is_over:
            raise Late
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        _running.add(process)
    try:
        yield process
    finally:
        with _lock:
            _running.discard(process)


def _end(process: Process) -> None:
    """End a process and its whole group, first with a request, then by force; reap it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    # Also when it has ended: what it started may be deaf to the request.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def begin() -> None:
    """Allow programs to be started, until :func:`end_all`."""
    global _is_over  # noqa: PLW0603 - as the set above, one for the process
    with _lock:
        _is_over = False


def end_all() -> None:
    """End by force what still runs, and let nothing start any more: nobody will wait for it."""
    global _is_over  # noqa: PLW0603 - as the set above, one for the process
    with _lock:
        _is_over = True
        left = [process for process in _running if process.poll() is None]
    for process in left:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for process in left:
        process.wait()
