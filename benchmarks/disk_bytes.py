"""Bytes that reach the disk for each byte of JSON that is written."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks.harness.context import Context
from benchmarks.harness.machine import file_system
from benchmarks.harness.peer import Place, make_entry
from benchmarks.harness.report import Section, Table, Verdict, number
from polyshared import SnapshotWriter

TITLE = "Bytes to disk"
_TOKENS = 500
_STEP_S = 0.02


def run(context: Context) -> Section:
    """Flush many times in our default mode, and by plain `os.replace` for comparison."""
    flushes = 25 if context.is_quick else 250
    kind = file_system(context.directory)
    with tempfile.TemporaryDirectory(dir=context.directory) as folder:
        ours = _write_ours(Path(folder) / "ours.json", flushes, lane=True)
        alone = _write_ours(Path(folder) / "alone.json", flushes, lane=False)
        plain = _write_plainly(Path(folder) / "plain.json", flushes // 5)
    section = Section(TITLE)
    section.text.append(
        f"`write_bytes` of /proc/self/io over {flushes} flushes of a snapshot of {_TOKENS} "
        f"tokens, one change and 20 ms apart, on {kind}; less `cancelled_write_bytes` "
        "(pages that were dropped before they were written)."
    )
    header = ["", "JSON bytes", "bytes to disk", "ratio"]
    rows = [
        _row("SnapshotWriter, default: board too", *ours),
        _row("SnapshotWriter, no board", *alone),
        _row("os.replace", *plain),
    ]
    section.tables.append(Table("", header, rows))
    detail = "" if kind == "ext4" else f"the bound is for ext4, this is {kind}"
    section.verdicts.append(
        Verdict("bytes to disk for each byte of JSON", ours[1] / ours[0], 0.05, detail=detail)
    )
    return section


def _row(name: str, logical: int, physical: int) -> list[str]:
    return [name, f"{logical:,}", f"{physical:,}", number(physical / logical)]


def _written() -> int:
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["write_bytes"]) - int(counters["cancelled_write_bytes"])


def _write_ours(path: Path, flushes: int, *, lane: bool) -> tuple[int, int]:
    """Return the bytes of JSON that were written, and the bytes that reached the disk."""
    place = Place(path.parent, _TOKENS, 0)
    keys = place.keys
    with SnapshotWriter(path, lane=lane) as writer:
        for key in keys:
            writer.put(key, make_entry(0))
        writer.flush()
        logical, before = 0, _settled()
        for flush in range(1, flushes + 1):
            writer.put(keys[flush % len(keys)], make_entry(flush))
            writer.flush()
            logical += path.stat().st_size
            time.sleep(_STEP_S)
        return logical, max(0, _written() - before)


def _write_plainly(path: Path, flushes: int) -> tuple[int, int]:
    """Do the same by writing a file beside and renaming it."""
    entries = {key: make_entry(0) for key in Place(path.parent, _TOKENS, 0).keys}
    logical, before = 0, _settled()
    for _ in range(flushes):
        text = json.dumps({"tokens": entries})
        beside = path.with_suffix(".tmp")
        beside.write_text(text)
        os.replace(beside, path)
        logical += len(text)
        time.sleep(_STEP_S)
    return logical, max(0, _written() - before)


def _settled() -> int:
    """Return what was written so far, once nothing that is older waits any more."""
    os.sync()
    return _written()
