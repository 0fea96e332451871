"""SIGKILL at every call that a writer makes of the operating system, from inside.

    python hooked.py DIRECTORY

For n = 1, 2, … a fork makes a writer, is killed at its n-th call, and is then
succeeded by a new writer. Prints one JSON object for each n, until no call is left.
strace sees the same calls from outside (see `points`), but takes 100 times as long.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from polyshared import SnapshotMissing, SnapshotReader, SnapshotWriter

CALLS = (
    "open", "write", "writev", "pwrite", "pread", "close", "fsync", "replace", "unlink", "mkdir",
    "stat", "lstat", "fstat", "posix_fallocate", "scandir",
)  # fmt: skip
KILLED, FINISHED = -signal.SIGKILL, 0


def kill_at(at: int) -> None:
    """Replace the calls by ones of which the *at*-th kills this process."""
    calls = 0

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)

        return call

    for name in CALLS:
        setattr(os, name, wrap(getattr(os, name)))


def write(path: Path, at: int) -> None:
    kill_at(at)
    writer = SnapshotWriter(path)
    writer.put("a", {"n": 2})
    writer.set_feed({"n": 2})
    writer.flush()
    writer.put("a", {"n": 3})
    writer.put("b", {"n": 3})
    writer.delete("b")
    writer.flush()
    writer.close()


def look(path: Path) -> dict[str, Any]:
    """Read as others would after the kill, then start the next writer."""
    whole = SnapshotReader(path).read()
    began, worked = time.monotonic(), time.process_time()
    writer = SnapshotWriter(path)
    started_s, start_cpu_s = time.monotonic() - began, time.process_time() - worked
    litter = [each.name for each in path.parent.rglob("*.tmp")]
    writer.put("a", {"n": 9})
    writer.flush()
    with SnapshotReader(path) as reader:
        after = reader.entry("a").fields["n"], reader.read().tokens["a"].fields["n"]
    writer.close()
    return {
        "file": whole.tokens["a"].fields["n"] if "a" in whole.tokens else None,
        "has_grown": writer.epoch > whole.epoch,
        "started_s": started_s,
        "start_cpu_s": start_cpu_s,
        "litter": litter,
        "after": after,
    }


def main() -> None:
    at, code = 0, KILLED
    while code == KILLED:
        at += 1
        path = Path(sys.argv[1]) / str(at) / "ws_cache.json"
        path.parent.mkdir()
        with SnapshotWriter(path) as writer:
            writer.put("a", {"n": 1})
            writer.flush()
        lane = SnapshotReader(path)
        lane.entry("a")
        child = os.fork()
        if not child:
            write(path, at)
            os._exit(FINISHED)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        try:
            slot = lane.entry("a").fields["n"]
        except SnapshotMissing:  # the new writer had nothing yet
            slot = None
        lane.close()
        sys.stdout.write(json.dumps({"at": at, "code": code, "slot": slot} | look(path)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
