"""The earlier program's design: one JSON of everything a second, read whole five times a second.

Its writer copies all entries, writes them with indentation to a file beside and renames that;
each child loads the whole file every 0.2 s, at a phase of its own, and looks for its token.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from copy import deepcopy

from benchmarks.harness.peer import EVENT, Entry, Peer, Place, make_entry

_FILE = "ws_cache.json"
_FLUSH_S = 1.0
_POLL_S = 0.2


class _Publisher:
    def __init__(self, place: Place) -> None:
        self._path = os.fspath(place.directory / _FILE)
        self._mutex = threading.Lock()
        self._entries = {key: make_entry(0) for key in place.keys}
        self._is_dirty = False
        self._ends = threading.Event()
        self._flush()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def publish(self, key: str, entry: Entry) -> None:
        with self._mutex:
            self._entries[key] = entry
            self._is_dirty = True

    def close(self) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.wait(_FLUSH_S):
            if self._is_dirty:
                self._flush()

    def _flush(self) -> None:
        with self._mutex:
            copy = {"updated_at": time.time(), "tokens": deepcopy(self._entries)}
            self._is_dirty = False
        temporary = f"{self._path}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(copy, file, ensure_ascii=False, indent=2)
        os.replace(temporary, self._path)


class _Follower:
    def __init__(self, place: Place, number: int) -> None:
        self._path = os.fspath(place.directory / _FILE)
        self._key = place.key(number)
        self._seen = 0
        phase_s = random.uniform(0, _POLL_S)  # noqa: S311 - a load, not a secret
        self._next_s = time.monotonic() + phase_s

    def next(self, timeout_s: float) -> int | None:
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            self._sleep()
            with open(self._path, encoding="utf-8") as file:
                number = int(json.load(file)["tokens"][self._key][EVENT])
            if number != self._seen:
                self._seen = number
                return number
        return None

    def _sleep(self) -> None:
        """Sleep until the next poll; polls that were missed are not made up for."""
        now = time.monotonic()
        while self._next_s <= now:
            self._next_s += _POLL_S
        time.sleep(self._next_s - now)

    def close(self) -> None:
        pass


PEER = Peer(
    name="earlier",
    title="the earlier program: 1 s flush, 0.2 s poll",
    wakes_by="json.load every 0.2 s",
    open_publisher=_Publisher,
    open_follower=_Follower,
    settle_s=2.5,
)
