"""One archive with what somebody needs who is to help, and without what he must not see."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from polyshared.doctor import cachefile, logs
from polyshared.doctor.facts import Facts
from polyshared.doctor.graph import Known
from polyshared.doctor.probe import Answer
from polyshared.doctor.redact import Redactor
from polyshared.doctor.statusfiles import CHILDREN_FOLDER, SUPERVISOR_FILE

MAIN_LOG_BYTES = 512 * 1024
CHILD_LOG_BYTES = 64 * 1024
STATUS_BYTES = 4 * 1024 * 1024
CACHE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the archive, before secrets are taken out."""

    name: str
    text: str


def collect(
    facts: Facts, *, doctor: str, frames: str, environ: Mapping[str, str]
) -> Iterator[Part]:
    """Yield what the bundle holds.

    Args:
        facts: What doctor gathered.
        doctor: Doctor's JSON object.
        frames: The newest raw frames, or why there are none.
        environ: Only the names of its variables are told.
    """
    yield Part("doctor.json", doctor)
    for name in ("imports", "settings", "ledger"):
        yield Part(f"{name}.json", _answer(getattr(facts, name)))
    yield Part("frames.jsonl", frames)
    yield Part("environment_names.txt", "\n".join(sorted(environ)) + "\n")
    data_dir = facts.located.data_dir
    yield from _files(data_dir, [SUPERVISOR_FILE], limit=STATUS_BYTES)
    children = sorted((data_dir / CHILDREN_FOLDER).glob("*.json"))
    yield from _files(data_dir, [str(p.relative_to(data_dir)) for p in children], STATUS_BYTES)
    yield from _files(data_dir, [cachefile.CACHE_NAME], limit=CACHE_BYTES)
    yield from _logs(facts)


def _answer(learnt: object) -> str:
    if not isinstance(learnt, Known) or not isinstance(learnt.value, Answer):
        return json.dumps({"available": False, "reason": getattr(learnt, "reason", "not asked")})
    answer = learnt.value
    body = {"ok": answer.ok, "reason": answer.reason, "data": answer.data}
    return json.dumps(body, ensure_ascii=False, default=str)


def _files(folder: Path, names: Iterable[str], limit: int) -> Iterator[Part]:
    """Yield whole files; what is absent or too large is named instead."""
    for name in names:
        path = folder / name
        try:
            size = path.stat().st_size
            text = path.read_text("utf-8", "replace") if size <= limit else f"{size} bytes\n"
        except OSError as error:
            text = f"{error.strerror}\n"
        yield Part(f"data/{name}", text)


def _logs(facts: Facts) -> Iterator[Part]:
    """Yield the ends of the logs."""
    if not isinstance(facts.logs, Known) or not facts.logs.value.folder.is_dir():
        return
    found = facts.logs.value
    ends = [(path, CHILD_LOG_BYTES) for path in sorted(found.folder.glob("autorun_*.log"))]
    ends = [(path, limit) for path, limit in ends if not path.name.startswith("autorun_main_")]
    if found.main_log is not None:
        ends.insert(0, (found.main_log, MAIN_LOG_BYTES))
    ends.append((found.folder / logs.ERRORS_FILE, CHILD_LOG_BYTES))
    for path, limit in ends:
        lines = [line.decode("utf-8", "replace") for line in logs.tail(path, size=limit)]
        yield Part(f"logs/{path.name}", "\n".join(lines) + "\n")


def write(path: Path, parts: Iterable[Part], redactor: Redactor) -> list[str]:
    """Write the archive, readable by its owner alone; return the names of its files.

    Raises:
        OSError: It could not be written, or *path* is there already. Nothing is left then.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    names = []
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            for part in parts:
                _add(tar, redactor.clean(part.name), redactor.clean(part.text))
                names.append(part.name)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return names


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
    tar.addfile(info, io.BytesIO(data))
