"""Ask the running supervisor for something, through files.

A request is ``control/<id>.json``, written atomically by whoever asks:

    {"schema": 1, "id": "…", "request": "pause", "token": "7132…" | null,
     "asked_at": 1795187463.5, "boottime_s": 530.2, "by": "root", "pid": 4300}

The supervisor answers beside it and removes the request:

    control/<id>.answer.json: {"schema": 1, "id": "…", "ok": true, "message": "…"}

Whoever asked removes the answer. A request without an answer is withdrawn by its asker,
so that it is not acted on later, when nobody expects it.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from polyshared import _clock, write_atomic
from polyshared._clock import Moment

FOLDER = "control"
LOOK_EVERY_S = 0.1


class NoAnswer(Exception):
    """The supervisor did not answer in time; the request was withdrawn."""


class Answer(msgspec.Struct, frozen=True):
    """What the supervisor said."""

    id: str
    ok: bool
    message: str = ""


def ask(
    data_dir: Path,
    request: str,
    *,
    token: str | None,
    by: str,
    timeout_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Ask the supervisor of *data_dir* and wait for its answer.

    Args:
        data_dir: Its data directory.
        request: ``pause``, ``resume``, ``restart`` or ``frames``.
        token: The token meant; None for all, and with ``restart`` for the aggregator.
        by: Who asks, for the log.
        timeout_s: How long to wait.
        sleep: Waits between two looks.

    Raises:
        NoAnswer: It did not answer in time.
        OSError: The request could not be written.
    """
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{int(time.time())}-{os.getpid()}-{secrets.token_hex(4)}"
    asked, answered = folder / f"{name}.json", folder / f"{name}.answer.json"
    now = _clock.now()
    write_atomic(asked, _request(name, request, token, by, now))
    ends = now.boot_s + timeout_s
    try:
        while _clock.boot_s() < ends:
            answer = _read(answered)
            if answer is not None and answer.id == name:
                return answer
            sleep(LOOK_EVERY_S)
        raise NoAnswer(f"the supervisor did not answer {request!r} in {timeout_s:g} s")
    finally:
        for path in (asked, answered):
            with suppress(FileNotFoundError):
                path.unlink()


def _request(name: str, request: str, token: str | None, by: str, at: Moment) -> bytes:
    body = {
        "schema": 1,
        "id": name,
        "request": request,
        "token": token,
        "asked_at": at.wall_s,
        "boottime_s": at.boot_s,
        "by": by,
        "pid": os.getpid(),
    }
    return msgspec.json.encode(body) + b"\n"


def _read(path: Path) -> Answer | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Answer)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
