"""``python racing_reader.py CACHE SECONDS lane|file``: read as often as one can.

Prints how many reads there were, how many different states, and how many were torn: two
halves that do not belong together, or a file that is no snapshot.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from polyshared import SnapshotError, SnapshotReader  # noqa: E402 - the path must be right first


def main(cache: str, seconds: str, kind: str) -> None:
    reads = torn = 0
    versions = set()
    end = time.monotonic() + float(seconds)
    with SnapshotReader(cache, lane=kind == "lane") as reader:
        while time.monotonic() < end:
            reads += 1
            try:
                entry = reader.read().tokens["1"] if kind == "file" else reader.entry("1")
            except SnapshotError:
                torn += 1
                continue
            versions.add(entry.version)
            torn += entry.fields["a"] != entry.fields["b"]
    sys.stdout.write(f"{reads} {len(versions)} {torn}\n")


main(*sys.argv[1:])
