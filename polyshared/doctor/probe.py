"""Ask the trading program what only it can tell, in a process of its own.

It runs in the supervisor's interpreter and folder, with a deadline and with an
environment that holds no secret. However doctor ends, no such process outlives it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from polyshared.doctor import running
from polyshared.doctor.graph import NotLearnt

MODULE = "POLYMARKET_MAKER.probe"
PASSED_ON = frozenset({
    "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONPATH", "PYTHONUTF8",
    "PYTHONIOENCODING", "VIRTUAL_ENV", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "POLY_DATA_DIR", "POLY_LOG_DIR",
})  # fmt: skip


class Answer(msgspec.Struct, frozen=True):
    """What the trading program said; see ``POLYMARKET_MAKER/probe``."""

    subject: str
    available: bool
    ok: bool
    reason: str | None = None
    data: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Program:
    """Where the trading program is and what runs it.

    Attributes:
        interpreter: Python that runs it.
        root: Folder that holds POLYMARKET_MAKER.
        told_by: Who said so: ``supervisor`` or ``here``.
    """

    interpreter: str
    root: Path
    told_by: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes:
        environment: Added to the clean one; the only way for a secret to reach the program.
    """

    subject: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def clean_environment(source: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that holds no secret.

    A file of secrets is not opened either: POLY_ENV_FILE names an empty one.
    """
    kept = {name: value for name, value in source.items() if name in PASSED_ON}
    return {**kept, "POLY_ENV_FILE": os.devnull}


def ask(program: Program, question: Ask, *, deadline_s: float) -> Answer:
    """Return the trading program's answer.

    Raises:
        NotLearnt: It could not be started, did not answer in time, or not in JSON.
    """
    command = [program.interpreter, "-m", MODULE, question.subject, "--json", *question.options]
    env = clean_environment(os.environ) | dict(question.environment)
    try:
        done = running.run(command, cwd=program.root, env=env, deadline_s=deadline_s)
    except running.Late:
        raise NotLearnt(
            f"`{' '.join(command[1:4])}` gave no answer in {deadline_s:.0f} s", timed_out=True
        ) from None
    except OSError as error:
        raise NotLearnt(f"{program.interpreter} cannot be run: {error.strerror}") from error
    try:
        return msgspec.json.decode(done.stdout, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotLearnt(_why_silent(done, program)) from None


def _why_silent(done: subprocess.CompletedProcess[bytes], program: Program) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else "it printed nothing"
    return f"{program.interpreter} in {program.root} ended with {done.returncode}: {last}"
