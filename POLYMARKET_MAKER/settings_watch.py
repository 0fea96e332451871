"""Notice that a settings file changed, while the program runs.

The watcher only wakes: what counts is what the files look like, so that an event too
many costs a look, and one that never comes (network drives, some mounts) five seconds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from POLYMARKET_MAKER import log

LOOK_EVERY_S = 5.0
SETTLED_S = 0.5
"""An editor writes in several steps: a file counts when it has not moved for so long."""

_Identity = tuple[tuple[int, ...] | None, ...]


class SettingsWatch:
    """Watches some files; ask :meth:`has_changed` in every turn."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Begin; how the files are now is how the program knows them."""
        self._paths = tuple(paths)
        self._known = self._seen = self._look()
        self._seen_mono = self._looked_mono = float("-inf")
        self._woken = threading.Event()
        self._observer = Observer()
        self._observer.daemon = True
        handler = _Wake(self._woken)
        try:
            for folder in {path.parent for path in self._paths}:
                self._observer.schedule(handler, str(folder))
            self._observer.start()
        except OSError as error:  # no more inotify watches: looking now and then remains
            log.warning("[INIT]", event="settings_not_watched", reason=str(error))

    def has_changed(self, mono: float) -> bool:
        """Whether a file differs from what was last told, and has settled; True once a change."""
        if self._woken.is_set() or self._seen != self._known:
            self._woken.clear()
        elif mono - self._looked_mono < LOOK_EVERY_S:
            return False
        self._looked_mono = mono
        now = self._look()
        if now != self._seen:
            self._seen, self._seen_mono = now, mono
        if self._seen == self._known or mono - self._seen_mono < SETTLED_S:
            return False
        self._known = self._seen
        return True

    def close(self) -> None:
        """End the watcher's thread."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _look(self) -> _Identity:
        return tuple(_identity(path) for path in self._paths)


class _Wake(FileSystemEventHandler):
    """Wakes for what may be a change; not for being read, which is what we do ourselves."""

    def __init__(self, woken: threading.Event) -> None:
        self._woken = woken

    def on_any_event(self, event: FileSystemEvent) -> None:
        kinds = (FileClosedEvent, FileCreatedEvent, FileModifiedEvent, FileMovedEvent)
        if isinstance(event, kinds):
            self._woken.set()


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)
