"""The actors of a scene, as programs of their own.

    python actors.py writer SNAPSHOT KEYS SEED [--take-over]
    python actors.py reader SNAPSHOT KEYS SEED lane|file|whole MAX_AGE_S PAUSE_S

The writer writes as fast as a market until it is killed. It prints one line: its
epoch and the boot-time second of its first flush. The reader checks every promise
with every read, PAUSE_S apart, until its standard input ends. It prints "ready", and then one JSON
object: how many reads of which outcome, what was wrong, when each epoch was first seen.
"""

from __future__ import annotations

import json
import random
import select
import sys
import time
from collections import Counter

from polyshared import (
    Entry,
    SnapshotError,
    SnapshotMissing,
    SnapshotReader,
    SnapshotWriter,
    WriterFenced,
)
from polyshared._clock import boot_s

FENCED = 9


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def proof(key: str, epoch: int, number: int) -> str:
    """Return what only a whole entry of this key, life and version holds."""
    return f"{key}:{epoch}:{number}:" * (1 + number % 17)


def write(path: str, keys: int, seed: int, *, take_over: bool) -> int:
    choose = random.Random(seed)  # noqa: S311 - torture is to be repeatable
    writer = SnapshotWriter(
        path,
        min_interval_s=0.02,
        heartbeat_s=0.2,
        max_age_s=1.0,
        take_over=take_over,
    )
    number = 0

    def put(key: str) -> None:
        nonlocal number
        number += 1
        entry = {"epoch": writer.epoch, "n": number, "health": "live" if number % 2 else "quiet"}
        writer.put(key, entry | {"proof": proof(key, writer.epoch, number)})

    try:
        for index in range(keys):
            put(f"key{index}")
        writer.heartbeat()
        say(f"{writer.epoch} {boot_s()}")
        writer.start()
        while True:
            for _ in range(choose.randrange(1, 40)):
                put(f"key{choose.randrange(keys)}")
            time.sleep(choose.uniform(0.0005, 0.004))  # a market is not a tight loop
    except WriterFenced as error:
        say(str(error))
        return FENCED


class Witness:
    """Holds what was seen, and says what is wrong with what comes next."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.first_seen: dict[int, float] = {}
        self.states: list[tuple[float, str]] = []  # changes of outcome
        self._versions: dict[str, tuple[int, int, int]] = {}
        self._epoch = 0

    def see(self, entry: Entry) -> None:
        fields, key = entry.fields, entry.key
        if fields["proof"] != proof(key, fields["epoch"], fields["n"]):
            self.wrong.append(f"torn: {key} {entry.version}")
        if fields["epoch"] != entry.epoch:
            self.wrong.append(f"mixed epochs: {key} {entry.version} {fields['epoch']}")
        version = (entry.epoch, entry.seq, entry.rev)
        if version < self._versions.get(key, (0, 0, 0)) or entry.epoch < self._epoch:
            self.wrong.append(f"back: {key} {version} after {self._versions.get(key)}")
        self._versions[key] = version
        self._epoch = max(self._epoch, entry.epoch)
        self.first_seen.setdefault(entry.epoch, boot_s())
        self._count("ok")

    def fail(self, error: SnapshotError) -> None:
        self._count(type(error).__name__)

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1
        if not self.states or self.states[-1][1] != outcome:
            self.states.append((boot_s(), outcome))


def read(path: str, keys: int, seed: int, mode: str, *, max_age_s: float, pause_s: float) -> int:
    choose = random.Random(seed)  # noqa: S311 - torture is to be repeatable
    witness = Witness()
    reader = SnapshotReader(path, max_age_s=max_age_s, lane=mode == "lane")
    say("ready")
    while not select.select([sys.stdin], [], [], pause_s)[0]:
        key = f"key{choose.randrange(keys)}"
        try:
            if mode == "whole":
                for entry in reader.read().tokens.values():
                    witness.see(entry)
            elif choose.random() < 0.2:
                witness.see(reader.follow(key, timeout_s=0.1))
            else:
                witness.see(reader.entry(key))
        except SnapshotMissing as error:
            witness.fail(error)
            reader_pause(reader, key)
        except SnapshotError as error:
            witness.fail(error)
    say(
        json.dumps(
            {
                "outcomes": witness.outcomes,
                "wrong": witness.wrong[:10],
                "first_seen": witness.first_seen,
                "states": witness.states,
            }
        )
    )
    return 0


def reader_pause(reader: SnapshotReader, key: str) -> None:
    """Wait for the key rather than ask for it in a tight loop."""
    try:
        reader.follow(key, timeout_s=0.05)
    except SnapshotError:
        return


def main() -> int:
    role, path, keys, seed, *rest = sys.argv[1:]
    if role == "writer":
        return write(path, int(keys), int(seed), take_over="--take-over" in rest)
    mode, max_age_s, pause_s = rest
    ages = {"max_age_s": float(max_age_s), "pause_s": float(pause_s)}
    return read(path, int(keys), int(seed), mode, **ages)


if __name__ == "__main__":
    sys.exit(main())
